#include <gtest/gtest.h>

#include "hub/clock/vouched_time.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub::clock {
namespace {

class ClockGuards : public testing::Test {
 protected:
  bool sure() const { return guard_->now_for_good().has_value(); }
  /// As the daemon does it every few seconds.
  bool look() {
    EXPECT_TRUE(test::run_task(hub_.world(), clock::look(hub_.port(), *guard_)));
    EXPECT_EQ(guard_->in_doubt(), !sure());
    return sure();
  }
  void start_anew() { guard_.emplace(hub_.clock); }
  std::optional<WallTime> vouched() {
    const auto at = hub_.number("SELECT vouched_at FROM hub_clock");
    return at == 0 ? std::nullopt : std::optional(WallTime{Millis{at}});
  }

  test::HubDatabase hub_;
  std::optional<ClockGuard> guard_{std::in_place, hub_.clock};  ///< A process's, which another may follow.
};

TEST_F(ClockGuards, OfANewDatabaseBelieveTheirClockAndVouchForIt) {
  EXPECT_FALSE(sure()) << "nobody has looked";
  EXPECT_FALSE(vouched());
  EXPECT_TRUE(look());
  EXPECT_EQ(vouched(), hub_.clock.wall);
  hub_.clock.advance(days{500});
  EXPECT_TRUE(look()) << "time has passed";
  EXPECT_EQ(vouched(), hub_.clock.wall);
}

TEST_F(ClockGuards, DoubtAClockThatIsSetByMoreThanADayUntilItIsPutRight) {
  ASSERT_TRUE(look());
  const WallTime before = hub_.clock.wall;
  for (const Millis by : {Millis{days{400}}, Millis{-days{400}}, Millis{days{1} + Millis{1}}}) {
    hub_.clock.wall += by;
    EXPECT_FALSE(sure()) << "at once";
    EXPECT_FALSE(look());
    EXPECT_EQ(vouched(), before);
    EXPECT_NE(guard_->now_for_good().error().detail.find("clock confirm"), std::string::npos);
    hub_.clock.wall -= by;
    EXPECT_TRUE(sure());
    EXPECT_TRUE(look());
  }
  hub_.clock.wall += days{1};
  EXPECT_TRUE(look()) << "so much may be";
}

TEST_F(ClockGuards, ThatStartFarOffWhatWasVouchedForDoubtUntilAPersonConfirms) {
  ASSERT_TRUE(look());
  hub_.clock.advance(days{7});
  start_anew();
  EXPECT_FALSE(look());
  hub_.clock.advance(hours{2});
  EXPECT_FALSE(look());
  EXPECT_TRUE(hub_.write([&](db::Transaction& t) { return vouch_for(t, hub_.clock.wall); }));
  hub_.clock.advance(seconds{5});
  EXPECT_TRUE(look());
}

TEST_F(ClockGuards, ThatStartByAClockThatIsFarBehindAreSureOnceItIsPutRight) {
  ASSERT_TRUE(look());
  hub_.clock.wall -= days{3'000};
  start_anew();
  EXPECT_FALSE(look());
  hub_.clock.wall += days{3'000};
  EXPECT_TRUE(look());
}

TEST_F(ClockGuards, BelieveAClockThatHasRunEvenlyForADay) {
  ASSERT_TRUE(look());
  hub_.clock.advance(days{7});
  start_anew();
  EXPECT_FALSE(look());
  hub_.clock.advance(believed_after - seconds{1});
  EXPECT_FALSE(look());
  hub_.clock.wall += hours{1};
  EXPECT_FALSE(look()) << "it was set: its day begins anew";
  hub_.clock.advance(believed_after - seconds{1});
  EXPECT_FALSE(look());
  hub_.clock.advance(seconds{1});
  EXPECT_TRUE(look());
  EXPECT_EQ(vouched(), hub_.clock.wall);
}

TEST_F(ClockGuards, WithoutAnyTrafficHaveTheNextStartBelieved) {
  ASSERT_TRUE(look());
  for (int hour = 0; hour < 72; ++hour) {
    hub_.clock.advance(hours{1});
    EXPECT_TRUE(look());
  }
  start_anew();
  hub_.clock.advance(hours{20});
  EXPECT_TRUE(look());
}

TEST_F(ClockGuards, DoNotWriteAtEveryLook) {
  ASSERT_TRUE(look());
  const auto first = vouched();
  hub_.clock.advance(seconds{59});
  EXPECT_TRUE(look());
  EXPECT_EQ(vouched(), first);
}

}  // namespace
}  // namespace perkline::hub::clock
