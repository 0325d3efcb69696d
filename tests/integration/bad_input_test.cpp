#include <string>
#include <vector>

#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

class BadInput : public ChainTest {
 protected:
  /// A priced session, so that what is refused afterwards is refused for its own sake.
  static std::string priced_session(const std::string& transaction) {
    return till_of(0).price(transaction, "9.99", "CUST-00007");
  }
};

TEST_F(BadInput, MalformedJsonIsNamedSo) {
  for (const char* body : {"{", "", "{\"customerId\":}", "[1,2", "{\"a\":1,\"a\":2}", "\x80\x81"}) {
    const auto answer = till("identify", body);
    expect_problem(answer, 400, "MALFORMED_JSON");
  }
}

TEST_F(BadInput, EveryMissingAndWrongFieldIsNamedAtOnce) {
  const auto missing = till("identify", "{}");
  expect_problem(missing, 400, "VALIDATION_FAILED");
  EXPECT_EQ(faulty_fields(missing), (std::vector<std::string>{"customerId", "channelId", "transactionId"}));
  const auto wrong = till("identify", R"({"customerId":7,"channelId":["x"],"transactionId":"T-WRONG"})");
  EXPECT_EQ(faulty_fields(wrong), (std::vector<std::string>{"customerId", "channelId"}));
  const auto not_object = till("identify", "[]");
  expect_problem(not_object, 400, "VALIDATION_FAILED");
}

TEST_F(BadInput, AmountsOutsideTheGrammarAreRefusedAndNothingIsBooked) {
  const std::string session = priced_session("T-AMOUNT");
  for (const char* amount : {"\"1.999\"", "1.999", "\"NaN\"", "-1", "\"-1.00\"", "1e400", "1e2", "\"01.00\"",
                             "\".5\"", "\"5.\"", "true", "null", "1000000000000", "\"\"", "{}"}) {
    const auto answer = till(
        "finalize", R"({"sessionId":")" + session +
                        R"(","transactionId":"T-AMOUNT","applyRewards":true,"finalAmount":)" + amount + "}");
    expect_problem(answer, 400, "VALIDATION_FAILED");
    EXPECT_EQ(faulty_fields(answer), std::vector<std::string>{"finalAmount"}) << amount;
  }
  expect_problem(
      till("finalize", R"({"sessionId":")" + session +
                           R"(","transactionId":"T-AMOUNT","applyRewards":true,"finalAmount":NaN})"),
      400, "MALFORMED_JSON");
  EXPECT_EQ(bench::text_at(till_get("getSessionStatus?sessionId=" + session).json().root(), "status"),
            "calculated");
  EXPECT_EQ(booked_at_pdi("T-AMOUNT"), 0u);
}

TEST_F(BadInput, ItemsAreCheckedOneByOne) {
  const std::string session = priced_session("T-ITEMS");
  const auto answer = till(
      "calculateRewards",
      R"({"sessionId":")" + session +
          R"(","transactionAmount":"1.00","items":[{"sku":"A","qty":0},{"qty":1},{"sku":"B","qty":"0.1234"},{"sku":"C","qty":1}]})");
  expect_problem(answer, 400, "VALIDATION_FAILED");
  EXPECT_EQ(faulty_fields(answer),
            (std::vector<std::string>{"items[0].qty", "items[1].sku", "items[2].qty"}));
}

TEST_F(BadInput, UnknownSessionsAreNotFound) {
  for (const char* id : {"sess_0190163d-8694-739b-aea5-966c26f8ad91", "sess_x", "../../etc/passwd"}) {
    const auto answer = till("calculateRewards", std::string(R"({"sessionId":")") + id +
                                                     R"(","transactionAmount":"1.00","items":[]})");
    expect_problem(answer, 404, "NOT_FOUND");
  }
  expect_problem(till_get("getSessionStatus?sessionId=sess_0190163d-8694-739b-aea5-966c26f8ad91"), 404,
                 "NOT_FOUND");
  expect_problem(till_get("getSessionStatus?sessionId=%00"), 404, "NOT_FOUND");
  expect_problem(till_get("no-such-route"), 404, "NOT_FOUND");
}

TEST_F(BadInput, WithoutTheRightKeyNobodyIsServed) {
  const std::string body = R"({"customerId":"CUST-00001","channelId":"POS-001","transactionId":"T-KEY"})";
  for (const std::string& key : {std::string(), std::string("wrong"), std::string(64, 'a')}) {
    const auto answer = bench::call({.method = "POST",
                                     .origin = fleet().edge_url(0),
                                     .path = "/v1/identify",
                                     .body = body,
                                     .bearer = key});
    ASSERT_TRUE(answer);
    expect_problem(*answer, 401, "UNAUTHENTICATED");
  }
  // The same transaction is still free: nothing was journalled for it.
  const auto answer = till("identify", body);
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.headers.contains("idempotent-replayed"));
}

TEST_F(BadInput, BodiesOverTheLimitAreRefused) {
  const std::string big = R"({"customerId":")" + std::string(300 * 1024, 'x') + R"("})";
  expect_problem(till("identify", big), 413, "BODY_TOO_LARGE");
}

TEST_F(BadInput, NothingRefusedReachesTheHub) {
  const auto stores = hub("stores/store-1");
  ASSERT_EQ(stores.status, 200) << stores.body;
  // No sale of this suite was ever finalized.
  EXPECT_EQ(bench::integer_at(stores.json().root(), "tail"), 0);
}

}  // namespace
}  // namespace perkline::test
