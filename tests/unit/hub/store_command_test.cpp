#include "hub/downlink/commands.hpp"
#include "hub/downlink/downlink.hpp"
#include "tests/unit/hub/two_stores.hpp"

namespace perkline::test {
namespace {

using hub::downlink::Answering;
using hub::downlink::NewCommand;
using sync::CommandKind;
using sync::CommandOutcome;

const std::string old_key(64, '1');  // As TwoStores adds it.
const std::string new_key(64, 'a');
const std::string other_key(64, 'b');

class Commands : public TwoStores {
 protected:
  Result<Uuid> give(CommandKind kind, const std::string& argument = "", const StoreId& to = store) {
    const Uuid id = hub_.uuids.next();
    const auto given = hub_.write([&](hub::db::Transaction& t) {
      return hub::downlink::give(
          t,
          {.id = id, .store = to, .kind = kind, .argument = argument, .at = hub_.clock.wall, .by = "cli:me"});
    });
    if (!given) return std::unexpected(given.error());
    return id;
  }
  std::vector<sync::Command> open() {
    std::vector<sync::Command> all;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      all = hub::downlink::open_commands(t, store, 10).value();
      return {};
    }));
    return all;
  }
  std::optional<sync::Command> answer(const Uuid& id, CommandOutcome outcome, const std::string& detail = "",
                                      const std::string& on = old_key, const StoreId& from = store) {
    std::optional<sync::Command> reply;
    EXPECT_TRUE(hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      auto taken = hub::downlink::take_answer(
          t, {.store = from, .key = on, .now = hub_.clock.wall, .audit_id = hub_.uuids.next()},
          {.id = id, .outcome = outcome, .detail = detail});
      if (!taken) return failure(taken);
      reply = std::move(*taken);
      return {};
    }));
    return reply;
  }
  /// Those that let the store in.
  std::vector<std::string> keys(const StoreId& of = store) {
    std::vector<std::string> valid;
    for (const auto& row : hub_.rows("SELECT public_key FROM store_key WHERE store_id = $1 AND revoked_at IS"
                                     " NULL ORDER BY public_key",
                                     {of.str()}))
      valid.push_back(row.text(0));
    return valid;
  }
  std::string state_of(const Uuid& id) {
    return hub_.rows("SELECT state FROM store_command WHERE id = $1", {id.str()}).at(0).text(0);
  }
};

TEST_F(Commands, AreOpenUntilTheStoreHasAnswered) {
  const Uuid id = give(CommandKind::log_level, "debug").value();
  EXPECT_EQ(open(),
            (std::vector<sync::Command>{{.id = id, .kind = CommandKind::log_level, .argument = "debug"}}));
  EXPECT_FALSE(answer(id, CommandOutcome::done, "", old_key, other_store)) << "another store's word";
  EXPECT_EQ(open().size(), 1u);
  EXPECT_FALSE(answer(id, CommandOutcome::done));
  EXPECT_TRUE(open().empty());
  EXPECT_EQ(state_of(id), "done");
  (void)answer(id, CommandOutcome::refused, "too late");
  EXPECT_EQ(state_of(id), "done");
}

TEST_F(Commands, ThatMakeNoSenseAreNotGiven) {
  EXPECT_EQ(give(CommandKind::log_level, "loud").error().code, Errc::validation_failed);
  EXPECT_EQ(give(CommandKind::rotate_key, "", StoreId("store-9")).error().code, Errc::not_found);
  ASSERT_TRUE(give(CommandKind::rotate_key));
  EXPECT_EQ(give(CommandKind::rotate_key).error().code, Errc::session_state) << "one at a time";
  EXPECT_TRUE(give(CommandKind::rotate_key, "", other_store));
  ASSERT_TRUE(hub_.write(
      [&](hub::db::Transaction& t) { return hub::stores::retire(t, other_store, hub_.clock.wall); }));
  EXPECT_EQ(give(CommandKind::log_level, "debug", other_store).error().code, Errc::session_state);
}

TEST_F(Commands, ARotationLetsTheNewKeyInBesideTheOldOneUntilItIsUsed) {
  const Uuid id = give(CommandKind::rotate_key).value();
  const auto let_in = answer(id, CommandOutcome::key_offered, new_key);
  ASSERT_TRUE(let_in);
  EXPECT_EQ(*let_in, (sync::Command{.id = id, .kind = CommandKind::key_let_in, .argument = new_key}));
  EXPECT_EQ(keys(), (std::vector{old_key, new_key}));
  EXPECT_EQ(open(), std::vector{*let_in}) << "told until the store comes with it";
  EXPECT_EQ(answer(id, CommandOutcome::key_offered, new_key), let_in) << "said again";
  EXPECT_FALSE(answer(id, CommandOutcome::key_in_use, new_key, new_key));
  EXPECT_EQ(keys(), std::vector{new_key});
  EXPECT_EQ(state_of(id), "done");
  EXPECT_TRUE(open().empty());
  EXPECT_EQ(hub_.rows("SELECT action FROM audit WHERE actor = 'store:store-1'").at(0).text(0),
            "store.key_rotated");
  EXPECT_EQ(keys(other_store).size(), 1u);
}

TEST_F(Commands, TheOldKeyCannotSayThatTheNewOneIsUsed) {
  const Uuid id = give(CommandKind::rotate_key).value();
  ASSERT_TRUE(answer(id, CommandOutcome::key_offered, new_key));
  (void)answer(id, CommandOutcome::key_in_use, new_key, old_key);
  (void)answer(id, CommandOutcome::key_in_use, old_key, old_key);
  (void)answer(id, CommandOutcome::done);
  EXPECT_EQ(keys(), (std::vector{old_key, new_key}));
  EXPECT_EQ(state_of(id), "key_let_in");
}

TEST_F(Commands, AStoreThatLostTheNewKeyOffersAnother) {
  const Uuid id = give(CommandKind::rotate_key).value();
  ASSERT_TRUE(answer(id, CommandOutcome::key_offered, new_key));
  const auto again = answer(id, CommandOutcome::key_offered, other_key);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->argument, other_key);
  EXPECT_EQ(keys(), (std::vector{old_key, other_key})) << "the lost one lets nobody in";
}

TEST_F(Commands, AKeyThatIsAnothersEndsTheRotation) {
  const Uuid id = give(CommandKind::rotate_key).value();
  EXPECT_FALSE(answer(id, CommandOutcome::key_offered, std::string(64, '2')));
  EXPECT_EQ(state_of(id), "refused");
  EXPECT_EQ(keys(), std::vector{old_key});
  EXPECT_EQ(keys(other_store), std::vector{std::string(64, '2')});
}

TEST_F(Commands, NobodyOffersKeysUnasked) {
  const Uuid id = give(CommandKind::log_level, "debug").value();
  EXPECT_FALSE(answer(id, CommandOutcome::key_offered, new_key));
  EXPECT_FALSE(answer(hub_.uuids.next(), CommandOutcome::key_offered, new_key));
  EXPECT_EQ(keys(), std::vector{old_key});
}

}  // namespace
}  // namespace perkline::test
