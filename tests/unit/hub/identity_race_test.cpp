#include <set>
#include <thread>

#include "hub/identity/audit_chain.hpp"
#include "hub/identity/loyalty_link.hpp"
#include "hub/identity/refresh_families.hpp"
#include "hub/identity/signing_keys.hpp"
#include "hub/identity/user_admin.hpp"
#include "tests/unit/hub/live_hub.hpp"

namespace perkline::hub::identity {
namespace {

/// Many callers at once over the daemon's own adapter, as those of several replicas are.
class IdentityRace : public testing::Test {
 protected:
  UserId add_user(const std::string& name, Role role = Role::member) {
    NewUser added{.user = {}, .password_hash = "x"};
    added.user.id = UserId(hub_.ids().next().str());
    added.user.email = name + "@example.com";
    added.user.role = role;
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) { return insert_user(t, added); }));
    return added.user.id;
  }
  RefreshFamily open_family_of(const UserId& user) {
    const WallTime now = hub_.clock().wall_now();
    const RefreshFamily family{
        .id = hub_.ids().next(), .user = user, .rotated_at = now, .expires_at = now + days{30}};
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) { return insert_family(t, family); }));
    return family;
  }

  test::LiveHub hub_;
};

TEST_F(IdentityRace, FiftyRefreshesOfOneTokenHaveOneSuccessor) {
  const RefreshFamily family = open_family_of(add_user("jo"));
  std::vector<std::int64_t> successors(50, -1);
  std::vector<test::LiveHub::Work> works;
  works.reserve(successors.size());
  for (std::int64_t& successor : successors) {
    works.emplace_back(
        [&successor, &family, now = hub_.clock().wall_now()](db::Transaction& t) -> Result<void> {
          auto refreshed = use_refresh_token(t, {.family = family.id, .n = 0}, now, {});
          if (!refreshed) return failure(refreshed);
          successor = *refreshed ? (*refreshed)->token.n : -2;
          return {};
        });
  }
  for (const auto& result : hub_.write_all(std::move(works))) EXPECT_TRUE(result) << result.error().detail;
  EXPECT_EQ(successors, std::vector<std::int64_t>(50, 1));
  EXPECT_EQ(hub_.number("SELECT n FROM refresh_family"), 1);
}

TEST_F(IdentityRace, AnAuditChainedByManyAtOnceIsOneChain) {
  static constexpr int rows = 60;
  std::vector<test::LiveHub::Work> works;
  for (int i = 0; i < rows; ++i) {
    works.emplace_back([entry = AuditEntry{.id = hub_.ids().next(),
                                           .at = hub_.clock().wall_now(),
                                           .actor = "user:a",
                                           .action = "test",
                                           .subject = "user:" + std::to_string(i)}](db::Transaction& t) {
      return append_audit(t, entry);
    });
    works.emplace_back([](db::Transaction& t) -> Result<void> {
      auto chained = chain_audit(t, 7);
      if (!chained) return failure(chained);
      return {};
    });
  }
  for (const auto& result : hub_.write_all(std::move(works))) EXPECT_TRUE(result) << result.error().detail;
  EXPECT_TRUE(hub_.write([](db::Transaction& t) -> Result<void> {
    auto chained = chain_audit(t);
    if (!chained) return failure(chained);
    EXPECT_EQ(chained->head.sequence, rows);
    const auto verified = verify_audit(t);
    if (!verified) return std::unexpected(verified.error());
    EXPECT_EQ(*verified, std::vector<std::string>{});
    return {};
  }));
}

TEST_F(IdentityRace, OfManyWhoLinkOneCardOneHasIt) {
  const CustomerId card("CUST-1");
  std::vector<UserId> users;
  for (int i = 0; i < 8; ++i) users.push_back(add_user("user" + std::to_string(i)));
  std::vector<test::LiveHub::Work> works;
  for (const UserId& user : users) {
    works.emplace_back([&, now = hub_.clock().wall_now()](db::Transaction& t) -> Result<void> {
      auto held = hold_user(t, user);
      if (!held) return failure(held);
      const auto verdict = judge_link(t, card, std::nullopt, user, now);
      if (!verdict) return std::unexpected(verdict.error());
      (*held)->loyalty_id = card;
      return update_user(t, **held);
    });
  }
  int linked = 0;
  for (const auto& result : hub_.write_all(std::move(works))) {
    linked += result ? 1 : 0;
    if (!result) EXPECT_EQ(result.error().code, Errc::already_registered) << result.error().detail;
  }
  EXPECT_EQ(linked, 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM users WHERE loyalty_id = 'CUST-1'"), 1);
}

TEST_F(IdentityRace, TwoAdminsWhoSetEachOtherAsideLeaveOne) {
  SystemRng rng;
  UuidMaker ids(hub_.clock(), rng);
  UserAdmin admin(hub_.port(), hub_.clock(), ids);
  for (int round = 0; round < 5; ++round) {
    const UserId a = add_user("a" + std::to_string(round), Role::admin);
    const UserId b = add_user("b" + std::to_string(round), Role::admin);
    std::vector<std::thread> threads;
    for (const UserId& target : {a, b}) {
      threads.emplace_back([&, target] {
        const auto done =
            hub_.reactor().await(admin.change(target, {.role = Role::staff, .active = {}}, "user:x", ""));
        if (!done) EXPECT_EQ(done.error().code, Errc::forbidden) << done.error().detail;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM users WHERE role = 'admin' AND active = 1"), 1);
    ASSERT_TRUE(hub_.write([](db::Transaction& t) -> Result<void> {
      auto gone = t.execute("DELETE FROM users");
      if (!gone) return failure(gone);
      return {};
    }));
  }
}

TEST_F(IdentityRace, ReplicasThatStartTogetherMakeOneKeyBetweenThem) {
  std::vector<std::string> ids(8);
  std::vector<test::LiveHub::Work> works;
  works.reserve(ids.size());
  for (std::string& id : ids) {
    works.emplace_back([&id, now = hub_.clock().wall_now()](db::Transaction& t) -> Result<void> {
      const auto keys = load_or_make_signing_keys(t, now);
      if (!keys) return std::unexpected(keys.error());
      id = keys->size() == 1 ? keys->front().key.id() : "several";
      return {};
    });
  }
  for (const auto& result : hub_.write_all(std::move(works))) EXPECT_TRUE(result) << result.error().detail;
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM signing_keys"), 1);
}

}  // namespace
}  // namespace perkline::hub::identity
