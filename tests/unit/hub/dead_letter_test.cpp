#include <map>

#include "hub/ingest/dead_letters.hpp"
#include "hub/ingest/event_text.hpp"
#include "hub/stores/stores.hpp"
#include "shared/core/bytes.hpp"
#include "tests/unit/hub/two_stores.hpp"

namespace perkline::hub::ingest {
namespace {

class DeadLetters : public test::TwoStores {
 protected:
  Result<DeadLetter> in_one_write(const std::function<Result<DeadLetter>(db::Transaction&)>& work) {
    std::optional<DeadLetter> letter;
    auto done = hub_.write([&](db::Transaction& t) -> Result<void> {
      auto result = work(t);
      if (!result) return failure(result);
      letter = std::move(*result);
      return {};
    });
    if (!done) return failure(done);
    return std::move(*letter);
  }
  Result<DeadLetter> retry(const std::string& id) {
    const EffectIds ids{hub_.uuids.next(), hub_.uuids.next()};
    return in_one_write(
        [&](db::Transaction& t) { return retry_dead_letter(t, id, ids, hub_.clock.wall, {}); });
  }
  Result<DeadLetter> discard(const std::string& id) {
    return in_one_write([&](db::Transaction& t) { return discard_dead_letter(t, id, hub_.clock.wall); });
  }
  std::vector<std::string> open_ids(const std::optional<DeadLetterPlace>& after = std::nullopt,
                                    std::int64_t limit = 100) {
    std::vector<std::string> ids;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      auto letters = open_dead_letters(t, after, limit);
      if (!letters) return failure(letters);
      for (const DeadLetter& letter : *letters) ids.push_back(letter.id);
      return {};
    }));
    return ids;
  }
  /// As an older version left it that did not know the event's type.
  void bury_as_unknown(std::uint64_t sequence, sync::EventPayload payload) {
    const std::string bytes = sync::encode({.store = store,
                                            .epoch = 1,
                                            .sequence = sequence,
                                            .id = hub_.uuids.next(),
                                            .time = hub_.clock.wall,
                                            .traceparent = "",
                                            .payload = std::move(payload)});
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) {
      return bury(t, {.place = {store, 1, sequence}, .type = "Unknown", .reason = "type 18", .bytes = bytes},
                  hub_.clock.wall);
    }));
  }
  std::int64_t retry_after_upgrade() {
    return test::run_task(hub_.world(), retry_upgraded(hub_.port(), hub_.clock, hub_.uuids, {})).value();
  }
};

TEST_F(DeadLetters, RetryAppliesWhatCanBeAppliedByNow) {
  const auto sale = history_.sale(450, 100);
  tell(rejected_of(sale));
  tell(pending_of(sale, 300));
  EXPECT_EQ(open_ids(), std::vector<std::string>{"store-1:1:1"});
  EXPECT_EQ(pending(), 200);
  const auto letter = retry("store-1:1:1");
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->state, "applied");
  EXPECT_EQ(letter->decided_at, hub_.clock.wall);
  EXPECT_EQ(pending(), 0);
  EXPECT_EQ(rewards(), -100);
  EXPECT_EQ(open_ids(), std::vector<std::string>{});
  expect_sound();
  const auto again = retry("store-1:1:1");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::session_state);
}

TEST_F(DeadLetters, RetryThatFailsLeavesItOpenWithTodaysReasonAndNothingElse) {
  const auto sale = history_.sale(450);
  tell(rejected_of(sale));
  tell(sale);
  hub_.execute("UPDATE dead_letter SET reason = 'an old one'");
  const auto letter = retry("store-1:1:1");
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->state, "open");
  EXPECT_EQ(letter->reason, "session " + sale.session.str() + " is booked");
  EXPECT_EQ(open_ids().size(), 1u);
  EXPECT_EQ(hub_.rows("SELECT reason FROM dead_letter").at(0).text(0), letter->reason);
  EXPECT_EQ(rewards(), 450);
  EXPECT_EQ(told_on(), std::vector<std::string>{"SALE_FINALIZED"});
}

TEST_F(DeadLetters, RetryNeverAppliesWhatClaimsAnotherStoresName) {
  history_.add(history_.sale(450), [](sync::Event& event) { event.store = other_store; });
  take_in(history_, store);
  const auto letter = retry("store-1:1:1");
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->state, "open");
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM sale"), 0);
}

TEST_F(DeadLetters, WhatCannotBeReadStaysOpen) {
  history_.add_bytes("not an event");
  take_in(history_, store);
  const auto letter = retry("store-1:1:1");
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->state, "open");
  EXPECT_EQ(letter->type, "Unreadable");
  EXPECT_EQ(letter->bytes, "not an event");
}

TEST_F(DeadLetters, OneThatIsDiscardedIsKeptButDecided) {
  history_.add_bytes("not an event");
  take_in(history_, store);
  ASSERT_TRUE(discard("store-1:1:1"));
  EXPECT_EQ(open_ids(), std::vector<std::string>{});
  EXPECT_EQ(hub_.rows("SELECT state FROM dead_letter").at(0).text(0), "discarded");
  EXPECT_EQ(retry("store-1:1:1").error().code, Errc::session_state);
  EXPECT_EQ(discard("store-1:1:1").error().code, Errc::session_state);
  EXPECT_EQ(discard("store-1:1:2").error().code, Errc::not_found);
}

TEST_F(DeadLetters, AnEventThatComesAgainInANewEpochHasOneLetterStill) {
  const auto sale = history_.sale(450, 100);
  const auto other = history_.sale(450, 100);
  history_.add(rejected_of(sale));
  history_.add(rejected_of(other));
  take_in(history_, store);
  ASSERT_EQ(open_ids().size(), 2u);
  ASSERT_TRUE(discard("store-1:1:2"));
  hub_.execute("UPDATE dead_letter SET reason = 'an old one'");
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
    auto begun = stores::begin_epoch(t, store, {.by = "cli:ops", .reason = "why", .now = hub_.clock.wall});
    if (!begun) return failure(begun);
    return {};
  }));
  test::StoreHistory again(store, hub_.uuids, hub_.clock);
  again.epoch = 2;
  for (std::uint64_t i = 1; i <= 2; ++i)
    again.add_bytes(sync::renumbered(history_.batch(i, i).events.front(), 2, i).value());
  again.add(rejected_of(history_.sale(450, 100)));
  sent_[store] = 0;
  take_in(again, store);
  EXPECT_EQ(open_ids(), (std::vector<std::string>{"store-1:2:3", "store-1:1:1"}));
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM dead_letter"), 3);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM dead_letter WHERE reason = 'an old one'"), 1)
      << "the one that was decided stays as it was";
}

TEST_F(DeadLetters, WhatIsBuriedAgainInItsPlaceIsWhatCameLast) {
  bury_as_unknown(1, rejected_of(history_.sale(1)));
  ASSERT_TRUE(discard("store-1:1:1"));
  const auto sale = history_.sale(7);
  const std::string bytes = sync::encode({.store = store,
                                          .epoch = 1,
                                          .sequence = 1,
                                          .id = hub_.uuids.next(),
                                          .time = hub_.clock.wall,
                                          .traceparent = "",
                                          .payload = sale});
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) {
    return bury(t, {.place = {store, 1, 1}, .type = "SaleFinalized", .reason = "r", .bytes = bytes},
                hub_.clock.wall);
  }));
  EXPECT_EQ(hub_.rows("SELECT type FROM dead_letter WHERE state = 'open'").at(0).text(0), "SaleFinalized");
  EXPECT_EQ(hub_.rows("SELECT event FROM dead_letter").at(0).text(0), to_hex(bytes));
}

TEST_F(DeadLetters, AreCountedByStoreWhileTheyAreOpen) {
  const auto counted = [this] {
    OpenLetters open;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      open = count_open_dead_letters(t).value();
      return {};
    }));
    return open;
  };
  EXPECT_EQ(counted(), OpenLetters{});
  tell(rejected_of(history_.sale(1)));
  tell(rejected_of(history_.sale(2)));
  tell_elsewhere(rejected_of(history_.sale(3)));
  EXPECT_EQ(counted(), (OpenLetters{{store, 2}, {other_store, 1}}));
  ASSERT_TRUE(discard("store-1:1:1"));
  ASSERT_TRUE(discard("store-2:1:1"));
  EXPECT_EQ(counted(), (OpenLetters{{store, 1}}));
}

TEST_F(DeadLetters, SayWhatTheirEventSays) {
  auto sale = history_.sale(450, 100, "CUST-77777");
  sale.amount = Money{1505, *find_currency("USD")};
  history_.add(sale);
  std::map<std::string_view, std::string> told;
  for (auto& [name, value] : fields_of_event(history_.batch(1, 1).events.front())) told[name] = value;
  EXPECT_EQ(told["eventType"], "SaleFinalized");
  EXPECT_EQ(told["session"], sale.session.str());
  EXPECT_EQ(told["transaction"], sale.transaction.str());
  EXPECT_EQ(told["customer"], "CUST-77777");
  EXPECT_EQ(told["amount"], "15.05 USD");
  EXPECT_EQ(told["earned"], "450");
  EXPECT_EQ(told["redeemed"], "100");
  EXPECT_TRUE(fields_of_event("not an event").empty());
}

TEST_F(DeadLetters, AreListedNewestFirstInPages) {
  for (int i = 0; i < 3; ++i) {
    hub_.clock.wall += seconds{1};
    history_.add_bytes("not an event");
    take_in(history_, store);
  }
  EXPECT_EQ(open_ids({}, 2), (std::vector<std::string>{"store-1:1:3", "store-1:1:2"}));
  const DeadLetterPlace second{(hub_.clock.wall - seconds{1}).time_since_epoch().count(), "store-1:1:2"};
  EXPECT_EQ(open_ids(second, 2), std::vector<std::string>{"store-1:1:1"});
}

TEST_F(DeadLetters, AReturnThatWasBuriedCanBeRetriedOnceThereIsRoom) {
  const auto sale = history_.sale(300);  // of 15.00
  tell_elsewhere(as_of_another_store(return_of(sale, 1501, std::nullopt)));
  tell(sale);
  EXPECT_EQ(open_ids(), std::vector<std::string>{"store-2:1:1"});
  EXPECT_EQ(retry("store-2:1:1")->state, "open");
  hub_.execute("UPDATE sale SET amount = 1501");
  EXPECT_EQ(retry("store-2:1:1")->state, "applied");
  EXPECT_EQ(rewards(), 0);
  expect_sound();
}

TEST_F(DeadLetters, OfTypesThisVersionHasLearntAreAppliedInTheirOrder) {
  const auto sale = history_.sale(450, 100);
  bury_as_unknown(10, rejected_of(sale));  // fits only behind the ninth
  bury_as_unknown(9, pending_of(sale, 300));
  EXPECT_EQ(retry_after_upgrade(), 2);
  EXPECT_EQ(rewards(), -100);
  EXPECT_EQ(open_ids(), std::vector<std::string>{});
  EXPECT_EQ(retry_after_upgrade(), 0);
  expect_sound();
}

TEST_F(DeadLetters, OfTypesStillUnknownWaitForTheNextUpgrade) {
  tell(sync::UnknownEvent{99});
  EXPECT_EQ(retry_after_upgrade(), 0);
  EXPECT_EQ(hub_.rows("SELECT type FROM dead_letter WHERE state = 'open'").at(0).text(0), "Unknown");
}

TEST_F(DeadLetters, OfAKnownTypeAreAPersonsNotAnUpgrades) {
  const auto sale = history_.sale(450);
  bury_as_unknown(5, rejected_of(sale));
  EXPECT_EQ(retry_after_upgrade(), 0);
  EXPECT_EQ(hub_.rows("SELECT type FROM dead_letter WHERE state = 'open'").at(0).text(0), "SaleRejected");
  tell(pending_of(sale, 300));
  EXPECT_EQ(retry_after_upgrade(), 0) << "tried once";
  EXPECT_EQ(pending(), 300);
  EXPECT_EQ(retry("store-1:1:5")->state, "applied");
}

}  // namespace
}  // namespace perkline::hub::ingest
