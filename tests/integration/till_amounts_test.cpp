#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

/// Amounts, quantities and points as tills may write them (contract.md §5), in stores of three currencies.
class TillAmounts : public ChainTest {
 protected:
  static void SetUpTestSuite() { start_chain(3, {"", "currency: JPY\n", "currency: KWD\n"}); }
  static Till dollars() { return till_of(0); }
  static Till yen() { return till_of(1); }
  static Till dinars() { return till_of(2); }

  /// Whether calculateRewards takes that amount; a refusal has to be about it.
  static bool takes(const Till& till, const std::string& session, const std::string& amount) {
    const auto answer = till.calculate(session, amount);
    if (answer.status == 200) return true;
    expect_problem(answer, 400, "VALIDATION_FAILED");
    EXPECT_EQ(faulty_fields(answer), std::vector<std::string>{"transactionAmount"}) << amount;
    return false;
  }
};

TEST_F(TillAmounts, HaveAtMostTheCurrencysDecimals) {
  const std::string in_dollars = dollars().open("CUR-1");
  const std::string in_yen = yen().open("CUR-1");
  const std::string in_dinars = dinars().open("CUR-1");
  struct Case {
    const char* amount;
    bool usd, jpy, kwd;
  };
  for (const auto& [amount, usd, jpy, kwd] : {Case{"0", true, true, true},
                                              {"150", true, true, true},
                                              {"150.0", true, false, true},
                                              {"150.00", true, false, true},
                                              {"150.000", false, false, true},
                                              {"0.01", true, false, true},
                                              {"0.001", false, false, true},
                                              {"0.0001", false, false, false},
                                              {"99999999999.99", true, false, true},
                                              {"1000000000000", false, false, false}}) {
    for (const std::string& written : {std::string(amount), '"' + std::string(amount) + '"'}) {
      EXPECT_EQ(takes(dollars(), in_dollars, written), usd) << written;
      EXPECT_EQ(takes(yen(), in_yen, written), jpy) << written;
      EXPECT_EQ(takes(dinars(), in_dinars, written), kwd) << written;
    }
  }
}

TEST_F(TillAmounts, AreHeldToTheGrammarToTheLetter) {
  const std::string session = dollars().open("GRAMMAR-1");
  for (const char* amount :
       {"-0",       "-1",      "\"-1\"",       "\"+1\"",   "1e2",    "1E2",    "\"1e2\"", "1.5e1",
        "\"\"",     "\" 1\"",  "\"1 \"",       "\"1,00\"", "\"00\"", "\"01\"", "\"1.\"",  "\".5\"",
        "\"0x10\"", "\"NaN\"", "\"Infinity\"", "\"１\"",   "true",   "[]",     "{}",      "null"})
    EXPECT_FALSE(takes(dollars(), session, amount)) << amount;
}

TEST_F(TillAmounts, EarnInTheCurrencysWholeUnits) {
  // John Doe is Gold: 2 × (1 + 0.5) a unit, each part rounded down.
  EXPECT_EQ(number_at(dollars().calculate(dollars().open("UNIT-1"), "1.99"), "earnedPoints"), 4);
  EXPECT_EQ(number_at(yen().calculate(yen().open("UNIT-1"), "199"), "earnedPoints"), 597);
  EXPECT_EQ(number_at(dinars().calculate(dinars().open("UNIT-1"), "1.999"), "earnedPoints"), 4);
}

TEST_F(TillAmounts, NothingIsPaidAndNothingIsEarned) {
  const std::string session = dollars().price("ZERO-1", "0");
  const auto answer = dollars().finalize(session, "ZERO-1", "0.00");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(number_at(answer, "earnedPoints"), 0);
  EXPECT_EQ(booked_at_pdi("ZERO-1"), 1u);
}

TEST_F(TillAmounts, QuantitiesHaveThreeDecimalsAndABound) {
  const std::string session = dollars().open("QTY-1");
  for (const char* quantity : {"1", "\"1\"", "0.001", "\"0.125\"", "1000000", "\"1000000.000\""}) {
    const auto answer =
        dollars().calculate(session, "1.00", std::string(R"([{"sku":"A","qty":)") + quantity + "}]");
    EXPECT_EQ(answer.status, 200) << quantity << answer.body;
  }
  for (const char* quantity : {"0", "\"0.000\"", "-1", "0.0001", "1000000.001", "1000001", "1e3", "\"1e3\"",
                               "\"\"", "true", "null", "[1]"}) {
    const auto answer =
        dollars().calculate(session, "1.00", std::string(R"([{"sku":"A","qty":)") + quantity + "}]");
    expect_problem(answer, 400, "VALIDATION_FAILED");
    EXPECT_EQ(faulty_fields(answer), std::vector<std::string>{"items[0].qty"}) << quantity;
  }
}

TEST_F(TillAmounts, ABasketHasUpToFiveHundredItemsOrNone) {
  const std::string session = dollars().open("ITEMS-1");
  const auto items = [](int count) {
    std::string all = "[";
    for (int i = 0; i < count; ++i)
      all += (i > 0 ? "," : "") + std::string(R"({"sku":"S)") + std::to_string(i) +
             R"(","qty":1,"unitPrice":0})";
    return all + ']';
  };
  EXPECT_EQ(dollars().calculate(session, "1.00", items(0)).status, 200);
  EXPECT_EQ(dollars().calculate(session, "1.00", items(500)).status, 200);
  const auto answer = dollars().calculate(session, "1.00", items(501));
  expect_problem(answer, 400, "VALIDATION_FAILED");
  EXPECT_EQ(faulty_fields(answer), std::vector<std::string>{"items"});
}

TEST_F(TillAmounts, PointsAreWholeNumbersUpToTheirBound) {
  const std::string session = dollars().price("POINTS-1");
  for (const char* points : {"-1", "1.0", "0.5", "1e3", "\"5\"", "1000000000001", "true", "[]"}) {
    const auto answer = dollars().finalize(session, "POINTS-1", "150.00",
                                           std::string(R"("applyRewards":true,"redeemPoints":)") + points);
    expect_problem(answer, 400, "VALIDATION_FAILED");
    EXPECT_EQ(faulty_fields(answer), std::vector<std::string>{"redeemPoints"}) << points;
  }
  // Well formed, and far more than he has.
  expect_problem(dollars().finalize(session, "POINTS-1", "150.00",
                                    R"("applyRewards":true,"redeemPoints":1000000000000)"),
                 422, "REDEMPTION_LIMIT");
  EXPECT_EQ(text_at(dollars().status(session), "status"), "calculated");
  EXPECT_EQ(
      dollars().finalize(session, "POINTS-1", "150.00", R"("applyRewards":true,"redeemPoints":0)").status,
      200);
}

TEST_F(TillAmounts, EveryFaultIsNamedAtOnce) {
  using Fields = std::vector<std::string>;
  const auto till = dollars();
  EXPECT_EQ(faulty_fields(till.post("identify", R"({"customerId":"","channelId":"a b"})")),
            (Fields{"customerId", "channelId", "transactionId"}));
  EXPECT_EQ(faulty_fields(till.post("identify", R"({"customerId":")" + std::string(65, 'x') +
                                                    R"(","channelId":"é","transactionId":"a\nb"})")),
            (Fields{"customerId", "channelId", "transactionId"}));
  EXPECT_EQ(faulty_fields(till.post("calculateRewards", R"({"transactionAmount":"x","items":{}})")),
            (Fields{"sessionId", "transactionAmount", "items"}));
  EXPECT_EQ(
      faulty_fields(till.post("finalize", R"({"finalAmount":-1,"applyRewards":"yes","redeemPoints":-1})")),
      (Fields{"sessionId", "transactionId", "finalAmount", "applyRewards", "redeemPoints"}));
  EXPECT_EQ(faulty_fields(till.post("void", R"({"reason":""})")), (Fields{"sessionId", "reason"}));

  const std::string session = till.price("FAULTS-1");
  const auto declined = till.finalize(session, "FAULTS-1", "-1", R"("applyRewards":false,"redeemPoints":5)");
  EXPECT_EQ(faulty_fields(declined), (Fields{"finalAmount", "redeemPoints"})) << declined.body;
}

}  // namespace
}  // namespace perkline::test
