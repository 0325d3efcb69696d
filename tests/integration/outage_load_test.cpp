#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

/// The load runs of `perkline-bench edge`, for a few seconds: what they measure in full takes minutes.
void run_quick(const std::string& scenario) {
  TempDir folder;
  const auto output = bench::run_command(
      bin_dir() + "/perkline-bench",
      {"edge", "--scenario", scenario, "--quick", "--json", "--state", folder.file("state")});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->status, 0) << output->out << output->err;
  const auto report = json::parse(output->out);
  ASSERT_TRUE(report) << output->out;
  EXPECT_EQ(bench::integer_at(report->root(), "salesAcknowledged"), 420);
  EXPECT_GT(bench::integer_at(report->root(), "salesPending"), 30) << output->out;
}

TEST(OutageLoad, BlackHoleKeepsNoTillWaitingAndSettlesOnce) {
  run_quick("blackhole");
}

TEST(OutageLoad, FrozenProcessKeepsNoTillWaitingAndSettlesOnce) {
  run_quick("frozen");
}

TEST(OutageLoad, FinalizesBookedWithoutAnAnswerAreBookedOnce) {
  run_quick("commit-timeouts");
}

}  // namespace
}  // namespace perkline::test
