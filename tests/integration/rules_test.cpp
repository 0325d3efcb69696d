#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

const char* const first_rules = R"(
version: spring
points_per_unit: 3
tiers: { Base: 0, Gold: 1 }
categories: { tobacco: 0 }
receipt:
  lines:
    - "{{customerName}}: {{earnedPoints}} points for {{amount}} {{currency}}"
    - "{{#provisional}}Your points will be confirmed.{{/provisional}}"
)";

const char* const second_rules = R"(
version: summer
points_per_unit: 10
receipt: { lines: ["Summer: {{earnedPoints}}"] }
)";

const char* const wrong_rules = R"(
version: autumn
points_per_unit: -1
tiers: { Gold: 0.125 }
multiplied_days: [{ date: 2026-02-30, factor: 2 }]
receipt: { lines: ["{{points}}"] }
)";

/// Stores whose chain has rules of its own.
class Rules : public ChainTest {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir();
    write(first_rules);
    start_chain(1, {"standin: { rules_file: \"" + rules_file() + "\" }\n"});
  }
  static void TearDownTestSuite() {
    ChainTest::TearDownTestSuite();
    delete folder_;
  }
  void TearDown() override {
    pdi_is_well();
    take_over(first_rules, "spring");
    let_to_pdi(0);
  }

  static std::string rules_file() { return folder_->file("rules.yaml"); }
  /// All at once, as an editor does: the daemon never reads half of it.
  static void write(const char* yaml) {
    std::ofstream(folder_->file("next.yaml")) << yaml;
    std::filesystem::rename(folder_->file("next.yaml"), rules_file());
  }
  static std::string log() {
    std::ifstream file(fleet().log_of("edge-1"));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// SIGHUP, until the log tells `line` once more.
  static bool reload(const std::string& line) {
    const std::size_t before = log().size();
    ::kill(fleet().edge(0).pid(), SIGHUP);
    return eventually([&] { return log().find(line, before) != std::string::npos; });
  }
  static void take_over(const char* yaml, const std::string& version) {
    write(yaml);
    ASSERT_TRUE(reload(R"("rulesVersion":")" + version + '"'));
  }
  static std::vector<std::string> receipt(const bench::WebAnswer& answer) {
    const auto document = answer.json();
    std::vector<std::string> lines;
    if (const json::Value* found = document.root().find("receiptLines")) {
      for (const json::Value& line : found->items()) lines.emplace_back(line.text());
    }
    return lines;
  }

 private:
  static inline TempDir* folder_ = nullptr;
};

TEST_F(Rules, AStoreSellsByThemWithoutPdi) {
  const Till till = till_of(0);
  (void)till.open("RULES-0");  // The member is met.
  keep_from_pdi(0);
  const std::string session = till.open("RULES-1");
  const auto priced =
      till.calculate(session, "150.00",
                     R"([{"sku":"S","qty":2,"unitPrice":"25.00","category":"tobacco"},{"sku":"T","qty":1}])");
  EXPECT_EQ(number_at(priced, "earnedPoints"), 600) << "100.00 × 3, and as much again for Gold";
  const auto pending = till.finalize(session, "RULES-1", "75.00");
  EXPECT_EQ(pending.status, 202) << pending.body;
  EXPECT_EQ(number_at(pending, "earnedPoints"), 300);
  EXPECT_EQ(receipt(pending), (std::vector<std::string>{"John Doe: 300 points for 75.00 USD",
                                                        "Your points will be confirmed."}));
  EXPECT_NE(edge_command(0, {"sessions", "show", session, "--json"}).out.find(R"("rulesVersion":"spring")"),
            std::string::npos);
}

TEST_F(Rules, AreReadAgainForTheNextSaleAndLeaveTheOldOneAlone) {
  const Till till = till_of(0);
  (void)till.open("RULES-2");
  keep_from_pdi(0);
  const std::string told = till.price("RULES-3");
  const auto pending = till.finalize(told, "RULES-3");
  const std::string begun = till.price("RULES-4");

  take_over(second_rules, "summer");
  expect_replay(till.finalize(told, "RULES-3"), pending);
  const auto old = till.finalize(begun, "RULES-4");
  EXPECT_EQ(number_at(old, "earnedPoints"), 900) << "as it was priced";
  const auto next = till.finalize(till.price("RULES-5"), "RULES-5");
  EXPECT_EQ(number_at(next, "earnedPoints"), 2250) << "150.00 × 10 and half of it, as built in";
  EXPECT_EQ(receipt(next), std::vector<std::string>{"Summer: 2250"});

  pdi(R"({"endpoint":"*","mode":"reset"})");
  ASSERT_EQ(fleet().edge(0).terminate(), 0);
  ASSERT_TRUE(fleet().start_edge(0));
  keep_from_pdi(0);
  pdi_is_well();
  expect_replay(till.finalize(told, "RULES-3"), pending);
  let_to_pdi(0);
  bench::WebAnswer settled;
  ASSERT_TRUE(eventually([&] {
    settled = till.finalize(told, "RULES-3");
    return settled.status == 200;
  }));
  EXPECT_EQ(receipt(settled), std::vector<std::string>{"Summer: 450"})
      << "what PDI grants, by the lines of today";
  expect_replay(till.finalize(told, "RULES-3"), settled);
}

TEST_F(Rules, ThatAreWrongAreToldWhollyAndTheOldOnesStay) {
  keep_from_pdi(0);
  write(wrong_rules);
  const std::vector<std::string> keys{"points_per_unit", "tiers.Gold", "multiplied_days[0].date",
                                      "receipt.lines[0]"};
  for (const char* command : {"check-config", "serve"}) {
    const auto output = edge_command(0, {command});
    EXPECT_EQ(output.status, 2) << command;
    const std::string text = output.out + output.err;
    for (const std::string& key : keys)
      EXPECT_NE(text.find(rules_file() + ": " + key + ": "), std::string::npos) << command << ": " << text;
  }
  EXPECT_TRUE(reload(R"("key":"receipt.lines[0]")"));
  EXPECT_NE(log().find(R"("file":")" + rules_file() + '"'), std::string::npos);
  const Till till = till_of(0);
  const std::string session = till.open("RULES-6", "CUST-NOBODY");
  EXPECT_EQ(number_at(till.calculate(session), "earnedPoints"), 450) << "150.00 × 3";
  std::filesystem::remove(rules_file());
  EXPECT_EQ(edge_command(0, {"check-config"}).status, 2);
  EXPECT_TRUE(reload(R"("key":"standin.rules_file")"));
}

TEST_F(Rules, ArePrintedWithTheConfiguration) {
  const auto printed = edge_command(0, {"print-config"});
  EXPECT_EQ(printed.status, 0);
  EXPECT_NE(printed.out.find("#   version: \"spring\""), std::string::npos) << printed.out;
  EXPECT_EQ(edge_command(0, {"check-config"}).status, 0);
}

}  // namespace
}  // namespace perkline::test
