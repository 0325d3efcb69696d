#include "bench/measure/report.hpp"

#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "bench/measure/plot.hpp"
#include "shared/json/value.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::bench {
namespace {

Figures turn_of(std::uint64_t operations) {
  Figures figures{.operations = operations, .seconds = 1};
  figures.times.add(std::chrono::milliseconds(3), operations);
  figures.tell_percentiles();
  return figures;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(BenchTurns, AreTakenThereAndBackAndComparedRoundByRound) {
  std::string order;
  std::uint64_t drift = 100;  // the machine gets faster meanwhile, from round to round
  const auto contestant = [&](char name, std::uint64_t share) {
    return Contestant{std::string(1, name), [&order, &drift, name, share](const TurnProgress&) {
                        order += name;
                        const std::uint64_t operations = drift * share;
                        if (order.size() % 2 == 0) drift *= 2;
                        return Result<Figures>(turn_of(operations));
                      }};
  };
  const auto series = take_turns({contestant('A', 3), contestant('B', 4)}, {.title = "turns", .rounds = 3});
  ASSERT_TRUE(series);
  EXPECT_EQ(order, "ABBAAB");
  const Ratio ratio = ratio_of((*series)[0], (*series)[1]);
  EXPECT_EQ(ratio.rounds, (std::vector<double>{0.75, 0.75, 0.75}));
  EXPECT_EQ(ratio.median(), 0.75);
  EXPECT_EQ((*series)[0].per_second(), 600);
}

TEST(BenchTurns, RatioByCpuTimeIsOfOperationsInTheSameTime) {
  const auto series = [](const char* name, double cpu_seconds) {
    Figures turn = turn_of(1000);
    turn.cpu_seconds = cpu_seconds;
    return Series{.name = name, .turns = {turn}};
  };
  const Ratio ratio = cpu_ratio_of(series("edge", 0.08), series("ceiling", 0.02));
  EXPECT_EQ(ratio.name, "edge / ceiling, by CPU time");
  EXPECT_DOUBLE_EQ(ratio.median(), 0.25);
}

TEST(BenchTurns, IntervalOfARatioIsAsWideAsItsRoundsAreScattered) {
  const auto interval = [](std::vector<double> rounds) {
    const Ratio ratio{.name = "ratio", .rounds = std::move(rounds)};
    EXPECT_LE(ratio.low(), ratio.median());
    EXPECT_GE(ratio.high(), ratio.median());
    return std::pair(ratio.low(), ratio.high());
  };
  EXPECT_EQ(interval({}), std::pair(0.0, 0.0));
  EXPECT_EQ(interval({0.5, 0.5, 0.5}), std::pair(0.5, 0.5));
  // One round of five that the disk has spoiled says little; half of them say more.
  const auto [low, high] = interval({0.50, 0.51, 0.10, 0.49, 0.52});
  EXPECT_GT(low, 0.09);
  EXPECT_LT(high, 0.53);
  const auto [wide_low, wide_high] = interval({0.5, 0.1, 0.5, 0.1, 0.5});
  EXPECT_DOUBLE_EQ(wide_low, 0.1);
  EXPECT_DOUBLE_EQ(wide_high, 0.5);
}

TEST(BenchTurns, FailedOneEndsAllAndIsNamed) {
  const auto series = take_turns(
      {{"till", [](const TurnProgress&) -> Result<Figures> { return fail(Errc::io_failed, "gone"); }}},
      {.title = "turns", .rounds = 2});
  ASSERT_FALSE(series);
  EXPECT_EQ(series.error().detail, "till: gone");
}

TEST(BenchReport, IsPublishedAsJsonAndOnThePageOfAll) {
  const test::TempDir folder;
  Report report{.scenario = "edge-standin", .settings = {{"connections", "32"}}};
  report.series = {{.name = "edge <1>", .turns = {turn_of(600), turn_of(610)}},
                   {.name = "ceiling", .turns = {turn_of(1000), turn_of(1000)}}};
  report.ratios = {ratio_of(report.series[0], report.series[1])};
  report.at_least("of the ceiling", report.ratios[0].median(), 0.6);
  report.at_most("p99, ms", 3, 2.5);
  ASSERT_TRUE(publish(report, folder.path()));
  ASSERT_TRUE(publish({.scenario = "start"}, folder.path()));

  const auto json = json::parse(read(folder.path() / "edge-standin.json"));
  ASSERT_TRUE(json);
  const json::Value& goals = *json->root().find("goals");
  EXPECT_TRUE(goals.items()[0].find("met")->boolean());
  EXPECT_FALSE(goals.items()[1].find("met")->boolean());
  EXPECT_EQ(json->root().find("series")->items()[0].find("turns")->items().size(), 2U);
  EXPECT_EQ(json->root().find("ratios")->items()[0].find("median")->text(), "0.605");

  const std::string page = read(folder.path() / "index.html");
  EXPECT_NE(page.find("id=\"edge-standin\""), std::string::npos);
  EXPECT_NE(page.find("id=\"start\""), std::string::npos);
  EXPECT_NE(page.find("edge &lt;1&gt;"), std::string::npos);
  EXPECT_NE(page.find("<polyline"), std::string::npos);
  EXPECT_NE(page.find("<a href=\"#edge-standin\">"), std::string::npos);  // all goals stand at its head
  EXPECT_LT(page.find("id=goals"), page.find("id=\"edge-standin\""));
  EXPECT_EQ(page.find("http"), std::string::npos) << "the page asks for something from elsewhere";
  EXPECT_NE(to_text(report).find("MISSED"), std::string::npos);
}

TEST(BenchReport, OfStartsHasTimesAndNoRates) {
  const test::TempDir folder;
  Report report{.scenario = "start", .rates = false};
  report.series = {{.name = "edge-1", .turns = {turn_of(1), turn_of(1)}}};
  EXPECT_EQ(to_text(report).find("per second"), std::string::npos);
  EXPECT_NE(to_text(report).find("3.000"), std::string::npos) << to_text(report);
  ASSERT_TRUE(publish(report, folder.path()));
  const std::string page = read(folder.path() / "index.html");
  EXPECT_EQ(page.find("<svg"), std::string::npos);
  EXPECT_NE(page.find("<td>3.000</td>"), std::string::npos);
}

/// What a series is drawn with: its colour and its dashes.
std::string drawn_with(const std::string& svg, std::size_t number) {
  std::size_t at = 0;
  for (std::size_t i = 0; i <= number; ++i) at = svg.find("<polyline", at) + 1;
  return svg.substr(at, svg.find(" points", at) - at);
}

TEST(BenchPlot, TwentySeriesCanBeToldApart) {
  std::vector<Curve> curves;
  for (int i = 0; i < 20; ++i) curves.push_back({.name = std::to_string(i), .points = {{0, 1}, {0.9, 2}}});
  const std::string svg = percentile_plot(curves);
  std::set<std::string> drawn;
  for (std::size_t i = 0; i < curves.size(); ++i) drawn.insert(drawn_with(svg, i));
  EXPECT_EQ(drawn.size(), curves.size());
}

TEST(BenchPlot, LargeFiguresAreWrittenOut) {
  const std::string svg = turn_plot({{.name = "ceiling-http", .values = {57'250}}});
  EXPECT_NE(svg.find(">57,250<"), std::string::npos) << svg;
}

TEST(BenchReport, OfAMomentSaysSoAndGivesNoVerdict) {
  const test::TempDir folder;
  Report report{.scenario = "hub-balance",
                .measuring = {.rounds = 1, .seconds = 0.25, .warm_up_seconds = 0.05, .quick = true}};
  report.series = {{.name = "balances", .turns = {turn_of(600)}}};
  report.at_least("balances/s", 600, 500);
  ASSERT_TRUE(publish(report, folder.path()));

  const auto json = json::parse(read(folder.path() / "hub-balance.json"));
  ASSERT_TRUE(json);
  EXPECT_TRUE(json->root().find("measuring")->find("quick")->boolean());
  EXPECT_EQ(json->root().find("measuring")->find("seconds")->text(), "0.25");
  EXPECT_EQ(json->root().find("goals")->items()[0].find("met"), nullptr);
  const std::string page = read(folder.path() / "index.html");
  EXPECT_NE(page.find("QUICK"), std::string::npos);
  EXPECT_EQ(page.find("<td class=met>"), std::string::npos);
  const std::string text = to_text(report);
  EXPECT_NE(text.find("QUICK"), std::string::npos);
  EXPECT_NE(text.find("1 round of 0.25 s, 0.05 s warm-up"), std::string::npos) << text;
  EXPECT_EQ(text.find(" met"), std::string::npos) << text;
}

}  // namespace
}  // namespace perkline::bench
