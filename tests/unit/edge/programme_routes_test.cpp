#include "edge/api/programme_routes.hpp"

#include "edge/api/programme_requests.hpp"
#include "tests/unit/edge/programme_subject.hpp"

namespace perkline::edge::programme {
namespace {

using net::Method;
using net::Response;

std::vector<std::string> fields_of(const Error& error) {
  std::vector<std::string> names;
  for (const FieldFault& fault : error.faults) names.push_back(fault.field);
  return names;
}

TEST(ProgrammeRequests, EveryFaultIsNamedAtOnce) {
  EXPECT_EQ(fields_of(api::parse_spin("{}").error()),
            (std::vector<std::string>{"customerId", "transactionId"}));
  EXPECT_EQ(fields_of(api::parse_spin(R"({"customerId":"a b","transactionId":7,"clientSeed":")" +
                                      std::string(65, 'x') + R"("})")
                          .error()),
            (std::vector<std::string>{"customerId", "transactionId", "clientSeed"}));
  EXPECT_EQ(fields_of(api::parse_claim("{}").error()),
            (std::vector<std::string>{"customerId", "transactionId", "promotionId"}));
  EXPECT_EQ(
      fields_of(api::parse_claim(R"({"customerId":"a","transactionId":"b","promotionId":"c"})").error()),
      std::vector<std::string>{"promotionId"});
  EXPECT_EQ(api::parse_spin("[").error().code, Errc::malformed_json);
  EXPECT_EQ(api::parse_claim("[]").error().code, Errc::validation_failed);
}

TEST(ProgrammeRequests, NoClientSeedIsAnEmptyOne) {
  const std::string sale = R"("customerId":"CUST-1","transactionId":"T-1")";
  EXPECT_EQ(api::parse_spin("{" + sale + "}")->client_seed, "");
  EXPECT_EQ(api::parse_spin("{" + sale + R"(,"clientSeed":null})")->client_seed, "");
  EXPECT_EQ(api::parse_spin("{" + sale + R"(,"clientSeed":""})")->client_seed, "");
  const auto chosen = api::parse_spin("{" + sale + R"(,"clientSeed":"a:b"})");
  EXPECT_EQ(chosen->client_seed, "a:b");
  EXPECT_EQ(chosen->customer, CustomerId("CUST-1"));
  EXPECT_EQ(chosen->transaction, TransactionId("T-1"));
}

class ProgrammeRoutes : public ProgrammeTest {
 protected:
  void SetUp() override {
    ProgrammeTest::SetUp();
    api::add_programme_routes(router, programme->spins(), programme->claims());
  }
  Response call(Method method, const std::string& path, std::string body = "", std::string query = "") {
    auto match = router.match(method, path);
    if (!match) return net::problem_response(match.error(), "");
    net::Request request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    request.body = std::move(body);
    request.traceparent = trace;
    return life->run(match->route->handler(std::move(request)));
  }
  static std::string code_of(const Response& response) {
    EXPECT_EQ(response.content_type, "application/problem+json");
    return text_in(response.body, {"code"});
  }

  net::Router router;
};

TEST_F(ProgrammeRoutes, AllAreForTerminals) {
  for (const net::Route& route : router.routes()) EXPECT_EQ(route.access, "terminal") << route.pattern;
  EXPECT_EQ(router.routes().size(), 4u);
}

TEST_F(ProgrammeRoutes, ASpinIsToldAgainWithTheSameBytesAndSaysSo) {
  catalogue.prize("prize-a");
  seeds();
  offer();
  sold("T-1");
  const std::string body = R"({"customerId":"CUST-12345","transactionId":"T-1","clientSeed":"s"})";
  const Response first = call(Method::post, "/v1/spin", body);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.content_type, "application/json");
  EXPECT_FALSE(first.headers.find("Idempotent-Replayed"));
  const Response again = call(Method::post, "/v1/spin", body);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.find("Idempotent-Replayed"), "true");
  EXPECT_EQ(text_in(call(Method::get, "/v1/prizes").body, {"items"}), "");
}

TEST_F(ProgrammeRoutes, WhatCannotBeDoneHasItsCode) {
  has_catalogue = false;
  offer();
  sold("T-1");
  const std::string body = R"({"customerId":"CUST-12345","transactionId":"T-1"})";
  const Response early = call(Method::post, "/v1/spin", body);
  EXPECT_EQ(early.status, 503);
  EXPECT_EQ(code_of(early), "OVERLOADED");
  EXPECT_TRUE(early.headers.find("Retry-After"));
  has_catalogue = true;
  offer();
  const Response none = call(Method::post, "/v1/spin", body);
  EXPECT_EQ(none.status, 409);
  EXPECT_EQ(code_of(none), "NO_PRIZE_AVAILABLE");
  const Response unknown =
      call(Method::post, "/v1/spin", R"({"customerId":"CUST-12345","transactionId":"T-9"})");
  EXPECT_EQ(unknown.status, 409);
  EXPECT_EQ(code_of(unknown), "SESSION_STATE");
  EXPECT_EQ(call(Method::post, "/v1/spin", "{}").status, 400);
  EXPECT_EQ(call(Method::post, "/v1/promotions/claim", "{}").status, 400);
}

TEST_F(ProgrammeRoutes, AMissingCustomerIsAFaultAndAMalformedOneIsNotFound) {
  const Response missing = call(Method::get, "/v1/promotions");
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(code_of(missing), "VALIDATION_FAILED");
  EXPECT_NE(missing.body.find("customerId"), std::string::npos);
  EXPECT_EQ(call(Method::get, "/v1/promotions", "", "customerId=").status, 404);
  EXPECT_EQ(call(Method::get, "/v1/promotions", "", "customerId=a%20b").status, 404);
  const Response unknown = call(Method::get, "/v1/promotions", "", "customerId=CUST-99999");
  EXPECT_EQ(unknown.status, 200);
  EXPECT_EQ(unknown.body, R"({"items":[]})");
  EXPECT_EQ(call(Method::get, "/v1/prizes").body, R"({"items":[]})");
}

}  // namespace
}  // namespace perkline::edge::programme
