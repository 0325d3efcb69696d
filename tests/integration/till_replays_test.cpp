#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

/// The same call again gives the same bytes; the same transaction with another body is refused (contract.md
/// §5).
class TillReplays : public ChainTest {
 protected:
  void TearDown() override { pdi_is_well(); }
  static Till till() { return till_of(0); }
};

constexpr const char* items = R"([{"sku":"SKU-001","qty":2,"unitPrice":"75.00"}])";

TEST_F(TillReplays, ComparesParsedValuesAndNotBytes) {
  const auto identified = till().identify("SAME-1");
  ASSERT_EQ(identified.status, 200);
  EXPECT_FALSE(is_replay(identified));
  const std::string session = text_at(identified, "sessionId");
  expect_replay(
      till().post(
          "identify",
          "{ \"transactionId\":\"SAME-1\",\n\"channelId\":\"POS\\u002d001\", \"customerId\":\"CUST-12345\","
          "\"more\":[1] }"),
      identified);

  const auto calculated = till().calculate(session, "150.00", items);
  for (const char* amount : {"150.00", "150.0", "150", "\"150.00\"", "\"150.0\"", "\"150\""})
    expect_replay(till().calculate(session, amount, items), calculated);
  for (const char* same : {R"([{"qty":"2.000","unitPrice":75,"sku":"SKU-001"}])",
                           R"([{"sku":"SKU-001","qty":2.0,"unitPrice":75.0,"category":null}])"})
    expect_replay(till().calculate(session, "150.00", same), calculated);

  const auto finalized = till().finalize(session, "SAME-1", "150.00");
  ASSERT_EQ(finalized.status, 200) << finalized.body;
  for (const char* amount : {"150.0", "\"150\"", "150"})
    expect_replay(till().finalize(session, "SAME-1", amount), finalized);
  EXPECT_EQ(booked_at_pdi("SAME-1"), 1u);
}

TEST_F(TillReplays, AnotherBodyUnderTheSameTransactionIsRefused) {
  const std::string session = till().price("OTHER-1");
  expect_problem(till().identify("OTHER-1", "CUST-00001"), 422, "TRANSACTION_REUSED");
  expect_problem(
      till().post("identify", R"({"customerId":"CUST-12345","channelId":"POS-2","transactionId":"OTHER-1"})"),
      422, "TRANSACTION_REUSED");
  const std::string other = till().price("OTHER-2");
  expect_problem(till().finalize(session, "OTHER-2"), 422, "TRANSACTION_REUSED");
  expect_problem(till().finalize(session, "OTHER-NONE"), 400, "VALIDATION_FAILED");
  EXPECT_EQ(text_at(till().status(session), "status"), "calculated");
  EXPECT_EQ(text_at(till().status(other), "status"), "calculated");

  const auto finalized = till().finalize(session, "OTHER-1", "140.00");
  ASSERT_EQ(finalized.status, 200);
  expect_problem(till().finalize(session, "OTHER-1", "140.01"), 422, "TRANSACTION_REUSED");
  expect_problem(till().finalize(session, "OTHER-1", "140.00", R"("applyRewards":false)"), 422,
                 "TRANSACTION_REUSED");
  expect_problem(till().finalize(session, "OTHER-1", "140.00", R"("applyRewards":true,"redeemPoints":1)"),
                 422, "TRANSACTION_REUSED");
  expect_replay(till().finalize(session, "OTHER-1", "140.00"), finalized);
  EXPECT_EQ(booked_at_pdi("OTHER-1"), 1u);
}

TEST_F(TillReplays, CalculateKeepsTheLatestBodyAndPricesOthersAnewUntilFinalized) {
  const std::string session = till().open("LATEST-1");
  const auto first = till().calculate(session, "10.00", items);
  const auto second = till().calculate(session, "20.00", items);
  EXPECT_EQ(number_at(first, "earnedPoints"), 30);
  EXPECT_EQ(number_at(second, "earnedPoints"), 60);
  expect_replay(till().calculate(session, "20.00", items), second);
  const auto third = till().calculate(session, "10.00", items);
  EXPECT_FALSE(is_replay(third)) << "the earlier body is no longer the latest";
  const auto other_items = till().calculate(session, "10.00", R"([{"sku":"SKU-001","qty":1}])");
  EXPECT_EQ(other_items.status, 200);
  EXPECT_FALSE(is_replay(other_items));

  ASSERT_EQ(till().finalize(session, "LATEST-1", "10.00").status, 200);
  expect_replay(till().calculate(session, "10.00", R"([{"sku":"SKU-001","qty":1}])"), other_items);
  expect_problem(till().calculate(session, "20.00", items), 409, "SESSION_STATE");
}

TEST_F(TillReplays, EveryCallReplaysInEveryLaterState) {
  const auto identified = till().identify("STATES-1");
  const std::string session = text_at(identified, "sessionId");
  const auto again = [&] { expect_replay(till().identify("STATES-1"), identified); };
  again();
  const auto calculated = till().calculate(session);
  again();
  const auto finalized = till().finalize(session, "STATES-1");
  again();
  expect_replay(till().calculate(session), calculated);

  const auto gone = till().identify("STATES-2");
  const std::string left = text_at(gone, "sessionId");
  const auto priced = till().calculate(left);
  const auto voided = till().abandon(left);
  EXPECT_EQ(voided.status, 200) << voided.body;
  expect_replay(till().identify("STATES-2"), gone);
  expect_replay(till().calculate(left), priced);
  expect_replay(till().abandon(left), voided);
  expect_problem(till().calculate(left, "1.00"), 409, "SESSION_STATE");
  expect_problem(till().finalize(left, "STATES-2"), 409, "SESSION_STATE");
}

TEST_F(TillReplays, PdisRefusalOfAFinalizeIsToldAgainAndNotAskedForAgain) {
  const std::string session = till().price("REFUSED-1");
  pdi(R"({"endpoint":"finalize","mode":"status","status":422,"count":1})");
  const auto refused = till().finalize(session, "REFUSED-1");
  expect_problem(refused, 400, "PDI_REJECTED");
  const auto refusal = refused.json();
  ASSERT_NE(refusal.root().find("pdi"), nullptr) << refused.body;
  EXPECT_EQ(bench::text_at(*refusal.root().find("pdi"), "code"), "FAULT");
  expect_replay(till().finalize(session, "REFUSED-1"), refused);
  EXPECT_EQ(text_at(till().status(session), "status"), "failed");
  expect_problem(till().abandon(session), 409, "SESSION_STATE");
  expect_problem(till().calculate(session, "1.00"), 409, "SESSION_STATE");
  EXPECT_EQ(booked_at_pdi("REFUSED-1"), 0u);
}

TEST_F(TillReplays, ARestartChangesNoByte) {
  const auto identified = till().identify("RESTART-1");
  const std::string session = text_at(identified, "sessionId");
  const auto calculated = till().calculate(session);
  const auto finalized = till().finalize(session, "RESTART-1");
  const auto status = till().status(session);
  keep_from_pdi(0);
  const std::string offline = till().price("RESTART-2");
  const auto pending = till().finalize(offline, "RESTART-2");
  EXPECT_EQ(pending.status, 202) << pending.body;
  pdi(R"({"endpoint":"*","mode":"reset"})");

  fleet().edge(0).kill();
  ASSERT_TRUE(fleet().start_edge(0));
  expect_replay(till().identify("RESTART-1"), identified);
  expect_replay(till().calculate(session), calculated);
  expect_replay(till().finalize(session, "RESTART-1"), finalized);
  EXPECT_EQ(till().status(session).body, status.body);
  expect_replay(till().finalize(offline, "RESTART-2"), pending);
  pdi_is_well();
  (void)status_once(till(), offline, "finalized");
}

TEST_F(TillReplays, A202BecomesA200WithPdisFiguresThatNeverChanges) {
  keep_from_pdi(0);
  const std::string session = till().price("SETTLE-1");
  const auto pending = till().finalize(session, "SETTLE-1");
  EXPECT_EQ(pending.status, 202) << pending.body;
  expect_replay(till().finalize(session, "SETTLE-1"), pending);
  expect_problem(till().finalize(session, "SETTLE-1", "1.00"), 422, "TRANSACTION_REUSED");
  let_to_pdi(0);
  (void)status_once(till(), session, "finalized");

  const auto settled = till().finalize(session, "SETTLE-1");
  EXPECT_EQ(settled.status, 200) << settled.body;
  const auto bookings = bookings_at_pdi("SETTLE-1");
  ASSERT_EQ(bookings.size(), 1u);
  EXPECT_EQ(number_at(settled, "earnedPoints"), bookings[0].earned);
  EXPECT_EQ(number_at(settled, "newBalance"), bookings[0].balance);
  EXPECT_EQ(text_at(settled, "receiptId"), bookings[0].receipt);
  expect_replay(till().finalize(session, "SETTLE-1"), settled);
}

}  // namespace
}  // namespace perkline::test
