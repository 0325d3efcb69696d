#include "shared/net/http_head.hpp"

#include <gtest/gtest.h>

namespace perkline::net {
namespace {

std::string head(std::string_view fields, std::string_view line = "POST /v1/identify HTTP/1.1") {
  return std::string(line).append("\r\n").append(fields).append("\r\n");
}

std::string verdict(std::string_view raw) {
  const auto parsed = parse_request_head(raw);
  return parsed ? "ok" : std::string(name_of(parsed.error().code));
}

TEST(RequestHead, IsReadWhole) {
  const auto parsed = parse_request_head(
      "PATCH /users/a%20b?x=1&y=? HTTP/1.1\r\nHost: hub:8080\r\nX-Two:  spaced \t\r\nContent-Length: "
      "12\r\n\r\n");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->head.method, Method::patch);
  EXPECT_EQ(parsed->head.path, "/users/a%20b");
  EXPECT_EQ(parsed->head.query, "x=1&y=?");
  EXPECT_EQ(parsed->head.headers.find("x-two"), "spaced");
  EXPECT_EQ(parsed->content_length, 12u);
  EXPECT_TRUE(parsed->keep_alive);
  EXPECT_FALSE(parsed->expects_continue);
}

TEST(RequestHead, KnowsTheMethodsAndLumpsTheRest) {
  const std::pair<const char*, Method> expected[] = {
      {"GET", Method::get},     {"HEAD", Method::head},  {"POST", Method::post},
      {"PUT", Method::put},     {"DELETE", Method::del}, {"OPTIONS", Method::options},
      {"TRACE", Method::other}, {"BREW", Method::other}, {"get", Method::other}};
  for (const auto& [name, method] : expected) {
    const auto parsed = parse_request_head(head("Host: a\r\n", std::string(name) + " / HTTP/1.1"));
    ASSERT_TRUE(parsed) << name;
    EXPECT_EQ(parsed->head.method, method) << name;
  }
}

TEST(RequestHead, OldAndClosingClientsAreNotKept) {
  EXPECT_FALSE(parse_request_head(head("", "GET / HTTP/1.0"))->keep_alive);
  EXPECT_FALSE(parse_request_head(head("Connection: keep-alive\r\n", "GET / HTTP/1.0"))->keep_alive);
  EXPECT_FALSE(parse_request_head(head("Host: a\r\nConnection: Keep-Alive, CLOSE\r\n"))->keep_alive);
}

TEST(RequestHead, AbsoluteTargetIsServedByItsPath) {
  EXPECT_EQ(parse_request_head(head("Host: a\r\n", "GET http://a:80/x?y HTTP/1.1"))->head.path, "/x");
  EXPECT_EQ(parse_request_head(head("Host: a\r\n", "GET http://a HTTP/1.1"))->head.path, "/");
  const auto query_only = parse_request_head(head("Host: a\r\n", "GET http://a?y HTTP/1.1"));
  EXPECT_EQ(query_only->head.path, "/");
  EXPECT_EQ(query_only->head.query, "y");
  EXPECT_EQ(verdict(head("Host: a\r\n", "GET http://a@b/x HTTP/1.1")), "bad_request");
}

TEST(RequestHead, RefusesMalformedLines) {
  for (const char* line :
       {"GET /", "GET / HTTP/1.2", "GET / HTTP/2.0", "GET / http/1.1", "GET  / HTTP/1.1", "GET / HTTP/1.1 ",
        " GET / HTTP/1.1", "/ HTTP/1.1", "GET x HTTP/1.1", "GET * HTTP/1.1", "GET /#f HTTP/1.1",
        "GET /\x01 HTTP/1.1", "GET /\xC3\xA9 HTTP/1.1", "G@T / HTTP/1.1", "GET\t/ HTTP/1.1", "PRI * HTTP/2.0",
        "\x16\x03\x01"}) {
    EXPECT_EQ(verdict(head("Host: a\r\n", line)), "bad_request") << line;
  }
}

TEST(RequestHead, RefusesMalformedFields) {
  for (const char* fields :
       {"Host: a\r\nX\r\n", "Host: a\r\n: x\r\n", "Host: a\r\nX : y\r\n", "Host: a\r\nX: y\x01\r\n",
        "Host: a\r\nX: y\nZ: w\r\n", "Host: a\r\nX: y\rZ: w\r\n", "Host: a\r\nX\x80: y\r\n"}) {
    EXPECT_EQ(verdict(head(fields)), "bad_request") << fields;
  }
  EXPECT_EQ(verdict(head(std::string("Host: a\r\nX: y\0z\r\n", 17))), "bad_request");
}

TEST(RequestHead, RefusesFoldedLines) {
  for (const char* fields : {"Host: a\r\nX: y\r\n z\r\n", "Host: a\r\nX: y\r\n\tz\r\n",
                             "Host: a\r\nX:\r\n z\r\n", " Host: a\r\n", "Host: a\r\nX: y\r\n \r\n"}) {
    EXPECT_EQ(verdict(head(fields)), "bad_request") << fields;
  }
}

TEST(RequestHead, WantsExactlyOneHost) {
  EXPECT_EQ(verdict(head("")), "bad_request");
  EXPECT_EQ(verdict(head("Host: a\r\nHost: a\r\n")), "bad_request");
  EXPECT_EQ(verdict(head("", "GET / HTTP/1.0")), "ok");
  EXPECT_EQ(verdict(head("Host: a\r\nHost: b\r\n", "GET / HTTP/1.0")), "bad_request");
}

TEST(RequestHead, WantsHostToBeOne) {
  for (const char* host : {"a", "a.b-c:7070", "127.0.0.1:1", "[::1]", "[::1]:65535"}) {
    EXPECT_EQ(verdict(head(std::string("Host: ") + host + "\r\n")), "ok") << host;
  }
  for (const char* host : {"", "a b", "a/b", "a@b", "a,b", "a:", "a:x", "a:65536", "a:-1", "[::1", "::1",
                           "[]", "[::1]x", ":80", "a\"b", "a\xC3\xA9"}) {
    EXPECT_EQ(verdict(head(std::string("Host: ") + host + "\r\n")), "bad_request") << host;
  }
}

TEST(RequestHead, RefusesDoubtfulLengths) {
  for (const char* fields :
       {"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n", "Content-Length: -1\r\n", "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n", "Content-Length: 5 5\r\n", "Content-Length:\r\n", "Content-Length: a\r\n",
        "Content-Length: 18446744073709551616\r\n", "Content-Length: 5.0\r\n"}) {
    EXPECT_EQ(verdict(head(std::string("Host: a\r\n") + fields)), "bad_request") << fields;
  }
  EXPECT_EQ(parse_request_head(head("Host: a\r\nContent-Length: 18446744073709551615\r\n"))->content_length,
            18446744073709551615u);
}

TEST(RequestHead, ChunkedAloneLacksALengthAndAllElseIsMalformed) {
  EXPECT_EQ(verdict(head("Host: a\r\nTransfer-Encoding: Chunked\r\n")), "length_required");
  for (const char* fields : {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
                             "Transfer-Encoding: chunked, gzip\r\n", "Transfer-Encoding: identity\r\n",
                             "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding:\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                             "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: \"chunked\"\r\n", "Transfer-Encoding: chunked;q=1\r\n"}) {
    EXPECT_EQ(verdict(head(std::string("Host: a\r\n") + fields)), "bad_request") << fields;
  }
}

TEST(RequestHead, BoundsTheNumberOfFields) {
  std::string fields = "Host: a\r\n";
  for (std::size_t i = 1; i < head_fields_max; ++i) fields += "a:\r\n";
  EXPECT_EQ(verdict(head(fields)), "ok");
  EXPECT_EQ(verdict(head(fields + "a:\r\n")), "headers_too_large");
}

TEST(BegunHead, GarbageIsKnownBeforeItEnds) {
  for (const char* begun :
       {"\x16\x03\x01", "\r\n", "\n", " GET", "GET /\n", "GET / HTTP/1.1\nHost", "GARBAGE\r\n",
        "GET / HTTP/3.0\r\n", "GET /\r\r\n", "GET / HTTP/1.1\r\nX: \x02"}) {
    EXPECT_FALSE(may_become_head(begun, 0)) << begun;
  }
  for (const char* begun :
       {"", "G", "GET / HTTP/1.", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "POST / HTTP/1.0\r\nHost"}) {
    EXPECT_TRUE(may_become_head(begun, 0)) << begun;
  }
}

TEST(BegunHead, LooksAtNewBytesOnly) {
  EXPECT_TRUE(may_become_head("GET / HTTP/1.1\r\nX: \x02", 20));
  EXPECT_FALSE(may_become_head("GET / HTTP/1.1\r\nX: y\x02", 20));
  EXPECT_FALSE(may_become_head("GET /\r\n", 5));
}

}  // namespace
}  // namespace perkline::net
