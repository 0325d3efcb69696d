#include "edge/pdi_queue/schedule.hpp"

#include <gtest/gtest.h>

namespace perkline::edge::pdi_queue {
namespace {

const SessionId oldest("sess_1");
const SessionId second("sess_2");
const SessionId youngest("sess_3");
constexpr MonoTime start{hours{1}};

/// Three sales, of which the first two have failed: at `start + 5 min` and `start + 1 min` they are due
/// again.
Schedule after_failures() {
  Schedule schedule(10);
  for (const SessionId& id : {oldest, second, youngest}) schedule.add(id, start);
  for (const auto& [id, pause] : {std::pair(oldest, minutes{5}), std::pair(second, minutes{1})}) {
    EXPECT_EQ(schedule.take(start), id);
    schedule.working(id).failures = 1;
    schedule.put_back(id, start + pause);
  }
  return schedule;
}

TEST(Schedule, WhatFailedWaitsAndYoungerOnesGoFirst) {
  Schedule schedule = after_failures();
  EXPECT_EQ(schedule.take(start), youngest);
  EXPECT_FALSE(schedule.take(start));
  EXPECT_EQ(schedule.take(start + minutes{5}), second);
  EXPECT_EQ(schedule.take(start + minutes{5}), oldest);
}

TEST(Schedule, RecalledTheOldestGoesFirstAgain) {
  Schedule schedule = after_failures();
  schedule.recall(start);
  for (const SessionId& id : {oldest, second, youngest}) EXPECT_EQ(schedule.take(start), id);
}

TEST(Schedule, RecalledItStillWaitsAsLongAsPdiAskedFor) {
  Schedule schedule(10);
  for (const SessionId& id : {oldest, second}) schedule.add(id, start);
  ASSERT_EQ(schedule.take(start), oldest);
  schedule.working(oldest).not_before = start + minutes{2};
  schedule.put_back(oldest, start + minutes{5});
  schedule.recall(start);
  EXPECT_EQ(schedule.take(start), second);
  EXPECT_FALSE(schedule.take(start + minutes{2} - Millis{1}));
  EXPECT_EQ(schedule.take(start + minutes{2}), oldest);
}

TEST(Schedule, WhatPdiAskedForIsOverOnceItsTimeIs) {
  Schedule schedule(10);
  for (const SessionId& id : {oldest, second}) schedule.add(id, start);
  ASSERT_EQ(schedule.take(start), oldest);
  schedule.working(oldest).not_before = start + minutes{2};
  schedule.put_back(oldest, start + minutes{5});
  schedule.recall(start + minutes{3});
  EXPECT_EQ(schedule.take(start + minutes{3}), oldest);
  EXPECT_EQ(schedule.take(start + minutes{3}), second);
}

TEST(Schedule, WhatIsBeingWorkedOnIsNotRecalled) {
  Schedule schedule = after_failures();
  ASSERT_EQ(schedule.take(start), youngest);
  schedule.recall(start);
  EXPECT_EQ(schedule.take(start), oldest);
  EXPECT_EQ(schedule.take(start), second);
  EXPECT_FALSE(schedule.take(start));
}

}  // namespace
}  // namespace perkline::edge::pdi_queue
