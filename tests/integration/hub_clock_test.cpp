#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "shared/core/clock.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/paths.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

/// A hub, and its command line, whose wall clock can be set.
class HubClock : public testing::Test {
 protected:
  HubClock() {
    set_clock(days{0});
    ::setenv("PERKLINE_CLOCK_SHIFT", file().c_str(), 1);
    ::setenv("LD_PRELOAD", clock_shift_library().c_str(), 1);
    hub_.emplace("", "programme: { signup: 100 }\n");
  }
  ~HubClock() override {
    ::unsetenv("LD_PRELOAD");
    ::unsetenv("PERKLINE_CLOCK_SHIFT");
  }

  std::string file() const { return folder_.file("clock_shift"); }
  /// In place: a running hub has the file mapped.
  void set_clock(seconds off) {
    const std::int64_t by = off.count();
    std::fstream clock(file(), std::ios::binary | std::ios::in | std::ios::out);
    if (!clock) clock.open(file(), std::ios::binary | std::ios::out);
    clock.write(reinterpret_cast<const char*>(&by), sizeof by);
    ASSERT_TRUE(clock.flush());
  }
  bool doubt_becomes(bool is) {
    const std::string line = std::string("\nperkline_hub_clock_in_doubt ") + (is ? "1" : "0");
    return eventually([&] { return hub_->metrics().contains(line); });
  }
  std::string show() { return hub_->run({"clock", "show", "--json"}).out; }

  TempDir folder_;
  std::optional<LoneHub> hub_;
};

TEST_F(HubClock, FarAheadTakesNoPointsAndForgetsNothingUntilSomebodyConfirmsIt) {
  const std::string member = hub_->member("jo");
  const auto points = [&] {
    return number_at(hub_->call({.path = "/api/v1/points/balance", .bearer = member}), "balance");
  };
  ASSERT_TRUE(doubt_becomes(false)) << hub_->metrics();
  EXPECT_TRUE(show().contains(R"("inDoubt":false)")) << show();

  set_clock(days{400});
  ASSERT_TRUE(doubt_becomes(true)) << hub_->log();
  EXPECT_TRUE(hub_->log().contains("the clock is in doubt")) << hub_->log();
  EXPECT_TRUE(hub_->call({.path = "/health"}).body.contains("degraded"));
  EXPECT_TRUE(show().contains(R"("inDoubt":true)")) << show();
  for (const char* job :
       {"expire-points", "purge-answers", "purge-events", "purge-notifications", "purge-programme"}) {
    const auto refused = hub_->run({"jobs", "run", job});
    EXPECT_EQ(refused.status, 1) << job;
    EXPECT_TRUE(refused.err.contains("clock confirm")) << refused.err;
  }

  set_clock(days{0});
  ASSERT_TRUE(doubt_becomes(false)) << hub_->log();
  EXPECT_EQ(points(), 100);
  EXPECT_EQ(hub_->run({"jobs", "run", "expire-points", "--json"}).status, 0);
  EXPECT_EQ(points(), 100);

  set_clock(days{400});
  ASSERT_TRUE(doubt_becomes(true));
  EXPECT_EQ(hub_->run({"clock", "confirm"}).status, 2) << "a reason is asked for";
  const auto confirmed = hub_->run({"clock", "confirm", "--reason", "it was off for a year"});
  EXPECT_EQ(confirmed.status, 0) << confirmed.err;
  EXPECT_TRUE(doubt_becomes(false)) << hub_->log();
  const auto lapsed = hub_->run({"jobs", "run", "expire-points", "--json"});
  EXPECT_TRUE(lapsed.out.contains(R"("count":1)")) << lapsed.out << lapsed.err;
}

}  // namespace
}  // namespace perkline::test
