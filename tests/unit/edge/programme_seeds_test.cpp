#include <gtest/gtest.h>

#include "tests/unit/edge/programme_subject.hpp"

namespace perkline::edge::programme {
namespace {

/// A store that has no seed to draw with, and who is told of it.
class SeedsTest : public ProgrammeTest {
 protected:
  SeedsTest() {
    watch.on_seeds = [this](std::int64_t left) { told_ = left; };
  }
  void SetUp() override {
    catalogue.prize("prize-a");
    seeds();
    ProgrammeTest::SetUp();
  }
  std::string trouble() { return std::string(programme->seeds().trouble); }
  /// How often the log says so while `work` is done.
  int lines(const std::string& says, const std::function<void()>& work) {
    testing::internal::CaptureStderr();
    work();
    const std::string log = testing::internal::GetCapturedStderr();
    int count = 0;
    for (auto at = log.find(says); at != std::string::npos; at = log.find(says, at + 1)) ++count;
    return count;
  }
  static constexpr const char* no_seed = "no sale has its spin: there is no seed to draw with";

  std::int64_t told_ = -1;
};

TEST_F(SeedsTest, HowManyAreLeftIsTold) {
  EXPECT_EQ(programme->seeds().left, 5) << "today's and four ahead";
  EXPECT_EQ(told_, 5);
  pass(days{2});
  EXPECT_EQ(told_, 3);
  EXPECT_EQ(trouble(), "");
  ASSERT_TRUE(spin(sold("T-1")));
}

TEST_F(SeedsTest, WhereTheHubWasAwayForTooLongItIsToldOnceAndOnceAnHour) {
  EXPECT_EQ(lines(no_seed, [this] { pass(days{5}); }), 1);
  EXPECT_EQ(told_, 0);
  EXPECT_EQ(trouble(), "none_left");
  EXPECT_EQ(refused(request_of(sold("T-1"))), Errc::overloaded);
  EXPECT_EQ(lines(no_seed, [this] { skip(minutes{50}); }), 0);
  EXPECT_EQ(lines(no_seed, [this] { skip(minutes{20}); }), 1);
  seeds();
  EXPECT_EQ(lines(no_seed, [this] { offer(); }), 0);
  EXPECT_EQ(told_, 5);
  EXPECT_EQ(trouble(), "");
  EXPECT_EQ(lines(no_seed, [this] { pass(days{5}); }), 1) << "it is another time";
}

TEST_F(SeedsTest, WhereARestoreLeftNoneOpenItIsToldWhy) {
  outside.time.wall += days{4};
  journal::Batch batch;
  journal::put(batch, journal::LeaseHolder{.id = life->ports.uuids.next(), .seeds_closed = today()});
  commit(std::move(batch));
  EXPECT_EQ(lines(no_seed, [this] { start(); }), 1);
  EXPECT_EQ(trouble(), "closed") << "the last one may have been drawn with";
  EXPECT_EQ(told_, 0);
  catalogue.seed(today() + days{1});
  offer();
  EXPECT_EQ(trouble(), "") << "tomorrow's opens the wheel";

  journal::Batch unsettled;
  journal::put(unsettled, journal::LeaseHolder{.id = life->ports.uuids.next(),
                                               .unsettled = journal::LeaseHolder::Unsettled{
                                                   .drawn = today(), .clock_read = today() + days{1}}});
  commit(std::move(unsettled));
  start();
  EXPECT_EQ(trouble(), "awaits_clock") << "it is behind what it once read";
  EXPECT_EQ(refused(request_of(sold("T-1"))), Errc::overloaded);
}

TEST_F(SeedsTest, WhereNothingCanBeWonNoneIsMissed) {
  catalogue.items.clear();
  offer();
  EXPECT_EQ(trouble(), "");
  has_catalogue = false;
  start();
  EXPECT_EQ(trouble(), "");
}

TEST_F(SeedsTest, AnItemThatCannotBeReadIsToldOnceHoweverOftenTheCatalogueComes) {
  catalogue.put(sync::ItemKind::prize, "prize-x", R"({"name":"","tickets":-1})");
  constexpr const char* unusable = "an item of the catalogue cannot be used";
  EXPECT_EQ(lines(unusable, [this] { offer(); }), 1);
  EXPECT_EQ(lines(unusable, [this] { offer(); }), 0);
  catalogue.put(sync::ItemKind::prize, "prize-y", "{");
  EXPECT_EQ(lines(unusable, [this] { offer(); }), 1) << "another one";
}

}  // namespace
}  // namespace perkline::edge::programme
