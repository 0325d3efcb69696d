#include "shared/net/http.hpp"

#include <gtest/gtest.h>

namespace perkline::net {
namespace {

constexpr std::string_view traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Headers, NamesCompareWithoutCase) {
  Headers headers;
  headers.add("X-One", "1");
  headers.add("x-one", "2");
  EXPECT_EQ(headers.find("X-ONE"), "1");
  headers.set("X-oNe", "3");
  EXPECT_EQ(headers.find("x-one"), "3");
  EXPECT_EQ(std::distance(headers.begin(), headers.end()), 1);
  EXPECT_FALSE(headers.find("X-On"));
}

TEST(PercentCoding, DecodesEscapesAndLeavesPlus) {
  EXPECT_EQ(percent_decode("a%20b+c%2f%C3%a9"), "a b+c/\xC3\xA9");
  EXPECT_EQ(percent_decode(""), "");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
}

TEST(PercentCoding, RefusesBrokenEscapes) {
  for (const char* text : {"%", "a%", "%4", "%4g", "%g4", "%%41", "% 41"})
    EXPECT_FALSE(percent_decode(text)) << text;
}

TEST(PercentCoding, DecodingUndoesEncodingOfEveryByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("Az09-._~ /?&=%+"), "Az09-._~%20%2F%3F%26%3D%25%2B");
}

Request with_query(std::string query) {
  Request request;
  request.query = std::move(query);
  return request;
}

TEST(Query, ValueIsDecodedAndFoundByName) {
  const Request request = with_query("a=1&sessionId=sess%5F1&empty=&flag&%62=2");
  EXPECT_EQ(request.query_value("sessionId"), "sess_1");
  EXPECT_EQ(request.query_value("a"), "1");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_EQ(request.query_value("flag"), "");
  EXPECT_EQ(request.query_value("b"), "2");
  EXPECT_EQ(request.query_value("session"), std::nullopt);
  EXPECT_EQ(with_query("").query_value("a"), std::nullopt);
}

TEST(Query, DoubledParameterGivesTheFirstAndABrokenOneItself) {
  EXPECT_EQ(with_query("a=1&a=2").query_value("a"), "1");
  EXPECT_EQ(with_query("a=%zz").query_value("a"), "%zz");
  EXPECT_EQ(with_query("a=x=y").query_value("a"), "x=y");
}

TEST(Problem, SaysAllThatTheCallerMaySee) {
  Error error{.code = Errc::validation_failed, .detail = "two fields are wrong"};
  error.faults = {{.field = "items[0].qty", .message = "must be \"> 0\""},
                  {.field = "sessionId", .message = "is missing"}};
  const Response response = problem_response(error, traceparent);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.body,
            R"({"type":"urn:perkline:problem:validation-failed","title":"Validation failed","status":400,)"
            R"("detail":"two fields are wrong","code":"VALIDATION_FAILED",)"
            R"("traceId":"0af7651916cd43dd8448eb211c80319c",)"
            R"("errors":[{"field":"items[0].qty","message":"must be \"> 0\""},)"
            R"({"field":"sessionId","message":"is missing"}]})");
  EXPECT_FALSE(response.headers.find("Retry-After"));
}

TEST(Problem, HandsOnTheProvidersReason) {
  Error error{.code = Errc::pdi_rejected, .detail = "PDI refused"};
  error.provider = {.code = "BLOCKED", .message = "member is blocked"};
  EXPECT_EQ(problem_response(error, traceparent).body,
            R"({"type":"urn:perkline:problem:pdi-rejected","title":"PDI rejected","status":400,)"
            R"("detail":"PDI refused","code":"PDI_REJECTED","traceId":"0af7651916cd43dd8448eb211c80319c",)"
            R"("pdi":{"code":"BLOCKED","message":"member is blocked"}})");
}

TEST(Problem, KeepsInternalDetailInside) {
  const Response response =
      problem_response({.code = Errc::io_failed, .detail = "/var/lib/secret"}, traceparent);
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body, R"({"type":"urn:perkline:problem:internal","title":"Internal","status":500,)"
                           R"("detail":"The request could not be completed.","code":"INTERNAL",)"
                           R"("traceId":"0af7651916cd43dd8448eb211c80319c"})");
}

TEST(Problem, RetryAfterIsInWholeSecondsAndNeverZero) {
  Error error = fail(Errc::overloaded).error();
  error.retry_after = Millis{1001};
  EXPECT_EQ(problem_response(error, traceparent).headers.find("Retry-After"), "2");
  error.retry_after = Millis{0};
  EXPECT_EQ(problem_response(error, traceparent).headers.find("Retry-After"), "1");
}

TEST(Problem, NamesATimeForWhatPassesByItself) {
  for (const Errc code :
       {Errc::database_unavailable, Errc::overloaded, Errc::pdi_unavailable, Errc::storage_full,
        Errc::rate_limited, Errc::session_busy, Errc::request_in_progress}) {
    EXPECT_EQ(problem_response(fail(code).error(), traceparent).headers.find("Retry-After"), "1")
        << name_of(code);
  }
  for (const Errc code : {Errc::internal, Errc::insufficient_funds, Errc::not_found, Errc::unauthenticated}) {
    EXPECT_FALSE(problem_response(fail(code).error(), traceparent).headers.find("Retry-After"))
        << name_of(code);
  }
}

TEST(Problem, TellsWhatIsLeftOfAQuota) {
  Error error = fail(Errc::rate_limited).error();
  error.quota = Quota{.limit = 500, .reset = Millis{1001}};
  const Response response = problem_response(error, traceparent);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers.find("RateLimit-Limit"), "500");
  EXPECT_EQ(response.headers.find("RateLimit-Remaining"), "0");
  EXPECT_EQ(response.headers.find("RateLimit-Reset"), "2");
}

TEST(Problem, CarriesTheHeadersThatGoWithItsStatus) {
  EXPECT_EQ(problem_response({.code = Errc::method_not_allowed, .detail = "GET, HEAD"}, traceparent)
                .headers.find("Allow"),
            "GET, HEAD");
  EXPECT_EQ(problem_response(fail(Errc::token_expired).error(), traceparent).headers.find("WWW-Authenticate"),
            "Bearer");
}

}  // namespace
}  // namespace perkline::net
