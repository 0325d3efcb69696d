#include "shared/net/http_wire.hpp"

#include <gtest/gtest.h>

namespace perkline::net {
namespace {

std::string head_of(const Response& response, bool close = false) {
  std::string text;
  append_answer_head(text,
                     {.response = response, .traceparent = "00-trace", .date = "a date", .close = close});
  return text;
}

TEST(Wire, AnswerHeadHasItsFieldsInOrder) {
  Response response = json_response(201, "{}");
  response.headers.add("Location", "/x");
  EXPECT_EQ(
      head_of(response, true),
      "HTTP/1.1 201 Created\r\nX-Content-Type-Options: nosniff\r\nDate: a date\r\ntraceparent: 00-trace\r\n"
      "Cache-Control: no-store\r\nLocation: /x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
      "Connection: close\r\n\r\n");
}

TEST(Wire, EchoedTextCannotStartAField) {
  Response response = json_response(200, "");
  response.headers.add("X-Echo", "a\r\nSet-Cookie: evil=1\r\n\r\n<script>");
  const std::string text = head_of(response);
  EXPECT_NE(text.find("X-Echo: a  Set-Cookie: evil=1    <script>\r\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("\r\nSet-Cookie"), std::string::npos);
}

TEST(Wire, FramingIsNotAHandlersToSet) {
  Response response = json_response(200, "{}");
  response.headers.add("content-length", "5");
  response.headers.add("Transfer-Encoding", "chunked");
  response.headers.add("Connection", "keep-alive");
  EXPECT_EQ(head_of(response), head_of(json_response(200, "{}")));
}

TEST(Wire, OwnCacheControlReplacesNoStore) {
  Response response = json_response(200, "{}");
  response.headers.add("cache-control", "max-age=60");
  const std::string text = head_of(response);
  EXPECT_EQ(text.find("no-store"), std::string::npos);
  EXPECT_NE(text.find("max-age=60"), std::string::npos);
}

TEST(Wire, NoContentHasNeitherLengthNorType) {
  const std::string text = head_of({.status = 204});
  EXPECT_EQ(text.find("Content-"), text.find("Content-Type-Options"));
  EXPECT_EQ(text.find("Content-Length"), std::string::npos);
}

TEST(WireDeathTest, FieldNameThatIsNoTokenIsABug) {
  std::string text;
  EXPECT_DEATH(append_field(text, "X: y\r\nZ", "w"), "is_token_char");
}

TEST(Wire, DateIsImfFixdate) {
  using namespace std::chrono;
  EXPECT_EQ(http_date(sys_days{year{1994} / 11 / 6} + hours{8} + minutes{49} + seconds{37} + Millis{999}),
            "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace perkline::net
