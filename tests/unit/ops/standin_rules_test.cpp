#include <gtest/gtest.h>

#include "edge/config.hpp"
#include "edge/reload.hpp"
#include "edge/standin/rules_in_force.hpp"
#include "shared/core/limits.hpp"
#include "tests/unit/ops/config_file.hpp"

namespace perkline::edge::standin {
namespace {

using rules::ChainRules;
using rules::ReceiptForm;

using std::chrono::sys_days;
using std::chrono::year;

const std::string example = PERKLINE_SOURCE_DIR "/deploy/systemd/standin-rules.example.yaml";

std::string faults(const std::string& yaml) {
  ChainRules rules;
  return test::told(yaml, [&](config::Schema& s) { describe(s, rules); });
}

/// With a version, so that what else is told is of `yaml` alone.
std::string faults_besides_version(const std::string& yaml) {
  return faults("version: v1\n" + yaml);
}

ChainRules read(const std::string& yaml) {
  ChainRules rules;
  EXPECT_EQ(test::told("version: v1\n" + yaml, [&](config::Schema& s) { describe(s, rules); }), "");
  return rules;
}

TEST(StandInRules, TheExampleIsWhatIsBuiltIn) {
  ChainRules rules;
  rules.rewards = {};
  rules.receipt = ReceiptForm(std::vector<std::string>{});
  const auto read = config::read_file(example, [&](config::Schema& s) { describe(s, rules); });
  ASSERT_TRUE(read) << config::fault_lines("example", read.error());
  EXPECT_EQ(rules.rewards, loyalty::default_rules());
  EXPECT_EQ(rules.receipt.templates(), ReceiptForm().templates());
}

TEST(StandInRules, WhatIsLeftOutIsAsBuiltIn) {
  const ChainRules rules = read("");
  EXPECT_EQ(rules.rewards.version, "v1");
  EXPECT_TRUE(same_content(rules, ChainRules{}));
}

TEST(StandInRules, HoldsEverythingAChainDecides) {
  const ChainRules rules = read(R"(
points_per_unit: 1.5
tiers: { Base: 0, "Gold Plus": 0.25 }
categories:
  tobacco: 0
  fresh: "3.10"
multiplied_days:
  - { weekdays: [tuesday, sunday], factor: 2 }
  - { date: 2028-02-29, factor: 0.5 }
  - weekdays: monday
    factor: 3
receipt:
  lines: ["You have {{newBalance}}"]
)");
  const loyalty::RewardRules expected{
      .version = "v1",
      .points_per_unit_hundredths = 150,
      .tiers = {{"Base", 0}, {"Gold Plus", 25}},
      .categories = {{"tobacco", 0}, {"fresh", 310}},
      .days = {{.weekdays = {std::chrono::Tuesday, std::chrono::Sunday}, .factor_hundredths = 200},
               {.date = sys_days{year{2028} / 2 / 29}, .factor_hundredths = 50},
               {.weekdays = {std::chrono::Monday}, .factor_hundredths = 300}}};
  EXPECT_EQ(rules.rewards, expected);
  EXPECT_EQ(rules.receipt.templates(), std::vector<std::string>{"You have {{newBalance}}"});
}

TEST(StandInRules, ListsMayBeEmpty) {
  const ChainRules rules = read("tiers: {}\ncategories: {}\nmultiplied_days: []\nreceipt: {lines: []}\n");
  EXPECT_TRUE(rules.rewards.tiers.empty());
  EXPECT_TRUE(rules.receipt.templates().empty());
}

TEST(StandInRules, PrintedRulesAreReadAgain) {
  ChainRules rules = read(
      "points_per_unit: 0.05\ntiers: {A: 10}\ncategories: {b: 1000}\n"
      "multiplied_days: [{weekdays: [friday], factor: 100}, {date: 1970-01-01, factor: 0}]\n"
      "receipt: {lines: ['{{#redeemed}}\"#{{/redeemed}}']}\n");
  const std::string yaml = config::print([&](config::Schema& s) { describe(s, rules); });
  ChainRules again;
  EXPECT_EQ(test::told(yaml, [&](config::Schema& s) { describe(s, again); }), "") << yaml;
  EXPECT_EQ(again.rewards, rules.rewards);
  EXPECT_EQ(again.receipt.templates(), rules.receipt.templates());
}

TEST(StandInRules, EveryFaultIsToldAtOnce) {
  EXPECT_EQ(
      faults(R"(
points_per_unit: two
tiers: { Gold: 0.125, Silver: -1, Base: 10.01, Gold: 1 }
categories: { fresh: 1e1, "": 1 }
multiplied_days:
  - { date: 2026-02-30, factor: 2 }
  - { weekdays: [montag, friday, friday], factor: 100.01 }
  - { factor: 2 }
  - { date: 2026-01-01, weekdays: [monday] }
  - { date: 2026-01-01, factor: 2, until: 2026-01-02 }
receipt:
  lines: ["{{points}}", "fine", "{{#redeemed}}open"]
  footer: bye
rates: {}
)"),
      "f: tiers.Gold: is given twice (line 3 and line 3)\n"
      "f: version: is required\n"
      "f: points_per_unit: must be a plain decimal number\n"
      "f: tiers.Silver: must be a plain decimal number\n"
      "f: tiers.Base: must be at most 10\n"
      "f: categories.fresh: must be a plain decimal number\n"
      "f: categories.: must have a name of 1 to 256 bytes without control characters\n"
      "f: multiplied_days[0].date: must be a day of the calendar, as 2026-12-24\n"
      "f: multiplied_days[1].weekdays[0]: must be a day such as monday\n"
      "f: multiplied_days[1].factor: must be at most 100\n"
      "f: multiplied_days[1].weekdays: names friday twice\n"
      "f: multiplied_days[2].date: is to be given, or weekdays, and not both\n"
      "f: multiplied_days[3].factor: is required\n"
      "f: multiplied_days[3].date: is to be given, or weekdays, and not both\n"
      "f: multiplied_days[4].until: is no known key\n"
      "f: receipt.lines[0]: names something else than earnedPoints, redeemedPoints, newBalance, "
      "customerName, tier, receiptId, amount, currency, provisional, redeemed\n"
      "f: receipt.lines[2]: is no Mustache template: a tag or a section does not end, or ends and never "
      "began\n"
      "f: receipt.footer: is no known key\n"
      "f: rates: is no known key\n");
}

TEST(StandInRules, NumbersAreExactDecimalsInTheirRange) {
  const auto rate = [](const std::string& text) {
    return faults_besides_version("points_per_unit: " + text);
  };
  for (const char* text : {"0", "0.01", "1000", "'1000.00'", "2.5"}) EXPECT_EQ(rate(text), "") << text;
  for (const char* text : {"-1", ".5", "1e2", "0x2", "''", "1,5", "1_000", "NaN", "+2"})
    EXPECT_EQ(rate(text), "f: points_per_unit: must be a plain decimal number\n") << text;
  EXPECT_EQ(rate("007"), "f: points_per_unit: must not start with 0\n");
  EXPECT_EQ(rate("0.005"), "f: points_per_unit: must have at most 2 decimals\n");
  EXPECT_EQ(rate("1000.01"), "f: points_per_unit: must be at most 1000\n");
  EXPECT_EQ(rate("1000000000000000"), "f: points_per_unit: is too large\n");
  EXPECT_EQ(rate("[2]"), "f: points_per_unit: must be a single value\n");
  EXPECT_EQ(rate(""), "f: points_per_unit: has no value\n");
}

TEST(StandInRules, DatesAreDaysThereAre) {
  const auto date = [](const std::string& text) {
    return faults_besides_version("multiplied_days: [{date: " + text + ", factor: 2}]");
  };
  EXPECT_EQ(date("2026-12-24"), "");
  EXPECT_EQ(date("'2028-02-29'"), "");
  for (const char* text : {"2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "24.12.2026", "20261224",
                           "1969-12-31", "2026-12-24T00:00", "2026-+1-01", "christmas"}) {
    EXPECT_EQ(date(text), "f: multiplied_days[0].date: must be a day of the calendar, as 2026-12-24\n")
        << text;
  }
}

TEST(StandInRules, TextsHaveTheirLengths) {
  EXPECT_EQ(faults("version: " + std::string(64, 'v')), "");
  EXPECT_EQ(faults("version: " + std::string(65, 'v')), "f: version: must be at most 64 bytes long\n");
  EXPECT_EQ(faults("version: ''"), "f: version: is required\n");
  EXPECT_EQ(faults("version: \"a\\nb\""), "f: version: must not hold control characters\n");
  const std::string long_name(65, 't');
  EXPECT_EQ(faults_besides_version("tiers: {" + long_name + ": 1}"),
            "f: tiers." + long_name + ": must have a name of 1 to 64 bytes without control characters\n");
  EXPECT_EQ(faults_besides_version("categories: {\"a\\tb\": 1}"),
            "f: categories.a?b: must have a name of 1 to 256 bytes without control characters\n");
}

TEST(StandInRules, ThereIsALimitOnEachList) {
  std::string tiers = "tiers:\n";
  for (std::size_t i = 0; i <= limits::reward_tiers_max; ++i) tiers += "  t" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(faults_besides_version(tiers), "f: tiers: must be at most 64 names\n");
  std::string categories = "categories:\n";
  for (std::size_t i = 0; i <= limits::reward_categories_max; ++i)
    categories += "  c" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(faults_besides_version(categories), "f: categories: must be at most 500 names\n");
  std::string days = "multiplied_days:\n";
  for (std::size_t i = 0; i <= limits::reward_days_max; ++i) days += "  - {weekdays: monday, factor: 1}\n";
  EXPECT_EQ(faults_besides_version(days), "f: multiplied_days: must be at most 400\n");
  std::string lines = "receipt:\n  lines:\n";
  for (std::size_t i = 0; i <= limits::receipt_lines_max; ++i) lines += "    - x\n";
  EXPECT_EQ(faults_besides_version(lines), "f: receipt.lines: must be at most 32\n");
}

TEST(StandInRules, ListsOfTheWrongShapeAreFaults) {
  EXPECT_EQ(faults_besides_version("tiers: [Gold]"), "f: tiers: must be a map from names to values\n");
  EXPECT_EQ(faults_besides_version("categories: fresh"),
            "f: categories: must be a map from names to values\n");
  EXPECT_EQ(faults_besides_version("multiplied_days: {date: 2026-01-01}"),
            "f: multiplied_days: must be a list of maps\n");
  EXPECT_EQ(faults_besides_version("receipt: [a]"), "f: receipt: must be a map of keys\n");
  EXPECT_EQ(faults_besides_version("tiers: {Gold: {factor: 1}}"), "f: tiers.Gold: must be a single value\n");
}

// ---- as part of edge.yaml

const std::string least =
    "store_id: store-1\n"
    "pdi: {url: 'https://pdi.example.com', client_id: id, client_secret: hunter2}\n";

TEST(StandInRules, AreReadWithTheConfigurationThatNamesThem) {
  const test::TempDir dir;
  test::write_file(dir.file("rules.yaml"), "version: v7\npoints_per_unit: 3\n");
  test::write_file(dir.file("edge.yaml"), least + "standin: {rules_file: " + dir.file("rules.yaml") + "}\n");
  const auto config = read_config(dir.file("edge.yaml"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->standin.rules.rewards.version, "v7");
  EXPECT_EQ(config->standin.rules.rewards.points_per_unit_hundredths, 300);
  const std::string printed = print(*config);
  EXPECT_NE(printed.find("\n#   version: \"v7\"\n#   points_per_unit: \"3\"\n"), std::string::npos)
      << printed;
}

TEST(StandInRules, NoFileMeansTheBuiltInOnes) {
  const test::TempDir dir;
  test::write_file(dir.file("edge.yaml"), least);
  const auto config = read_config(dir.file("edge.yaml"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->standin.rules.rewards, loyalty::default_rules());
  EXPECT_NE(print(*config).find("#   version: \"built-in\"\n"), std::string::npos);
}

TEST(StandInRules, FaultsOfBothFilesAreToldTogether) {
  const test::TempDir dir;
  const std::string rules = dir.file("rules.yaml");
  test::write_file(rules, "tiers: {Gold: much}\n");
  EdgeConfig config;
  EXPECT_EQ(test::told(least + "currency: usd\nstandin: {rules_file: " + rules + "}\n",
                       [&](config::Schema& s) { edge::describe(s, config); }),
            "f: currency: must be the ISO 4217 code of a currency in use, such as USD\n" + rules +
                ": version: is required\n" + rules + ": tiers.Gold: must be a plain decimal number\n");
}

TEST(StandInRules, AreTakenOverAtOnceWhenTheyAreReadAgain) {
  const test::TempDir dir;
  const std::string rules = dir.file("rules.yaml");
  test::write_file(dir.file("edge.yaml"), least + "standin: {rules_file: " + rules + "}\n");
  test::write_file(rules, "version: v1\n");
  const auto running = read_config(dir.file("edge.yaml"));
  test::write_file(rules, "version: v2\ntiers: {Gold: 1}\n");
  const auto fresh = read_config(dir.file("edge.yaml"));
  ASSERT_TRUE(running && fresh);
  const ConfigChange change = change_of(*running, *fresh);
  EXPECT_EQ(change.at_start, std::vector<std::string>{});
  EXPECT_EQ(change.at_once,
            (std::vector<std::string>{"standin.rules_file.version", "standin.rules_file.tiers.Gold",
                                      "standin.rules_file.tiers.Base", "standin.rules_file.tiers.Silver",
                                      "standin.rules_file.tiers.Platinum"}));
  EXPECT_EQ(taken_over(*running, *fresh).standin.rules.rewards, fresh->standin.rules.rewards);
}

// ---- as JSON, which the hub takes from staff and stores from the hub

Result<void> read_json(const std::string& text, ChainRules& rules) {
  return config::read_json(text, [&](config::Schema& s) { describe(s, rules); });
}

TEST(RulesAsJson, AreReadAsTheFileIs) {
  ChainRules rules;
  ASSERT_TRUE(read_json(R"({"version":"v1","points_per_unit":1.5,"tiers":{"Base":0,"Gold Plus":"0.25"},
    "categories":{"tobacco":0},"multiplied_days":[{"weekdays":["tuesday"],"factor":2},
    {"date":"2028-02-29","factor":"0.5"}],"receipt":{"lines":["{{tier}}"]}})",
                        rules));
  const ChainRules file = read(
      "points_per_unit: 1.5\ntiers: {Base: 0, Gold Plus: 0.25}\ncategories: {tobacco: 0}\n"
      "multiplied_days: [{weekdays: [tuesday], factor: 2}, {date: 2028-02-29, factor: 0.5}]\n"
      "receipt: {lines: ['{{tier}}']}\n");
  EXPECT_EQ(rules.rewards, file.rewards);
  EXPECT_EQ(rules.receipt.templates(), file.receipt.templates());
}

TEST(RulesAsJson, WrittenOnesAreReadAgain) {
  ChainRules rules = read(
      "points_per_unit: 0.05\ntiers: {A: 10, '\"': 0}\ncategories: {b: 1000}\n"
      "multiplied_days: [{weekdays: [friday], factor: 100}, {date: 1970-01-01, factor: 0}]\n"
      "receipt: {lines: ['{{#redeemed}}\"#{{/redeemed}}']}\n");
  const std::string text = config::print_json([&](config::Schema& s) { describe(s, rules); });
  ChainRules again;
  ASSERT_TRUE(read_json(text, again)) << text;
  EXPECT_EQ(again.rewards, rules.rewards);
  EXPECT_EQ(again.receipt.templates(), rules.receipt.templates());
}

TEST(RulesAsJson, EveryFaultIsToldAtOnce) {
  ChainRules rules;
  const auto done = read_json(
      R"({"points_per_unit":-1,"tiers":["Gold"],"multiplied_days":[{"factor":2}],"rates":{},"receipt":null})",
      rules);
  ASSERT_FALSE(done);
  EXPECT_EQ(config::fault_lines("body", done.error()),
            "body: version: is required\n"
            "body: points_per_unit: must be a plain decimal number\n"
            "body: tiers: must be a map from names to values\n"
            "body: multiplied_days[0].date: is to be given, or weekdays, and not both\n"
            "body: rates: is no known key\n");
}

TEST(RulesAsJson, WhatIsNoObjectIsRefused) {
  ChainRules rules;
  EXPECT_EQ(read_json("[]", rules).error().code, Errc::validation_failed);
  EXPECT_EQ(read_json("{", rules).error().code, Errc::malformed_json);
  EXPECT_EQ(read_json(R"({"version":"a","version":"b"})", rules).error().code, Errc::malformed_json);
}

// Whoever may send rules must not learn what the hub's environment holds.
TEST(RulesAsJson, NothingComesFromTheEnvironment) {
  const test::Variable secret("PERKLINE_TEST_SECRET", "s3cret");
  ChainRules rules;
  ASSERT_TRUE(read_json(R"({"version":"${PERKLINE_TEST_SECRET}"})", rules));
  EXPECT_EQ(rules.rewards.version, "${PERKLINE_TEST_SECRET}");
}

// ---- in force

ChainRules named(std::string version, std::int64_t rate) {
  ChainRules rules;
  rules.rewards.version = std::move(version);
  rules.rewards.points_per_unit_hundredths = rate;
  return rules;
}

TEST(RulesInForce, EarlierOnesAreKnownByTheirVersion) {
  RulesInForce rules(named("a", 100));
  const auto given = rules.now();
  rules.use(named("b", 200));
  EXPECT_EQ(given->rewards.version, "a") << "what was given out stays";
  EXPECT_EQ(rules.now()->rewards.version, "b");
  EXPECT_EQ(rules.of("a")->rewards.points_per_unit_hundredths, 100);
  EXPECT_EQ(rules.of("c")->rewards.version, "b") << "nobody knows them";
  EXPECT_EQ(rules.of("")->rewards.version, "b") << "PDI priced it";
}

TEST(RulesInForce, AVersionMeansItsLatestContent) {
  RulesInForce rules(named("a", 100));
  rules.use(named("b", 200));
  rules.use(named("a", 300));
  EXPECT_EQ(rules.of("a")->rewards.points_per_unit_hundredths, 300);
  EXPECT_EQ(rules.of("b")->rewards.points_per_unit_hundredths, 200);
}

TEST(RulesInForce, OnlyTheLastFewAreKept) {
  RulesInForce rules(named("first", 100));
  for (int i = 0; i < 7; ++i) rules.use(named(std::to_string(i), 200));
  EXPECT_EQ(rules.of("first")->rewards.version, "first");
  rules.use(named("last", 300));
  EXPECT_EQ(rules.of("first")->rewards.version, "last");
}

TEST(RulesInForce, ContentIsComparedWithoutTheName) {
  EXPECT_TRUE(same_content(named("a", 100), named("b", 100)));
  EXPECT_FALSE(same_content(named("a", 100), named("a", 101)));
  ChainRules other = named("a", 100);
  other.receipt = ReceiptForm({"{{tier}}"});
  EXPECT_FALSE(same_content(named("a", 100), other));
}

}  // namespace
}  // namespace perkline::edge::standin
