#include <regex>
#include <thread>

#include "tests/fault/kill/chain_under_fault.hpp"
#include "tests/fault/rig/number_file.hpp"

namespace perkline::test {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t year_s = 365LL * 24 * 3600;

/// An edge whose wall clock is set while it runs.
class ClockJumps : public ChainUnderFault {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(start(1));
    fleet_->set_edge_environment(0, {"LD_PRELOAD=" PERKLINE_CLOCK_SHIFT_LIBRARY, clock_.environment()});
    fleet_->edge(0).terminate();
    ASSERT_TRUE(fleet_->start_edge(0));
  }
  void run_job(const char* name) {
    const auto ran = fleet_->edge_command(0, {"jobs", "run", name});
    ASSERT_TRUE(ran);
    EXPECT_EQ(ran->status, 0) << name << ": " << ran->out << ran->err;
  }
  std::string whole_log() const {
    std::ifstream file(fleet_->log_of("edge-1"), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  NumberFile clock_{folder_.path() / "clock", "PERKLINE_CLOCK_SHIFT", 0};
};

TEST_F(ClockJumps, TenYearsToAndFroUnderLoadLoseDoubleAndExpireNothing) {
  Tills tills(*fleet_, {.tills_per_edge = 2, .pause = milliseconds(300)});
  for (const std::int64_t years : {10, 0, -10, 10, -10, 0}) {
    // Some sales are under way at each jump, some wait for PDI, and are settled on the other side of it.
    pdi(R"({"endpoint":"*","mode":"status","probability":0.5})");
    clock_.set(years * year_s);
    std::this_thread::sleep_for(milliseconds(300));
    pdi(R"({"endpoint":"*","mode":"delay","delayMs":10})");
    std::this_thread::sleep_for(milliseconds(300));
    for (const char* job : {"expire", "archive"}) ASSERT_NO_FATAL_FAILURE(run_job(job));
  }
  const Verdict verdict = expect_whole(tills.stop());
  EXPECT_GT(verdict.sales, 15u);
  EXPECT_GT(verdict.pending, 0u);
  const std::string log = whole_log();
  // Ten years, give or take what lay between two clocks' being read.
  for (const char* told : {"the wall clock has jumped", "the wall clock is right again",
                           R"("aheadSeconds":3153(59|60)[0-9]{3})", R"("aheadSeconds":-3153(59|60)[0-9]{3})"})
    EXPECT_TRUE(std::regex_search(log, std::regex(told))) << told;
}

TEST_F(ClockJumps, AQueueOutlivesStartsUnderWrongClocks) {
  pdi(R"({"endpoint":"*","mode":"status","status":503})");
  Tills tills(*fleet_, {.tills_per_edge = 4, .pause = milliseconds(5)});
  while (tills.acknowledged() < 40) std::this_thread::sleep_for(milliseconds(5));
  auto taken = tills.stop();
  for (const std::int64_t years : {10, -10}) {
    clock_.set(years * year_s);
    fleet_->edge(0).kill();
    ASSERT_TRUE(fleet_->start_edge(0));
    ASSERT_NO_FATAL_FAILURE(run_job("expire"));
    TillLine line({.url = fleet_->edge_url(0), .key = fleet_->terminal_key(0)});
    SaleCalls calls(line, taken.complaints);
    for (Sale& sale : taken.sales) {
      if (sale.acknowledged()) EXPECT_TRUE(calls.finalize(sale)) << "told again";
    }
  }
  // PDI is well again while the clock is ten years behind.
  const Verdict verdict = expect_whole(std::move(taken));
  EXPECT_GE(verdict.pending, 40u);
}

}  // namespace
}  // namespace perkline::test
