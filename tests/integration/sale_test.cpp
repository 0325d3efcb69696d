#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

class Sale : public ChainTest {};

std::string with_session(const std::string& session, const std::string& rest) {
  return R"({"sessionId":")" + session + R"(",)" + rest + "}";
}

TEST_F(Sale, WorkedExampleOfTheContractToTheLetterTwice) {
  const std::string identify =
      R"({"customerId":"CUST-12345","channelId":"POS-001","transactionId":"TXN-67890"})";
  const auto identified = till("identify", identify);
  ASSERT_EQ(identified.status, 200) << identified.body;
  const std::string session = bench::text_at(identified.json().root(), "sessionId");
  EXPECT_EQ(
      identified.body,
      R"({"sessionId":")" + session +
          R"(","status":"active","customerName":"John Doe","currentPoints":5000,"tier":"Gold","mode":"online"})");

  const std::string calculate =
      with_session(session, R"("transactionAmount":150.00,"items":[{"sku":"SKU-001","qty":2}])");
  const auto calculated = till("calculateRewards", calculate);
  ASSERT_EQ(calculated.status, 200) << calculated.body;
  EXPECT_EQ(
      calculated.body,
      R"({"earnedPoints":450,"multiplier":3.0,"bonusPoints":150,"breakdown":{"basePoints":300,"tierBonus":150},)"
      R"("redeemable":{"maxPoints":5000}})");

  const std::string finalize =
      with_session(session, R"("transactionId":"TXN-67890","finalAmount":150.00,"applyRewards":true)");
  const auto finalized = till("finalize", finalize);
  ASSERT_EQ(finalized.status, 200) << finalized.body;
  const auto sale = finalized.json();
  EXPECT_EQ(bench::text_at(sale.root(), "sessionId"), session);
  EXPECT_EQ(bench::text_at(sale.root(), "status"), "finalized");
  EXPECT_EQ(bench::integer_at(sale.root(), "earnedPoints"), 450);
  EXPECT_EQ(bench::integer_at(sale.root(), "redeemedPoints"), 0);
  EXPECT_EQ(bench::integer_at(sale.root(), "newBalance"), 5450);
  EXPECT_EQ(bench::text_at(sale.root(), "mode"), "online");
  EXPECT_FALSE(bench::text_at(sale.root(), "receiptId").empty());
  EXPECT_FALSE(finalized.headers.contains("idempotent-replayed"));
  EXPECT_TRUE(finalized.headers.contains("traceparent"));

  // Twice: the amounts written otherwise, but the same values.
  for (const auto& [path, body, first] :
       {std::tuple{"identify", identify, identified},
        {"calculateRewards",
         with_session(session, R"("transactionAmount":"150.0","items":[{"qty":"2","sku":"SKU-001"}])"),
         calculated},
        {"finalize",
         with_session(session, R"("finalAmount":"150","applyRewards":true,"transactionId":"TXN-67890")"),
         finalized}}) {
    const auto again = till(path, body);
    EXPECT_EQ(again.status, 200) << path;
    EXPECT_EQ(again.body, first.body) << path;
    EXPECT_EQ(again.headers.contains("idempotent-replayed") ? again.headers.at("idempotent-replayed") : "",
              "true")
        << path;
  }
  EXPECT_EQ(booked_at_pdi("TXN-67890"), 1u);

  const auto status = till_get("getSessionStatus?sessionId=" + session).json();
  EXPECT_EQ(bench::text_at(status.root(), "status"), "finalized");
  EXPECT_EQ(bench::text_at(status.root(), "transactionId"), "TXN-67890");

  EXPECT_TRUE(eventually([] {
    const auto balance = hub("points/balance?customerId=CUST-12345");
    if (balance.status != 200) return false;
    const auto document = balance.json();
    const json::Value* rewards = document.root().find("rewards");
    return rewards != nullptr && bench::integer_at(*rewards, "net") == 450 &&
           bench::integer_at(*rewards, "pdiBalance") == 5450;
  }));
}

TEST_F(Sale, SameTransactionWithAnotherBodyIsRefused) {
  const auto identified =
      till("identify", R"({"customerId":"CUST-00001","channelId":"POS-001","transactionId":"T-1"})");
  ASSERT_EQ(identified.status, 200) << identified.body;
  const auto other =
      till("identify", R"({"customerId":"CUST-00002","channelId":"POS-001","transactionId":"T-1"})");
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(bench::text_at(other.json().root(), "code"), "TRANSACTION_REUSED");
}

TEST_F(Sale, FinalizeBeforeCalculateIsRefused) {
  const auto identified =
      till("identify", R"({"customerId":"CUST-00001","channelId":"POS-001","transactionId":"T-2"})");
  const std::string session = bench::text_at(identified.json().root(), "sessionId");
  const auto finalized = till(
      "finalize", with_session(session, R"("transactionId":"T-2","finalAmount":"1.00","applyRewards":true)"));
  EXPECT_EQ(finalized.status, 409);
  EXPECT_EQ(bench::text_at(finalized.json().root(), "code"), "SESSION_STATE");
  EXPECT_EQ(booked_at_pdi("T-2"), 0u);
}

TEST_F(Sale, UnknownMemberIsRefusedWithPdisOwnWords) {
  const auto refused =
      till("identify", R"({"customerId":"CUST-UNKNOWN","channelId":"POS-001","transactionId":"T-3"})");
  EXPECT_EQ(refused.status, 400);
  const auto problem = refused.json();
  EXPECT_EQ(bench::text_at(problem.root(), "code"), "PDI_REJECTED");
  ASSERT_NE(problem.root().find("pdi"), nullptr);
  EXPECT_FALSE(bench::text_at(*problem.root().find("pdi"), "code").empty());
}

TEST_F(Sale, PointsThatAnotherTillHasSpentMeanwhileAreRefusedWithPdisOwnWords) {
  const Till till = till_of(0);
  const std::string card = members_at_pdi("Silver").at(0);
  const std::string first = till.price("SPENT-1", "1.00", card);
  const std::string second = till.price("SPENT-2", "1.00", card);
  const auto member = sandbox("/sandbox/members/" + card);
  const std::string all =
      R"("applyRewards":true,"redeemPoints":)" + std::to_string(number_at(member, "points"));
  const auto spent = till.finalize(first, "SPENT-1", "1.00", all);
  ASSERT_EQ(spent.status, 200) << spent.body;
  const auto refused = till.finalize(second, "SPENT-2", "1.00", all);
  EXPECT_EQ(refused.status, 400) << refused.body;
  const auto problem = refused.json();
  EXPECT_EQ(bench::text_at(problem.root(), "code"), "PDI_REJECTED");
  ASSERT_NE(problem.root().find("pdi"), nullptr) << refused.body;
  EXPECT_EQ(bench::text_at(*problem.root().find("pdi"), "code"), "INSUFFICIENT_POINTS");
  EXPECT_TRUE(bookings_at_pdi("SPENT-2").empty());
}

}  // namespace
}  // namespace perkline::test
