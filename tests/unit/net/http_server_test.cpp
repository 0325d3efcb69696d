#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/net/serving.hpp"

namespace perkline::test {
namespace {

using net::HttpServerOptions;

void expect_problem(const std::optional<RawAnswer>& answer, int status, std::string_view code) {
  ASSERT_TRUE(answer) << "no answer";
  EXPECT_EQ(answer->status, status);
  EXPECT_EQ(answer->code(), code) << answer->body;
  EXPECT_EQ(answer->field("Content-Type"), "application/problem+json");
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  const Serving serving;
  RawHttp connection = serving.connect();
  for (const std::string body : {"{}", "[1,2]", "\"\""}) {
    connection.send(post("/echo", body));
    const auto answer = connection.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, body);
    EXPECT_FALSE(answer->field("Connection"));
    EXPECT_EQ(answer->field("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer->field("Cache-Control"), "no-store");
    EXPECT_TRUE(answer->field("Date").value_or("").ends_with(" GMT"));
  }
}

TEST(HttpServer, HandsPathValuesAndQueryDecoded) {
  const Serving serving;
  EXPECT_EQ(serving.ask(request("GET", "/things/a%20b?q=c%26d"))->body, "a b c&d");
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  const Serving serving;
  RawHttp connection = serving.connect();
  std::string all;
  for (int i = 0; i < 200; ++i)
    all += request("GET", "/things/" + std::to_string(i)) + post("/echo", std::to_string(i));
  connection.send(all);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(connection.read_answer().value_or(RawAnswer{}).body, std::to_string(i) + " -");
    ASSERT_EQ(connection.read_answer().value_or(RawAnswer{}).body, std::to_string(i));
  }
}

TEST(HttpServer, ReadsRequestsThatComeByteByByte) {
  const Serving serving;
  RawHttp connection = serving.connect();
  for (const char& byte : post("/echo", "\"slowly\"")) ASSERT_TRUE(connection.send({&byte, 1}));
  EXPECT_EQ(connection.read_answer()->body, "\"slowly\"");
}

TEST(HttpServer, ClosesWhenAskedTo) {
  const Serving serving;
  RawHttp connection = serving.connect();
  connection.send(request("GET", "/things/1", "Connection: close\r\n"));
  const auto answer = connection.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->field("Connection"), "close");
  EXPECT_TRUE(connection.is_closed());
}

TEST(HttpServer, OldClientsAreAnsweredAndClosed) {
  const Serving serving;
  RawHttp connection = serving.connect();
  connection.send("GET /things/1 HTTP/1.0\r\n\r\n");
  const auto rest = connection.read_until_closed();
  ASSERT_TRUE(rest);
  EXPECT_TRUE(rest->starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(rest->ends_with("\r\nConnection: close\r\n\r\n1 -"));
}

TEST(HttpServer, HandlersSeeTheCallersAddress) {
  for (const char* listen : {"0", "127.0.0.1:0", "localhost:0", "0.0.0.0:0", "[::]:0"}) {
    const Serving serving({.listen = listen});
    if (!serving.started() && std::string_view(listen).starts_with('[')) continue;  // A machine without IPv6.
    ASSERT_TRUE(serving.started()) << listen;
    EXPECT_EQ(serving.ask(request("GET", "/peer"))->body, "<127.0.0.1>") << listen;
  }
}

TEST(HttpServer, ContinuesTheCallersTraceOrBeginsOne) {
  const Serving serving;
  const auto continued = serving.ask(request(
      "GET", "/things/1", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
  EXPECT_TRUE(continued->field("traceparent")->starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_FALSE(continued->field("traceparent")->contains("b7ad6b7169203331"));
  const auto begun = serving.ask(request("GET", "/nowhere", "traceparent: rubbish\r\n"));
  const std::string trace = begun->field("traceparent").value();
  EXPECT_EQ(trace.size(), 55u);
  EXPECT_TRUE(begun->body.contains("\"traceId\":\"" + trace.substr(3, 32) + "\""));
}

TEST(HttpServer, HeadIsGetWithoutItsBody) {
  const Serving serving;
  RawHttp connection = serving.connect();
  connection.send(request("HEAD", "/things/7") + request("GET", "/things/8"));
  EXPECT_EQ(connection.read_head()->field("Content-Length"), "3");
  EXPECT_EQ(connection.read_answer()->body, "8 -");
}

TEST(HttpServer, UnknownPathsAndMethodsAreTold) {
  const Serving serving;
  expect_problem(serving.ask(request("GET", "/nowhere")), 404, "NOT_FOUND");
  expect_problem(serving.ask(request("GET", "/things/%zz")), 404, "NOT_FOUND");
  expect_problem(serving.ask(request("BREW", "/nowhere")), 404, "NOT_FOUND");
  for (const char* method : {"DELETE", "OPTIONS", "BREW"}) {
    const auto answer = serving.ask(request(method, "/things/1"));
    expect_problem(answer, 405, "METHOD_NOT_ALLOWED");
    EXPECT_EQ(answer->field("Allow"), "GET, HEAD");
  }
}

TEST(HttpServer, RefusalWithoutBodyKeepsTheConnection) {
  const Serving serving;
  RawHttp connection = serving.connect();
  connection.send(request("GET", "/nowhere") + request("GET", "/secret") + request("GET", "/things/1"));
  expect_problem(connection.read_answer(), 404, "NOT_FOUND");
  expect_problem(connection.read_answer(), 401, "UNAUTHENTICATED");
  EXPECT_EQ(connection.read_answer()->status, 200);
}

TEST(HttpServer, EveryFramingFaultIsAnsweredAndClosed) {
  const Serving serving;
  const std::string host = "Host: a\r\n";
  const std::string json = "Content-Type: application/json\r\n";
  const std::vector<std::string> faulty{
      "POST /echo HTTP/1.1\r\n" + json + "Content-Length: 2\r\n\r\n{}",
      "POST /echo HTTP/1.1\r\n" + host + host + json + "Content-Length: 2\r\n\r\n{}",
      "POST /echo HTTP/1.1\r\n" + host + json + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
      "POST /echo HTTP/1.1\r\n" + host + json +
          "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.1\r\n" + host + json + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.1\r\n" + host + "X: y\r\n z\r\nContent-Length: 2\r\n\r\n{}",
      "POST /echo HTTP/1.1\r\n" + host + "Content-Length: -2\r\n\r\n{}",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET /\r\n",
      "rubbish\r\n\r\n",
      "\x16\x03\x01\x02",
  };
  for (const auto& bytes : faulty) {
    RawHttp connection = serving.connect();
    connection.send(bytes);
    const auto answer = connection.read_answer();
    expect_problem(answer, 400, "BAD_REQUEST");
    EXPECT_EQ(answer.value_or(RawAnswer{}).field("Connection"), "close") << bytes;
    EXPECT_TRUE(connection.read_until_closed() == "") << bytes;
  }
}

TEST(HttpServer, NothingIsServedBehindAFramingFault) {
  Serving serving;
  RawHttp connection = serving.connect();
  connection.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                  request("GET", "/things/smuggled"));
  expect_problem(connection.read_answer(), 411, "LENGTH_REQUIRED");
  EXPECT_EQ(connection.read_until_closed(), "");
  EXPECT_EQ(serving.seen().size(), 1u);
}

TEST(HttpServer, ChecksComeInTheContractsOrder) {
  const Serving serving;
  const std::string untyped = "Content-Length: 2\r\n";
  const std::string huge = "Content-Length: 99999999\r\n";
  const std::string admin = "Authorization: admin\r\n";
  // Each request has the fault of its own line and of all lines below.
  expect_problem(serving.ask(request("POST", "/nowhere", huge + "Transfer-Encoding: chunked\r\n")), 400,
                 "BAD_REQUEST");
  expect_problem(serving.ask(request("POST", "/nowhere", huge)), 404, "NOT_FOUND");
  expect_problem(serving.ask(request("PUT", "/secret", huge)), 405, "METHOD_NOT_ALLOWED");
  expect_problem(serving.ask(request("POST", "/secret", huge)), 401, "UNAUTHENTICATED");
  expect_problem(serving.ask(request("POST", "/secret", huge + "Authorization: me\r\n")), 403, "FORBIDDEN");
  expect_problem(serving.ask(request("POST", "/secret", admin)), 411, "LENGTH_REQUIRED");
  expect_problem(serving.ask(request("POST", "/secret", admin + huge)), 413, "BODY_TOO_LARGE");
  expect_problem(serving.ask(request("POST", "/secret", admin + untyped)), 415, "UNSUPPORTED_MEDIA_TYPE");
  EXPECT_EQ(serving.ask(post("/secret", "{}", admin))->status, 200);
}

TEST(HttpServer, TypeOfABodyMustBeAcceptedByItsRoute) {
  const Serving serving;
  const auto typed = [&](std::string_view path, std::string_view type) {
    const std::string fields = "Content-Length: 2\r\nContent-Type: " + std::string(type) + "\r\n";
    return serving.ask(request("POST", path, fields, "{}"))->status;
  };
  EXPECT_EQ(typed("/echo", "application/json; charset=utf-8"), 200);
  EXPECT_EQ(typed("/echo", "Application/JSON"), 200);
  EXPECT_EQ(typed("/echo", "application/jsonp"), 415);
  EXPECT_EQ(typed("/echo", "text/plain"), 415);
  EXPECT_EQ(typed("/echo", "application/x-www-form-urlencoded"), 415);
  EXPECT_EQ(typed("/form", "application/x-www-form-urlencoded"), 200);
  EXPECT_EQ(typed("/form", "application/json"), 200);
  EXPECT_EQ(typed("/any-type", "text/plain"), 200);
  EXPECT_EQ(serving.ask(request("POST", "/any-type", "Content-Length: 2\r\n", "{}"))->status, 200);
}

TEST(HttpServer, EmptyBodyNeedsALengthButNoType) {
  const Serving serving;
  EXPECT_EQ(serving.ask(request("POST", "/echo", "Content-Length: 0\r\n"))->status, 200);
  RawHttp connection = serving.connect();
  connection.send(request("POST", "/echo"));
  expect_problem(connection.read_answer(), 411, "LENGTH_REQUIRED");
  EXPECT_TRUE(connection.is_closed());
}

TEST(HttpServer, BodyMayBeAsLargeAsTheLimit) {
  const Serving serving({.listen = "0", .body_bytes_max = 100'000});
  const std::string largest(100'000, 'x');
  EXPECT_EQ(serving.ask(post("/echo", largest))->body, largest);
  expect_problem(serving.ask(post("/echo", largest + "x")), 413, "BODY_TOO_LARGE");
}

TEST(HttpServer, HeadMayBeAsLargeAsTheLimit) {
  const Serving serving;
  const std::size_t frame = request("GET", "/things/1", "X: \r\n").size();
  const auto with_head_of = [&](std::size_t bytes) {
    return request("GET", "/things/1", "X: " + std::string(bytes - frame, 'x') + "\r\n");
  };
  EXPECT_EQ(serving.ask(with_head_of(limits::http_head_bytes_max))->status, 200);
  RawHttp connection = serving.connect();
  connection.send(with_head_of(limits::http_head_bytes_max + 1));
  expect_problem(connection.read_answer(), 431, "HEADERS_TOO_LARGE");
  EXPECT_TRUE(connection.is_closed());
}

TEST(HttpServer, AsksForTheBodyOnlyOnceTheCallerIsAdmitted) {
  const Serving serving;
  const std::string fields =
      "Content-Length: 2\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n";
  RawHttp admitted = serving.connect();
  admitted.send(request("POST", "/secret", fields + "Authorization: admin\r\n"));
  EXPECT_EQ(admitted.read_head()->head, "HTTP/1.1 100 Continue\r\n\r\n");
  admitted.send("{}");
  EXPECT_EQ(admitted.read_answer()->body, "{}");

  expect_problem(serving.ask(request("POST", "/secret", fields)), 401, "UNAUTHENTICATED");
}

TEST(HttpServer, ContinueIsLeftOutWhenTheBodyIsThereAlready) {
  const Serving serving;
  EXPECT_EQ(serving.ask(post("/echo", "{}", "Expect: 100-continue\r\n"))->status, 200);
}

TEST(HttpServer, ThrownTextStaysInside) {
  const Serving serving;
  for (const char* path : {"/throws", "/guard-throws"}) {
    RawHttp connection = serving.connect();
    connection.send(request("GET", path));
    const auto answer = connection.read_answer();
    expect_problem(answer, 500, "INTERNAL");
    EXPECT_FALSE(answer->body.contains("own text"));
    EXPECT_TRUE(connection.is_closed());
  }
  EXPECT_EQ(serving.ask(request("GET", "/things/1"))->status, 200);
}

TEST(HttpServer, EchoedValueCannotSplitTheAnswer) {
  const Serving serving;
  const auto answer = serving.ask(request("GET", "/injects?v=a%0d%0aSet-Cookie:%20x%0d%0a%0d%0a"));
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->field("Set-Cookie"));
  EXPECT_EQ(answer->field("Content-Length"), "2");
  EXPECT_EQ(answer->body, "{}");
}

/// What an answer says to browsers.
TEST(HttpServer, EveryAnswerHasTheCommonFieldsUnlessItSaysOtherwise) {
  net::HttpServerOptions options{.listen = "0"};
  options.common_headers.add("Referrer-Policy", "no-referrer");
  options.common_headers.add("X-Echo", "common");
  const Serving server(options);
  for (const std::string& bytes :
       {request("GET", "/things/a"), request("GET", "/nowhere"), request("GET", "/secret"),
        request("PUT", "/echo"), std::string("garbage\r\n\r\n"), post("/echo", "{}")}) {
    const auto answer = server.ask(bytes);
    ASSERT_TRUE(answer) << bytes;
    EXPECT_EQ(answer->field("Referrer-Policy"), "no-referrer") << bytes;
    EXPECT_EQ(answer->field("X-Content-Type-Options"), "nosniff") << bytes;
    EXPECT_EQ(answer->field("X-Echo"), "common") << bytes;
  }
  const auto own = server.ask(request("GET", "/injects?v=own"));
  EXPECT_EQ(own->field("X-Echo"), "own");
  EXPECT_EQ(own->head.find("common"), std::string::npos);
}

constexpr const char* console = "Origin: https://console.example.com\r\n";

TEST(HttpServer, PagesOnTheListMayReadEveryAnswer) {
  const Serving server({.listen = "0", .cors_origins = {"https://Console.example.com:443"}});
  for (const std::string& bytes : {request("GET", "/things/a", console), request("GET", "/nowhere", console),
                                   request("GET", "/secret", console), request("PUT", "/echo", console)}) {
    const auto answer = server.ask(bytes);
    ASSERT_TRUE(answer) << bytes;
    EXPECT_EQ(answer->field("Access-Control-Allow-Origin"), "https://console.example.com") << bytes;
    EXPECT_EQ(answer->field("Access-Control-Allow-Credentials"), "true");
    EXPECT_TRUE(answer->field("Access-Control-Expose-Headers").value_or("").contains("Retry-After"));
    EXPECT_EQ(answer->field("Vary"), "Origin");
  }
}

TEST(HttpServer, PagesOffTheListAreToldNothing) {
  const Serving server({.listen = "0", .cors_origins = {"https://console.example.com"}});
  for (const char* origin : {"https://evil.example.com", "https://console.example.com.evil.org", "null",
                             "http://console.example.com", "https://console.example.com:8443"}) {
    const auto answer = server.ask(request("GET", "/things/a", "Origin: " + std::string(origin) + "\r\n"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_FALSE(answer->head.contains("Access-Control")) << origin;
    EXPECT_EQ(answer->field("Vary"), "Origin") << "a cache must not give it to another origin";
  }
  const Serving without_list;
  const auto answer = without_list.ask(request("GET", "/things/a", console));
  EXPECT_FALSE(answer->head.contains("Access-Control"));
  EXPECT_FALSE(answer->field("Vary"));
}

TEST(HttpServer, PreflightIsAnsweredBeforeAnybodyIsAskedWhoTheyAre) {
  const Serving server({.listen = "0", .cors_origins = {"https://console.example.com"}});
  const std::string preflight = std::string(console) + "Access-Control-Request-Method: POST\r\n";
  RawHttp connection = server.connect();
  connection.send(request("OPTIONS", "/secret", preflight));
  const auto answer = connection.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 204);
  EXPECT_EQ(answer->field("Access-Control-Allow-Origin"), "https://console.example.com");
  EXPECT_EQ(answer->field("Access-Control-Allow-Methods"), "GET, HEAD, POST");
  EXPECT_EQ(answer->field("Access-Control-Allow-Headers"),
            "Authorization, Content-Type, Idempotency-Key, traceparent");
  EXPECT_TRUE(answer->field("Access-Control-Max-Age"));
  connection.send(request("GET", "/things/a", console));
  EXPECT_EQ(connection.read_answer().value_or(RawAnswer{}).status, 200) << "the connection stays";

  EXPECT_EQ(server.ask(request("OPTIONS", "/nowhere", preflight))->status, 404);
  const auto stranger = server.ask(request(
      "OPTIONS", "/secret", "Origin: https://evil.example.com\r\nAccess-Control-Request-Method: POST\r\n"));
  EXPECT_EQ(stranger->status, 405) << "for whoever is not on the list there are no preflights";
  EXPECT_FALSE(stranger->head.contains("Access-Control"));
  EXPECT_EQ(server.ask(request("OPTIONS", "/secret", console))->status, 405) << "no preflight";
}

TEST(HttpServer, ForwardedAddressCountsFromTrustedProxiesAlone) {
  const std::string forwarded = "X-Forwarded-For: 1.1.1.1, 203.0.113.7\r\n";
  const Serving behind_proxy({.listen = "0", .trusted_proxies = {"127.0.0.0/8"}});
  EXPECT_EQ(behind_proxy.ask(request("GET", "/peer", forwarded))->body, "<203.0.113.7>");
  EXPECT_EQ(behind_proxy.ask(request("GET", "/peer"))->body, "<127.0.0.1>");
  const Serving in_the_open({.listen = "0", .trusted_proxies = {"10.0.0.0/8"}});
  EXPECT_EQ(in_the_open.ask(request("GET", "/peer", forwarded))->body, "<127.0.0.1>");
}

TEST(HttpServer, SandboxMayResetOrDrip) {
  const Serving serving;
  RawHttp connection = serving.connect();
  connection.send(request("GET", "/drip"));
  EXPECT_EQ(connection.read_answer()->body, "drop");
  connection.send(request("GET", "/reset"));
  EXPECT_EQ(connection.read_until_closed(), "");
}

TEST(HttpServer, ObserverHearsOfEveryAnswer) {
  Serving serving;
  RawHttp connection = serving.connect();
  connection.send(request("GET", "/things/1") + request("GET", "/nowhere") + "rubbish\r\n\r\n");
  EXPECT_TRUE(connection.is_closed());
  const auto seen = serving.seen();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].route, "/things/{id}");
  EXPECT_EQ(seen[0].status, 200);
  EXPECT_EQ(seen[1].route, "");
  EXPECT_EQ(seen[1].status, 404);
  EXPECT_EQ(seen[2].status, 400);
}

TEST(HttpServer, UnixSocketIsForItsOwnerAlone) {
  const TempDir dir;
  const std::string path = dir.file("control.sock");
  {
    const Serving serving({.listen = "", .unix_socket = path});
    ASSERT_TRUE(serving.started());
    RawHttp connection(path);
    connection.send(post("/echo", "{}") + request("GET", "/peer"));
    EXPECT_EQ(connection.read_answer()->status, 200);
    EXPECT_EQ(connection.read_answer()->body, "<>");
    struct stat found{};
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u);
    const Serving second({.listen = "", .unix_socket = path});
    ASSERT_FALSE(second.started());
    EXPECT_EQ(second.started().error().code, Errc::io_failed);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HttpServer, UnixSocketIsOpenToWhomItsModeSays) {
  const TempDir dir;
  const std::string path = dir.file("tills.sock");
  const mode_t before = ::umask(077);
  const Serving serving({.listen = "", .unix_socket = path, .unix_socket_mode = 0660});
  ::umask(before);
  ASSERT_TRUE(serving.started());
  struct stat found{};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0660u);
}

TEST(HttpServer, UnixSocketLeftBehindIsReplacedButNothingElse) {
  const TempDir dir;
  const std::string path = dir.file("control.sock");
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(fd);
  }
  {
    EXPECT_TRUE(Serving({.listen = "", .unix_socket = path}).started());
  }
  std::ofstream(path) << "precious";
  const Serving serving({.listen = "", .unix_socket = path});
  ASSERT_FALSE(serving.started());
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(HttpServer, UnusableAddressesAreTold) {
  const Serving first;
  const Serving second({.listen = "127.0.0.1:" + std::to_string(first.port())});
  ASSERT_FALSE(second.started());
  EXPECT_EQ(second.started().error().code, Errc::io_failed);
  for (const char* listen : {"127.0.0.1:x", "127.0.0.1:70000", ":80", "::1:80", "host", "[::1]"}) {
    const Serving serving({.listen = listen});
    ASSERT_FALSE(serving.started()) << listen;
    EXPECT_EQ(serving.started().error().code, Errc::bad_request) << listen;
  }
}

}  // namespace
}  // namespace perkline::test
