#include "hub/ledger/holds.hpp"

#include "tests/unit/hub/ledger_fixture.hpp"

namespace perkline::hub::ledger {
namespace {

const UserId ann{"ann"};
const Currency dollars = find_currency("USD").value();

class Holds : public Ledger {
 protected:
  Holds() {
    EXPECT_TRUE(post({transfer("topup:1", system_account("topups", money_unit(dollars)), wallet(), 100)}));
  }
  Account wallet() { return wallet_of(ann, dollars); }
  Account till() { return system_account("settled", money_unit(dollars)); }

  Transfer hold_of(const std::string& name, std::int64_t amount,
                   std::optional<WallTime> expires_at = std::nullopt) {
    Transfer made = transfer("hold:" + name, wallet(), till(), amount);
    made.expires_at = expires_at;
    return made;
  }
  Capture capture_of(const std::string& name, std::optional<std::int64_t> amount = std::nullopt) {
    return {.hold = "hold:" + name,
            .amount = amount,
            .id = hub_.uuids.next(),
            .external_id = "capture:" + name,
            .code = "hold.captured",
            .created_at = hub_.clock.wall};
  }
  /// The amount.
  Result<std::int64_t> captured(const Capture& what) {
    std::int64_t amount = 0;
    auto done = hub_.write([&](db::Transaction& transaction) -> Result<void> {
      auto taken = capture(transaction, what);
      if (!taken) return failure(taken);
      amount = *taken;
      return {};
    });
    if (!done) return failure(done);
    return amount;
  }
  Errc refusal(const Capture& what) {
    const auto done = captured(what);
    EXPECT_FALSE(done);
    return done ? Errc{} : done.error().code;
  }
  Errc release_refusal(const std::string& external_id) {
    const auto done = hub_.write([&](db::Transaction& t) { return release_hold(t, external_id); });
    return done ? Errc{} : done.error().code;
  }
  std::vector<std::string> overdue(std::int64_t count = 100) {
    std::vector<std::string> released;
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
      auto done = release_overdue(t, hub_.clock.wall, count);
      if (!done) return failure(done);
      released = std::move(*done);
      return {};
    }));
    return released;
  }
  std::string state_of(const std::string& external_id) {
    return asked([&](db::Transaction& t) { return find_transfer(t, external_id); }).value().state;
  }
  void expect(std::int64_t balance_now, std::int64_t held_now) {
    EXPECT_EQ(balance(wallet()), balance_now);
    EXPECT_EQ(held("wallet"), held_now);
    const auto found = verified();
    EXPECT_TRUE(found.ok()) << found.mismatches.front();
  }
};

TEST_F(Holds, SetAsideWhatIsNotThereForOthersAnyMore) {
  ASSERT_TRUE(hold({hold_of("1", 70)}));
  expect(100, 70);
  EXPECT_EQ(refusal_of({transfer("pay:1", wallet(), till(), 31)}), Errc::insufficient_funds);
  ASSERT_TRUE(post({transfer("pay:2", wallet(), till(), 30)}));
  expect(70, 70);
  const auto more = hold({hold_of("2", 1)});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Errc::insufficient_funds);
}

TEST_F(Holds, ACaptureTakesAllThatIsHeld) {
  ASSERT_TRUE(hold({hold_of("1", 70)}));
  EXPECT_EQ(captured(capture_of("1")).value(), 70);
  expect(30, 0);
  EXPECT_EQ(balance(till()), 70);
  EXPECT_EQ(state_of("hold:1"), "captured");
  EXPECT_EQ(state_of("capture:1"), "posted");
}

TEST_F(Holds, ACaptureOfAPartLeavesTheRestFree) {
  ASSERT_TRUE(hold({hold_of("1", 70)}));
  EXPECT_EQ(captured(capture_of("1", 20)).value(), 20);
  expect(80, 0);
  ASSERT_TRUE(post({transfer("pay:1", wallet(), till(), 80)}));
  expect(0, 0);
}

TEST_F(Holds, NothingBeyondWhatIsHeldIsCaptured) {
  ASSERT_TRUE(hold({hold_of("1", 70)}));
  EXPECT_EQ(refusal(capture_of("1", 71)), Errc::insufficient_funds);
  expect(100, 70);
  EXPECT_EQ(captured(capture_of("1", 70)).value(), 70);
}

TEST_F(Holds, AreCapturedOnce) {
  ASSERT_TRUE(hold({hold_of("1", 70)}));
  const Capture first = capture_of("1", 20);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(captured(first).value(), 20);
  expect(80, 0);
  Capture other = capture_of("1", 20);
  other.external_id = "capture:again";
  EXPECT_EQ(refusal(other), Errc::session_state);
  Capture changed = first;
  changed.amount = 21;
  EXPECT_EQ(refusal(changed), Errc::already_exists);
  EXPECT_EQ(release_refusal("hold:1"), Errc::session_state);
  EXPECT_TRUE(free({"hold:1"}));
  expect(80, 0);
}

TEST_F(Holds, ACapturesNameIsNoOtherTransfers) {
  ASSERT_TRUE(hold({hold_of("1", 10), hold_of("2", 10)}));
  Capture taken = capture_of("1");
  taken.external_id = "topup:1";
  EXPECT_EQ(refusal(taken), Errc::already_exists);
  ASSERT_TRUE(captured(capture_of("1")));
  Capture other = capture_of("2");
  other.external_id = "capture:1";
  EXPECT_EQ(refusal(other), Errc::already_exists);
  // Nor is a plain transfer the capture.
  Transfer plain = transfer("capture:1", wallet(), till(), 10);
  plain.code = "hold.captured";
  EXPECT_EQ(refusal_of({plain}), Errc::already_exists);
  expect(90, 10);
}

TEST_F(Holds, ThatWereReleasedAreNotCaptured) {
  ASSERT_TRUE(hold({hold_of("1", 70)}));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(release_refusal("hold:1"), Errc{});
  expect(100, 0);
  EXPECT_EQ(refusal(capture_of("1")), Errc::session_state);
  expect(100, 0);
}

TEST_F(Holds, ThatNobodyMadeAreNotFound) {
  EXPECT_EQ(refusal(capture_of("none")), Errc::not_found);
  EXPECT_EQ(release_refusal("hold:none"), Errc::not_found);
  // A posted transfer is no hold.
  EXPECT_EQ(release_refusal("topup:1"), Errc::not_found);
  Capture posted = capture_of("1");
  posted.hold = "topup:1";
  EXPECT_EQ(refusal(posted), Errc::not_found);
}

TEST_F(Holds, EndWithTheirTime) {
  const WallTime end = hub_.clock.wall + minutes{5};
  ASSERT_TRUE(hold({hold_of("1", 40, end), hold_of("2", 30, end + minutes{1}), hold_of("3", 20)}));
  hub_.clock.wall = end - Millis{1};
  EXPECT_TRUE(overdue().empty());
  hub_.clock.wall = end;
  EXPECT_EQ(refusal(capture_of("1")), Errc::session_state) << "also before the job has come round";
  EXPECT_EQ(overdue(), std::vector<std::string>{"hold:1"});
  EXPECT_TRUE(overdue().empty());
  expect(100, 50);
  hub_.clock.wall = end + days{365};
  EXPECT_EQ(overdue(), std::vector<std::string>{"hold:2"});
  expect(100, 20);
}

TEST_F(Holds, AreReleasedAFewAtATimeTheOldestFirst) {
  const WallTime now = hub_.clock.wall;
  ASSERT_TRUE(hold({hold_of("a", 1, now + minutes{3}), hold_of("b", 1, now + minutes{1}),
                    hold_of("c", 1, now + minutes{2})}));
  hub_.clock.wall = now + minutes{9};
  EXPECT_EQ(overdue(2), (std::vector<std::string>{"hold:b", "hold:c"}));
  EXPECT_EQ(overdue(2), (std::vector<std::string>{"hold:a"}));
  expect(100, 0);
}

TEST_F(Holds, ACapturedHoldDoesNotEndAgain) {
  ASSERT_TRUE(hold({hold_of("1", 40, hub_.clock.wall + minutes{5})}));
  ASSERT_TRUE(captured(capture_of("1", 10)));
  hub_.clock.wall += days{1};
  EXPECT_TRUE(overdue().empty());
  expect(90, 0);
}

}  // namespace
}  // namespace perkline::hub::ledger
