#include "hub/identity/signing_keys.hpp"

#include <set>

#include "hub/identity/tokens.hpp"
#include "hub/jobs/jobs.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub::identity {
namespace {

constexpr WallTime start = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};
constexpr seconds ttl{600};

std::set<std::string> ids_of(const std::vector<Es256Key>& keys) {
  std::set<std::string> ids;
  for (const Es256Key& key : keys) ids.insert(key.id());
  return ids;
}

TEST(SigningKeys, TakeOverWithoutAnyTokenBeingRefused) {
  const SigningKey old_key{Es256Key::generate(), start};
  const SigningKey new_key{Es256Key::generate(), start + hours{1} + key_lead};
  const std::vector keys{new_key, old_key};
  const auto signing = [&](WallTime at) { return signing_key_at(keys, at).key.id(); };
  const auto verifying = [&](WallTime at) { return ids_of(verifying_keys_at(keys, at, ttl)); };
  const std::set both{old_key.key.id(), new_key.key.id()};
  const WallTime takes_over = new_key.signs_from;
  EXPECT_EQ(signing(takes_over - Millis{1}), old_key.key.id());
  EXPECT_EQ(signing(takes_over), new_key.key.id());
  EXPECT_EQ(verifying(takes_over - key_lead), both) << "it is known before it signs";
  EXPECT_EQ(verifying(takes_over + ttl), both) << "the last token of the old one";
  EXPECT_EQ(verifying(takes_over + ttl + minutes{2}), std::set{new_key.key.id()});
  EXPECT_EQ(signing(start - hours{1}), old_key.key.id()) << "a clock that went back";
}

TEST(SigningKeys, OfOneTimeAllCountForEver) {
  const SigningKey first{Es256Key::generate(), WallTime{}};
  const SigningKey second{Es256Key::generate(), WallTime{}};
  const std::vector keys{first, second};
  EXPECT_EQ(signing_key_at(keys, start).key.id(), first.key.id());
  EXPECT_EQ(verifying_keys_at(keys, start, ttl).size(), 2u);
}

class KeyRotation : public ::testing::Test {
 protected:
  std::vector<SigningKey> load() {
    std::vector<SigningKey> keys;
    EXPECT_TRUE(hub_.write([&](db::Transaction& transaction) -> Result<void> {
      auto loaded = load_or_make_signing_keys(transaction, hub_.clock.wall);
      if (!loaded) return failure(loaded);
      keys = std::move(*loaded);
      return {};
    }));
    return keys;
  }
  Result<std::int64_t> run(std::string_view name) {
    return test::run_task(hub_.world(), jobs::find_job(name)->run(parts_, "cli:test"));
  }

  test::HubDatabase hub_;
  clock::ClockGuard guard_{hub_.clock};
  jobs::Parts parts_{.database = hub_.port(),
                     .clock = hub_.clock,
                     .uuids = hub_.uuids,
                     .rng = hub_.rng,
                     .guard = guard_,
                     .access_ttl = ttl};
};

TEST_F(KeyRotation, KeepsTokensOfBothKeysGoodAndShowsBoth) {
  Tokens tokens(load(), {.terms = {.issuer = "perkline"}, .ttl = ttl}, hub_.clock, hub_.rng);
  User user;
  user.id = UserId("0190163d-8694-739b-aea5-966c26f8ad91");
  const std::string before = tokens.issue(user);
  ASSERT_EQ(run("rotate-keys"), 1);
  tokens.replace_keys(load());
  const auto kids = [&] {
    const std::string shown = tokens.jwks();
    std::size_t count = 0;
    for (auto at = shown.find("\"kid\""); at != std::string::npos; at = shown.find("\"kid\"", at + 1))
      ++count;
    return count;
  };
  EXPECT_EQ(kids(), 2u);
  EXPECT_TRUE(tokens.verify(before));
  const auto head_of = [](const std::string& token) { return token.substr(0, token.find('.')); };
  EXPECT_EQ(head_of(tokens.issue(user)), head_of(before)) << "the new key is not yet known to everybody";
  hub_.clock.advance(key_lead);
  const std::string after = tokens.issue(user);
  EXPECT_NE(head_of(after), head_of(before));
  EXPECT_TRUE(tokens.verify(after));
  hub_.clock.advance(minutes{8});
  EXPECT_EQ(kids(), 2u);
  hub_.clock.advance(minutes{5});
  EXPECT_EQ(kids(), 1u) << "every token of the old key has expired";
  EXPECT_EQ(run("rotate-keys"), 2) << "one made, one dropped";
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM signing_keys"), 2);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM audit WHERE action = 'keys.rotated'"), 2);
}

TEST_F(KeyRotation, IsRefusedWhereTheKeysAreInAFile) {
  parts_.keys_in_file = true;
  const auto done = run("rotate-keys");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::session_state);
}

TEST_F(KeyRotation, EndsWhatWasVerifiedByAKeyThatIsGone) {
  Tokens tokens(load(), {.terms = {.issuer = "perkline"}, .ttl = ttl}, hub_.clock, hub_.rng);
  User user;
  user.id = UserId("0190163d-8694-739b-aea5-966c26f8ad91");
  const std::string token = tokens.issue(user);
  EXPECT_TRUE(tokens.verify(token));
  hub_.execute("DELETE FROM signing_keys");
  tokens.replace_keys(load());
  EXPECT_FALSE(tokens.verify(token));
}

TEST(Tokens, ForgetWhatTheyHaveVerifiedNoLaterThanItExpires) {
  test::ManualClock clock;
  SeededRng rng(1);
  Tokens tokens({{Es256Key::generate(), WallTime{}}},
                {.terms = {.issuer = "perkline"}, .ttl = seconds{30}, .cached_max = 2}, clock, rng);
  User user;
  user.id = UserId("0190163d-8694-739b-aea5-966c26f8ad91");
  const std::string token = tokens.issue(user);
  EXPECT_TRUE(tokens.verify(token));
  EXPECT_TRUE(tokens.verify(token));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(tokens.verify(tokens.issue(user)));
  EXPECT_TRUE(tokens.verify(token)) << "one that was pushed out is worked out again";
  clock.advance(seconds{30});
  const auto over = tokens.verify(token);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::token_expired);
  // One byte more is another token.
  EXPECT_FALSE(tokens.verify(token + "A"));
}

TEST(Jobs, HaveTheirTurnOncePerPeriodWhoeverAsks) {
  test::HubDatabase hub;
  const jobs::Job& job = *jobs::find_job("forget-sessions");
  const auto turn = [&] {
    bool taken = false;
    EXPECT_TRUE(hub.write([&](db::Transaction& transaction) -> Result<void> {
      const auto taking = jobs::take_turn(transaction, job, hub.clock.wall);
      if (!taking) return std::unexpected(taking.error());
      taken = *taking;
      return {};
    }));
    return taken;
  };
  EXPECT_FALSE(turn()) << "nothing is old in a new database";
  hub.clock.advance(days{1} - Millis{1});
  EXPECT_FALSE(turn());
  hub.clock.advance(Millis{1});
  EXPECT_TRUE(turn());
  EXPECT_FALSE(turn());
  hub.clock.wall -= days{3650};
  EXPECT_TRUE(turn()) << "a clock that was ahead does not stop it for years";
}

}  // namespace
}  // namespace perkline::hub::identity
