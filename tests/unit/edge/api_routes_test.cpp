#include <gtest/gtest.h>

#include "edge/api/routes.hpp"
#include "shared/json/value.hpp"
#include "shared/ops/health.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::edge::api {
namespace {

using net::Method;
using net::Response;
using session::Life;
using session::Outside;

class Routes : public ::testing::Test {
 protected:
  Routes() { add_routes(router, life.flows, health, session::usd()); }

  Response call(Method method, const std::string& path, std::string body = "", std::string query = "") {
    auto match = router.match(method, path);
    if (!match) return net::problem_response(match.error(), "");
    net::Request request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    request.body = std::move(body);
    request.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    return life.run(match->route->handler(std::move(request)));
  }
  Response post(const std::string& path, std::string body) {
    return call(Method::post, path, std::move(body));
  }
  Response status_of(std::string id) {
    return call(Method::get, "/v1/getSessionStatus", "", "sessionId=" + id);
  }

  std::string identify() {
    return session::session_id_in(
               post("/v1/identify",
                    R"({"customerId":"CUST-12345","channelId":"POS-001","transactionId":"T-1"})")
                   .body)
        .str();
  }
  Response calculate(const std::string& id) {
    return post(
        "/v1/calculateRewards",
        R"({"sessionId":")" + id + R"(","transactionAmount":150.00,"items":[{"sku":"SKU-001","qty":2}]})");
  }
  Response finalize(const std::string& id) {
    return post("/v1/finalize", R"({"sessionId":")" + id +
                                    R"(","transactionId":"T-1","finalAmount":150.00,"applyRewards":true})");
  }
  static std::string code_of(const Response& response) {
    EXPECT_EQ(response.content_type, "application/problem+json");
    auto document = json::parse(response.body);
    return document ? std::string(document->root().find("code")->text()) : "";
  }

  Outside outside;
  Life life{outside};
  ops::Health health{life.world->clock()};
  net::Router router;
};

TEST_F(Routes, ASaleGoesThroughAndItsReplaysSayTheyAre) {
  const std::string id = identify();
  EXPECT_EQ(calculate(id).status, 200);
  const Response first = finalize(id);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.content_type, "application/json");
  EXPECT_FALSE(first.headers.find("Idempotent-Replayed"));
  const Response again = finalize(id);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.find("Idempotent-Replayed"), "true");
  EXPECT_EQ(calculate(id).headers.find("Idempotent-Replayed"), "true");
  EXPECT_EQ(status_of(id).status, 200);
}

TEST_F(Routes, APdiRefusalOfTheSaleReplaysAsTheProblemItWas) {
  const std::string id = identify();
  calculate(id);
  outside.pdi.next(test::PdiCall::finalize,
                   {.reject = ProviderFault{"CARD_EXPIRED", "the card has expired"}});
  const Response first = finalize(id);
  EXPECT_EQ(first.status, 400);
  EXPECT_EQ(code_of(first), "PDI_REJECTED");
  const Response again = finalize(id);
  EXPECT_EQ(again.status, 400);
  EXPECT_EQ(again.content_type, "application/problem+json");
  EXPECT_EQ(again.body, first.body);
}

TEST_F(Routes, ErrorsCarryTheirCodeAndRetryAfter) {
  const std::string id = identify();
  EXPECT_EQ(code_of(finalize(id)), "SESSION_STATE");
  EXPECT_EQ(code_of(post("/v1/identify", "{")), "MALFORMED_JSON");
  const Response faults = post("/v1/finalize", "{}");
  EXPECT_EQ(faults.status, 400);
  EXPECT_EQ(code_of(faults), "VALIDATION_FAILED");
  outside.pdi.next(test::PdiCall::calculate, {.lose_answer = true});
  const Response away = calculate(id);
  EXPECT_EQ(away.status, 503);
  EXPECT_EQ(code_of(away), "PDI_UNAVAILABLE");
  EXPECT_TRUE(away.headers.find("Retry-After"));
}

TEST_F(Routes, AMalformedSessionIdIsNotFoundAndAMissingOneIsAFault) {
  EXPECT_EQ(status_of("nonsense").status, 404);
  EXPECT_EQ(status_of("").status, 404);
  EXPECT_EQ(status_of("sess_0190163d-8694-739b-aea5-966c26f8ad91").status, 404);
  EXPECT_EQ(call(Method::get, "/v1/getSessionStatus").status, 400);
}

TEST_F(Routes, AVoidedSessionIsAnEndAndIsToldAgain) {
  const std::string id = identify();
  const std::string body = R"({"sessionId":")" + id + R"(","reason":"customer left"})";
  const Response voided = post("/v1/void", body);
  EXPECT_EQ(voided.status, 200);
  EXPECT_NE(voided.body.find(R"("status":"voided")"), std::string::npos);
  EXPECT_EQ(post("/v1/void", body).body, voided.body);
  EXPECT_EQ(code_of(calculate(id)), "SESSION_STATE");
  EXPECT_EQ(code_of(post("/v1/void", R"({"sessionId":7})")), "VALIDATION_FAILED");
}

TEST_F(Routes, ASaleIsNotVoided) {
  const std::string id = identify();
  calculate(id);
  ASSERT_EQ(finalize(id).status, 200);
  EXPECT_EQ(code_of(post("/v1/void", R"({"sessionId":")" + id + R"(","reason":"oops"})")), "SESSION_STATE");
}

TEST_F(Routes, GoodsComeBack) {
  const std::string id = identify();
  calculate(id);
  ASSERT_EQ(finalize(id).status, 200);
  const std::string body = R"({"originalTransactionId":"T-1","transactionId":"R-1","amount":"50.00"})";
  const Response returned = post("/v1/return", body);
  EXPECT_EQ(returned.status, 200);
  EXPECT_TRUE(returned.body.starts_with(R"({"clawedBackPoints":150,"restoredPoints":0,"receiptId":"RET-)"));
  EXPECT_EQ(post("/v1/return", body).headers.find("Idempotent-Replayed"), "true");
  EXPECT_EQ(code_of(post("/v1/return",
                         R"({"originalTransactionId":"T-1","transactionId":"R-2","amount":"100.01"})")),
            "RETURN_EXCEEDS_SALE");
  EXPECT_EQ(
      code_of(post("/v1/return", R"({"originalTransactionId":"T-9","transactionId":"R-2","amount":"1"})")),
      "NOT_FOUND");
  EXPECT_EQ(post("/v1/return", R"({"originalTransactionId":"T-9","transactionId":"R-2","amount":"1",)"
                               R"("originalStoreId":"store-2"})")
                .status,
            202);
}

TEST_F(Routes, OnlyHealthIsForAnyone) {
  for (const net::Route& route : router.routes()) {
    EXPECT_EQ(route.access, route.pattern == "/health" ? "anyone" : "terminal") << route.pattern;
  }
  EXPECT_EQ(call(Method::get, "/health").status, 200);
}

TEST_F(Routes, WhatLaterPartsBringIsNotThereYet) {
  for (const auto* path : {"/v1/spin", "/v1/promotions/claim", "/v2/identify"}) {
    EXPECT_EQ(post(path, "{}").status, 404) << path;
  }
  EXPECT_EQ(call(Method::get, "/v1/identify").status, 405);
}

}  // namespace
}  // namespace perkline::edge::api
