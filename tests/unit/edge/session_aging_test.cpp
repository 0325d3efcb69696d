#include <gtest/gtest.h>

#include "edge/session/aging_clock.hpp"

namespace perkline::edge::session {
namespace {

const WallTime wall = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};
constexpr MonoTime mono{hours{7}};

TEST(AgingClock, IsTheWallClockWhileThatBehaves) {
  AgingClock clock(wall, mono);
  EXPECT_EQ(clock.at(wall + seconds{60}, mono + seconds{60}), wall + seconds{60});
  EXPECT_EQ(clock.at(wall + hours{5}, mono + hours{5}), wall + hours{5});
}

TEST(AgingClock, FollowsADriftHoweverLongItGoesOn) {
  AgingClock clock(wall, mono);
  for (int day = 1; day <= 365; ++day) {
    const WallTime drifted = wall + hours{24 * day} + seconds{10 * day};
    EXPECT_EQ(clock.at(drifted, mono + hours{24 * day}), drifted);
  }
}

TEST(AgingClock, GoesOnSteadilyWhenTheWallClockJumps) {
  for (const hours jump : {hours{24 * 3650}, hours{-24 * 3650}, hours{1}, hours{-1}}) {
    AgingClock clock(wall, mono);
    EXPECT_EQ(clock.at(wall + jump + seconds{1}, mono + seconds{1}), wall + seconds{1});
    EXPECT_EQ(clock.ahead(), jump);
    EXPECT_EQ(clock.at(wall + jump + hours{9}, mono + hours{9}), wall + hours{9});
    EXPECT_EQ(clock.at(wall + hours{10}, mono + hours{10}), wall + hours{10}) << "back again";
    EXPECT_EQ(clock.ahead(), Millis{0});
  }
}

TEST(AgingClock, LosesNoFractionOfAMillisecond) {
  AgingClock clock(wall, mono);
  for (int i = 1; i <= 4000; ++i) clock.at(wall + hours{1000}, mono + std::chrono::microseconds{250 * i});
  EXPECT_EQ(clock.at(wall + hours{1000}, mono + seconds{1}), wall + seconds{1});
}

}  // namespace
}  // namespace perkline::edge::session
