#include "shared/ops/standing_faults.hpp"

#include <gtest/gtest.h>

namespace perkline::ops {
namespace {

class StandingFaultsTest : public testing::Test {
 protected:
  bool is_news(const std::string& what) { return faults_.is_news(what, now_); }

  StandingFaults faults_;
  MonoTime now_{hours{5}};
};

TEST_F(StandingFaultsTest, AreToldWhenTheyBeginAndOnceAnHour) {
  EXPECT_TRUE(is_news("the disk is full"));
  int told = 0;
  for (int second = 0; second < 2 * 3600; second += 5) {
    now_ += seconds{5};
    told += is_news("the disk is full") ? 1 : 0;
  }
  EXPECT_EQ(told, 2);
}

TEST_F(StandingFaultsTest, ThatChangeAreNewsAlsoWhereTheyTakeTurns) {
  EXPECT_TRUE(is_news("the disk is full"));
  EXPECT_TRUE(is_news("the disk fails"));
  EXPECT_FALSE(is_news("the disk is full"));
  EXPECT_FALSE(is_news("the disk fails"));
}

TEST_F(StandingFaultsTest, ThatComeAgainAreNews) {
  EXPECT_FALSE(faults_.over()) << "there was none";
  EXPECT_TRUE(is_news("store-1: away"));
  EXPECT_TRUE(is_news("store-2: away"));
  faults_.over("store-1: ");
  EXPECT_TRUE(is_news("store-1: away"));
  EXPECT_FALSE(is_news("store-2: away"));
  EXPECT_TRUE(faults_.over());
  EXPECT_TRUE(is_news("store-2: away"));
}

TEST_F(StandingFaultsTest, AreToldHoweverManyThereAre) {
  for (std::size_t i = 0; i < StandingFaults::known_max + 10; ++i)
    EXPECT_TRUE(is_news("fault " + std::to_string(i)));
  EXPECT_FALSE(is_news("fault 0"));
  now_ += hours{1};
  EXPECT_TRUE(is_news("one more"));
  EXPECT_FALSE(is_news("one more")) << "those of an hour ago have made room";
}

}  // namespace
}  // namespace perkline::ops
