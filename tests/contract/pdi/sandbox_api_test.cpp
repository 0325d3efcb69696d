#include <gtest/gtest.h>

#include "pdi_client/base64.hpp"
#include "tests/contract/pdi/sandboxed.hpp"

namespace perkline::test {
namespace {

constexpr const char* form_type = "application/x-www-form-urlencoded";

/// The sandbox as others meet it, without our client.
class SandboxApi : public ::testing::Test {
 protected:
  net::HttpAnswer ask_token(const std::string& form, const std::string& authorization = "") {
    net::Headers headers;
    if (!authorization.empty()) headers.add("Authorization", authorization);
    return sandbox.call(net::Method::post, "/oauth/token", form, headers, form_type);
  }
  static std::string basic(const std::string& pair) { return "Basic " + pdi::base64_encode(pair); }
  net::Headers with_token() {
    const auto answer = ask_token("grant_type=client_credentials", basic("perkline:perkline-sandbox"));
    const auto document = json::parse(answer.body).value();
    net::Headers headers;
    headers.add("Authorization", "Bearer " + std::string(document.root().find("access_token")->text()));
    return headers;
  }
  net::HttpAnswer post(const std::string& path, const std::string& body) {
    return sandbox.call(net::Method::post, path, body, with_token());
  }
  static std::string text(const std::string& body, std::string_view name) {
    const auto document = json::parse(body);
    const json::Value* value = document ? document->root().find(name) : nullptr;
    return value == nullptr ? "?" : std::string(value->text());
  }

  RunningReactor reactor;
  SandboxHost sandbox{reactor, {.listen = "0", .tls = {}, .members = 5, .seed = 1}, ""};
};

TEST_F(SandboxApi, TokenByBasicAndByForm) {
  for (const auto& answer :
       {ask_token("grant_type=client_credentials", basic("perkline:perkline-sandbox")),
        ask_token("grant_type=client_credentials", basic("perkline:perkline%2Dsandbox")),
        ask_token("grant_type=client_credentials&client_id=perkline&client_secret=perkline%2Dsandbox")}) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(text(answer.body, "token_type"), "Bearer");
    EXPECT_EQ(text(answer.body, "expires_in"), "3600");
    EXPECT_GE(text(answer.body, "access_token").size(), 32u);
  }
}

TEST_F(SandboxApi, WrongClientIsInvalid) {
  for (const auto& answer : {ask_token("grant_type=client_credentials", basic("perkline:wrong")),
                             ask_token("grant_type=client_credentials", basic("nobody:perkline-sandbox")),
                             ask_token("grant_type=client_credentials", basic("perkline")),
                             ask_token("grant_type=client_credentials", "Basic ???"),
                             ask_token("grant_type=client_credentials&client_id=perkline&client_secret="),
                             ask_token("grant_type=client_credentials")}) {
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(text(answer.body, "error"), "invalid_client");
  }
}

TEST_F(SandboxApi, OtherGrantsAreNotSupported) {
  const auto other = ask_token("grant_type=password", basic("perkline:perkline-sandbox"));
  EXPECT_EQ(other.status, 400);
  EXPECT_EQ(text(other.body, "error"), "unsupported_grant_type");
  const auto none = ask_token("scope=x", basic("perkline:perkline-sandbox"));
  EXPECT_EQ(none.status, 400);
  EXPECT_EQ(text(none.body, "error"), "invalid_request");
}

TEST_F(SandboxApi, EveryCallNeedsAToken) {
  net::Headers made_up;
  made_up.add("Authorization", "Bearer 0123");
  for (const char* path : {"/identify", "/calculateRewards", "/finalize"}) {
    EXPECT_EQ(sandbox.call(net::Method::post, path, "{}").status, 401) << path;
    EXPECT_EQ(sandbox.call(net::Method::post, path, "{}", made_up).status, 401) << path;
  }
  EXPECT_EQ(sandbox.call(net::Method::get, "/getSessionStatus?sessionId=x").status, 401);
  EXPECT_EQ(sandbox.call(net::Method::get, "/getSessionStatus?sessionId=x", "", with_token()).status, 404);
}

TEST_F(SandboxApi, AmountsMayBeTextsOrNumbers) {
  const auto identified =
      post("/identify", R"({"customerId":"CUST-12345","channelId":"P","transactionId":"T"})");
  ASSERT_EQ(identified.status, 200);
  const std::string session = R"({"sessionId":")" + text(identified.body, "sessionId") + R"(",)";
  for (const char* amount : {"150", "150.0", "150.00", "\"150.00\""}) {
    const auto priced = post("/calculateRewards", session + R"("transactionAmount":)" + amount +
                                                      R"(,"items":[{"sku":"SKU-001","qty":2}]})");
    EXPECT_EQ(priced.status, 200) << amount;
    EXPECT_EQ(priced.body, R"({"earnedPoints":450,"multiplier":3.0,"bonusPoints":150,)"
                           R"("breakdown":{"basePoints":300,"tierBonus":150}})");
  }
}

TEST_F(SandboxApi, EveryFaultOfABodyIsTold) {
  const auto answer = post("/calculateRewards", R"({"transactionAmount":-1,"items":[{"sku":"","qty":0}]})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(text(answer.body, "code"), "INVALID");
  const std::string message = text(answer.body, "message");
  for (const char* field : {"sessionId", "transactionAmount", "items[0].sku", "items[0].qty"})
    EXPECT_TRUE(message.contains(field)) << field << " in " << message;
  EXPECT_EQ(text(post("/identify", "{").body, "code"), "MALFORMED");
  EXPECT_EQ(text(post("/finalize", "[]").body, "code"), "INVALID");
}

TEST_F(SandboxApi, FaultsAreCheckedAndNamed) {
  const auto answer =
      sandbox.call(net::Method::put, "/sandbox/faults", R"({"endpoint":"spin","mode":"slow"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(text(answer.body, "code"), "VALIDATION_FAILED");
  EXPECT_TRUE(answer.body.contains(R"("field":"endpoint")"));
  EXPECT_TRUE(answer.body.contains(R"("field":"mode")"));
  EXPECT_EQ(sandbox.call(net::Method::put, "/sandbox/faults", "{").status, 400);
  EXPECT_EQ(sandbox.call(net::Method::put, "/sandbox/faults", R"({"endpoint":"finalize"})").status, 204)
      << "no mode is the first one: ok";
}

TEST_F(SandboxApi, FaultsAreTakenWhateverTypeTheyAreSaidToBe) {
  const std::string hang = R"({"endpoint":"finalize","mode":"hang"})";
  for (const char* type : {"application/json", form_type, "text/plain"})
    EXPECT_EQ(sandbox.call(net::Method::put, "/sandbox/faults", hang, {}, type).status, 204) << type;
  EXPECT_EQ(sandbox.call(net::Method::post, "/identify", "{}", with_token(), form_type).status, 415)
      << "PDI's own calls stay strict";
}

TEST_F(SandboxApi, ControlsAreNeverFaulty) {
  const auto token = with_token();
  sandbox.fault(R"({"endpoint":"*","mode":"reset"})");
  EXPECT_EQ(sandbox.call(net::Method::get, "/sandbox/ledger").body, R"({"items":[]})");
  EXPECT_EQ(sandbox.call(net::Method::get, "/sandbox/stats").status, 200);
  sandbox.fault(R"({"endpoint":"*","mode":"ok"})");
  EXPECT_EQ(sandbox.call(net::Method::get, "/getSessionStatus?sessionId=x", "", token).status, 404);
}

TEST_F(SandboxApi, MembersAreShown) {
  const auto john = sandbox.call(net::Method::get, "/sandbox/members/CUST-12345");
  EXPECT_EQ(john.body,
            R"({"customerId":"CUST-12345","name":"John Doe","tier":"Gold","points":5000,"blocked":false})");
  EXPECT_EQ(text(sandbox.call(net::Method::get, "/sandbox/members/CUST-99999").body, "customerId"),
            "CUST-99999");
  EXPECT_EQ(sandbox.call(net::Method::get, "/sandbox/members/CUST-00006").status, 404);
}

}  // namespace
}  // namespace perkline::test
