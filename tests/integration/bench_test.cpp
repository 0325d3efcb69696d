#include <chrono>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <thread>

#include <gtest/gtest.h>

#include "bench/fleet/child.hpp"
#include "bench/fleet/web.hpp"
#include "tests/integration/paths.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {
namespace {

/// A scenario of `./run bench` with `--quick`: for function only, whatever the figures are.
void expect_measured(const std::string& command, const std::string& scenario, const std::string& report,
                     const std::vector<std::string>& more = {}) {
  const TempDir folder;
  std::vector<std::string> arguments{command, "--scenario",      scenario,  "--quick",
                                     "--bin", bin_dir(),         "--state", folder.file("state"),
                                     "--out", folder.file("out")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto ran = bench::run_command(bin_dir() + "/perkline-bench", arguments);
  ASSERT_TRUE(ran);
  ASSERT_EQ(ran->status, 0) << ran->err << ran->out;
  std::ifstream file(folder.path() / "out" / (report + ".json"));
  const auto told = json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  ASSERT_TRUE(told) << report;
  const json::Value& root = told->root();
  EXPECT_TRUE(root.find("measuring")->find("quick")->boolean());
  ASSERT_FALSE(root.find("goals")->items().empty());
  EXPECT_EQ(root.find("goals")->items()[0].find("met"), nullptr) << "a verdict of a moment";
  ASSERT_FALSE(root.find("series")->items().empty());
  for (const json::Value& series : root.find("series")->items()) {
    for (const json::Value& turn : series.find("turns")->items())
      EXPECT_GT(bench::integer_at(turn, "operations"), 0) << bench::text_at(series, "name");
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "out" / "index.html"));
}

/// Asked to stop by its terminal while it measures: what is typed there does not reach its children.
TEST(BenchCommand, InterruptedEndsAtOnceAndSaysSo) {
  const TempDir folder;
  const std::string log = folder.file("log");
  auto bench = bench::Child::start(bin_dir() + "/perkline-bench",
                                   {"edge", "--scenario", "standin", "--seconds", "600", "--bin", bin_dir(),
                                    "--state", folder.file("state"), "--out", folder.file("out")},
                                   log);
  ASSERT_TRUE(bench);
  const auto ceilings_up = [&] {
    return std::filesystem::exists(folder.path() / "state" / "run" / "ceiling-2.log");
  };
  while (bench->running() && !ceilings_up()) std::this_thread::yield();
  ::killpg(bench->pid(), SIGINT);
  while (bench->running()) std::this_thread::yield();
  EXPECT_EQ(bench->terminate(), 130) << bench::last_lines(log);
  EXPECT_NE(bench::last_lines(log).find("perkline-bench: stopped"), std::string::npos)
      << bench::last_lines(log);
}

bench::CommandOutput ran_with(const std::vector<std::string>& arguments) {
  auto ran = bench::run_command(bin_dir() + "/perkline-bench", arguments);
  EXPECT_TRUE(ran);
  return ran ? *ran : bench::CommandOutput{};
}

TEST(BenchCommand, FlagThatMeansNothingToTheScenarioIsAUsageError) {
  const std::vector<std::vector<std::string>> wrong{{"edge", "--scenario", "drain", "--seconds", "2"},
                                                    {"edge", "--scenario", "drain", "--rounds", "2"},
                                                    {"edge", "--scenario", "start", "--rate", "100"},
                                                    {"edge", "--scenario", "standin", "--after", "2"},
                                                    {"edge", "--scenario", "frozen", "--out", "there"},
                                                    {"hub", "--scenario", "balance", "--full"},
                                                    {"hub", "--scenario", "growth", "--rate", "100"},
                                                    {"hub", "--scenario", "balance", "--seconds", "nan"},
                                                    {"hub", "--scenario", "balance", "--rate", "inf"},
                                                    {"sync", "--scenario", "ingest", "--rate", "100"}};
  for (const auto& arguments : wrong)
    EXPECT_EQ(ran_with(arguments).status, 2) << arguments[2] << arguments[3];
}

TEST(BenchCommand, FoldersAreLookedAtBeforeAnythingIsMeasured) {
  const TempDir folder;
  const auto told = [&](const std::string& flag, const std::string& value) {
    std::vector<std::string> arguments{"hub", "--scenario", "balance", "--quick"};
    if (flag != "--state") arguments.insert(arguments.end(), {"--state", folder.file("state")});
    if (flag != "--out") arguments.insert(arguments.end(), {"--out", folder.file("out")});
    if (flag != "--bin") arguments.insert(arguments.end(), {"--bin", bin_dir()});
    arguments.insert(arguments.end(), {flag, value});
    const auto ran = ran_with(arguments);
    EXPECT_EQ(ran.status, 1) << flag;
    return ran.err;
  };
  EXPECT_NE(told("--out", "/proc/nope").find("/proc/nope cannot be made"), std::string::npos);
  EXPECT_NE(told("--bin", folder.file("none")).find("no such program: "), std::string::npos);
  std::filesystem::create_directory(folder.path() / "home");
  std::ofstream(folder.path() / "home" / "letters") << "dear";
  EXPECT_NE(told("--state", folder.file("home")).find("is not empty"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "home" / "letters"));
}

TEST(BenchQuick, MeasuresAnEdgeWithPdiAway) {
  expect_measured("edge", "standin", "edge-standin");
}

TEST(BenchQuick, MeasuresAnEdgeAtARate) {
  expect_measured("edge", "standin", "edge-standin", {"--rate", "400"});
}

TEST(BenchQuick, MeasuresAnEdgeWithPdiThere) {
  expect_measured("edge", "online", "edge-online");
}

TEST(BenchQuick, MeasuresABacklogSettled) {
  expect_measured("edge", "drain", "edge-drain");
}

TEST(BenchQuick, MeasuresStarts) {
  expect_measured("edge", "start", "start");
}

TEST(BenchQuick, MeasuresStoresAtAHub) {
  expect_measured("sync", "ingest", "sync-ingest", {"--stores", "20"});
}

TEST(BenchQuick, MeasuresStoresAtAHubOnPostgres) {
  expect_measured("sync", "ingest", "sync-ingest-postgresql", {"--stores", "20", "--database", "postgresql"});
}

TEST(BenchQuick, MeasuresTransfersBesideTheirBareRows) {
  expect_measured("hub", "wallet", "hub-wallet");
}

TEST(BenchQuick, MeasuresOnASteadyDisk) {
  const TempDir folder;
  const auto ran = ran_with({"hub", "--scenario", "spin", "--quick", "--disk", "steady", "--bin", bin_dir(),
                             "--state", folder.file("state"), "--out", folder.file("out")});
  EXPECT_NE(ran.out.find("disk: steady: in memory, each sync waits 200 us"), std::string::npos) << ran.out;
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "state")) << "all is in memory";
}

/// Of whoever has the library preloaded.
TEST(SteadyDisk, HasEachSyncWait) {
  const TempDir folder;
  std::ofstream(folder.path() / "file") << "text";
  constexpr std::chrono::milliseconds wait{300};
  const auto begun = std::chrono::steady_clock::now();
  const auto ran = bench::run_command(
      "/usr/bin/env",
      {"LD_PRELOAD=" + std::filesystem::absolute(bin_dir()).string() + "/libperkline-steady-disk.so",
       "PERKLINE_SYNC_US=" + std::to_string(std::chrono::microseconds(wait).count()), "sync", "--data",
       folder.file("file")});
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->status, 0) << ran->err;
  EXPECT_GE(std::chrono::steady_clock::now() - begun, wait);
}

TEST(BenchQuick, MeasuresTransfersBesidePgbench) {
  expect_measured("hub", "wallet", "hub-wallet-postgresql", {"--database", "postgresql"});
}

TEST(BenchQuick, MeasuresSpins) {
  expect_measured("hub", "spin", "hub-spin");
}

TEST(BenchQuick, MeasuresBalances) {
  expect_measured("hub", "balance", "hub-balance");
}

TEST(BenchQuick, MeasuresClaims) {
  expect_measured("hub", "claim", "hub-claim");
}

TEST(BenchQuick, MeasuresReadsAndSpinsOverLongLedgers) {
  expect_measured("hub", "growth", "growth");
}

}  // namespace
}  // namespace perkline::test
