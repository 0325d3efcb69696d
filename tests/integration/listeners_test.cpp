#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/integration/lone_edge.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/test_certificates.hpp"

namespace perkline::test {
namespace {

const std::string identify_body = R"({"customerId":"CUST-1","channelId":"POS-1","transactionId":"LISTEN-1"})";

/// What the tills' port does with what comes in, on the real binary.
std::string unknown_session() {
  return "GET /v1/getSessionStatus?sessionId=none";
}

TEST(Listeners, TlsServesTillsWhoKnowItsAuthorityAndNobodyInTheClear) {
  TestCertificates certificates;
  const auto files = certificates.server("127.0.0.1");
  const LoneEdge edge("tls: { cert_file: " + files.cert_file + ", key_file: " + files.key_file + " }");
  const bench::WebCall identify{.method = "POST",
                                .origin = "https://127.0.0.1:" + std::to_string(edge.port()),
                                .path = "/v1/identify",
                                .body = identify_body,
                                .bearer = edge.key(),
                                .ca_file = certificates.ca_file()};
  const auto answer = bench::call(identify);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(text_at(*answer, "mode"), "standin");

  TestCertificates strangers;
  bench::WebCall mistrusting = identify;
  mistrusting.ca_file = strangers.ca_file();
  EXPECT_FALSE(bench::call(mistrusting));
  RawHttp in_the_clear(edge.port());
  in_the_clear.send(LoneEdge::request(unknown_session(), edge.key()));
  const auto told = in_the_clear.read_until_closed();
  ASSERT_TRUE(told);
  EXPECT_FALSE(told->starts_with("HTTP/")) << *told;
}

TEST(Listeners, UnixSocketServesBesideTcpForTheDaemonsUserAloneAndGoesWithIt) {
  TempDir folder;
  const std::string path = folder.file("tills.sock");
  LoneEdge edge("unix_socket: " + path);
  RawHttp local(path);
  local.send(LoneEdge::request("POST /v1/identify", edge.key(), identify_body));
  EXPECT_EQ(local.read_answer().value_or(RawAnswer{}).status, 200);
  local.send(LoneEdge::request("POST /v1/identify", "wrong", identify_body));
  EXPECT_EQ(local.read_answer().value_or(RawAnswer{}).status, 401) << "keys are asked here too";
  RawHttp tcp(edge.port());
  tcp.send(LoneEdge::request(unknown_session(), edge.key()));
  EXPECT_EQ(tcp.read_answer().value_or(RawAnswer{}).status, 404);

  struct ::stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(edge.terminate(), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listeners, UnixSocketIsOpenToTheGroupWhereTheConfigurationSaysSo) {
  TempDir folder;
  const std::string path = folder.file("tills.sock");
  const LoneEdge edge("unix_socket: " + path + ", unix_socket_mode: \"0660\"");
  struct ::stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  ASSERT_EQ(::stat((edge.file("data") + "/control.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u) << "commands are the daemon's own user's alone";
}

TEST(Listeners, ATerminalThatCallsTooOftenIsTurnedAwayAndNoOtherIs) {
  LoneEdge edge("rate_per_terminal_s: 5");
  const std::string other = edge.add_terminal("till-2");
  EXPECT_TRUE(eventually([&] {
    RawHttp connection(edge.port());
    connection.send(LoneEdge::request(unknown_session(), other));
    return connection.read_answer().value_or(RawAnswer{}).status == 404;
  }));

  RawHttp noisy(edge.port());
  std::string burst;
  for (int i = 0; i < 100; ++i) burst += LoneEdge::request(unknown_session(), edge.key());
  noisy.send(burst);
  int admitted = 0;
  std::optional<RawAnswer> refused;
  for (int i = 0; i < 100; ++i) {
    auto answer = noisy.read_answer();
    ASSERT_TRUE(answer) << "a refusal without a body keeps the connection";
    if (answer->status == 404) ++admitted;
    if (answer->status == 429) refused = std::move(answer);
  }
  EXPECT_GE(admitted, 5) << "a burst of a second's worth";
  EXPECT_LT(admitted, 50);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code(), "RATE_LIMITED");
  EXPECT_EQ(refused->field("Content-Type"), "application/problem+json");
  EXPECT_EQ(refused->field("Retry-After"), "1");
  EXPECT_EQ(refused->field("RateLimit-Limit"), "5");
  EXPECT_EQ(refused->field("RateLimit-Remaining"), "0");
  EXPECT_EQ(refused->field("RateLimit-Reset"), "1");

  RawHttp quiet(edge.port());
  quiet.send(LoneEdge::request(unknown_session(), other));
  EXPECT_EQ(quiet.read_answer().value_or(RawAnswer{}).status, 404);
  quiet.send(LoneEdge::request("POST /v1/identify", "wrong", std::string(900'000, 'x')));
  const auto stranger = quiet.read_answer();
  ASSERT_TRUE(stranger) << "the answer reaches who is still sending";
  EXPECT_EQ(stranger->status, 401) << "who comes before how often";
  EXPECT_TRUE(quiet.is_closed());
}

TEST(Listeners, ConnectionsBeyondTheLimitAreToldToComeBack) {
  const LoneEdge edge("max_connections: 2");
  std::vector<RawHttp> held;
  for (int i = 0; i < 2; ++i) {
    held.emplace_back(edge.port());
    held.back().send(LoneEdge::request(unknown_session(), edge.key()));
    ASSERT_EQ(held.back().read_answer().value_or(RawAnswer{}).status, 404);
  }
  RawHttp beyond(edge.port());
  beyond.send(LoneEdge::request("POST /v1/identify", edge.key(), identify_body));
  const auto answer = beyond.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->code(), "OVERLOADED");
  EXPECT_EQ(answer->field("Retry-After"), "1");
  held.front().send(LoneEdge::request(unknown_session(), edge.key()));
  EXPECT_EQ(held.front().read_answer().value_or(RawAnswer{}).status, 404) << "who is in stays in";
}

// ---- SIGHUP

bool logged(const LoneEdge& edge, const std::string& text) {
  return eventually([&] { return edge.log().find(text) != std::string::npos; });
}

TEST(Reload, TakesOverWhatMayChangeAndNamesWhatWaitsForARestart) {
  LoneEdge edge("rate_per_terminal_s: 1");
  RawHttp till(edge.port());
  const auto ask = [&] {
    till.send(LoneEdge::request(unknown_session(), edge.key()));
    return till.read_answer().value_or(RawAnswer{}).status;
  };
  while (ask() != 429) {
  }
  edge.configure("rate_per_terminal_s: 0, max_connections: 7", "log: { level: debug, format: text }\n");
  edge.reload();
  ASSERT_TRUE(logged(edge, "daemon: configuration read again")) << "in the new format\n" << edge.log();
  EXPECT_TRUE(logged(edge, "puts into effect key=api.max_connections")) << edge.log();
  EXPECT_TRUE(logged(edge, "a setting has changed key=api.rate_per_terminal_s")) << edge.log();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(ask(), 404);
}

TEST(Reload, WithOneFaultLeavesAllAsItWas) {
  LoneEdge edge("rate_per_terminal_s: 1");
  edge.configure("rate_per_terminal_s: 0, max_connections: 0", "colour: blue\nlog: { level: debug }\n");
  edge.reload();
  EXPECT_TRUE(logged(edge, R"("key":"colour")")) << edge.log();
  EXPECT_TRUE(logged(edge, R"("key":"api.max_connections")")) << edge.log();
  RawHttp till(edge.port());
  bool limited = false;
  for (int i = 0; i < 20 && !limited; ++i) {
    till.send(LoneEdge::request(unknown_session(), edge.key()));
    limited = till.read_answer().value_or(RawAnswer{}).status == 429;
  }
  EXPECT_TRUE(limited) << "the old limit stays";
  EXPECT_EQ(edge.log().find(R"("message":"configuration read again")"), std::string::npos);
  EXPECT_EQ(edge.terminate(), 0);
}

TEST(Reload, WithABrokenTerminalsFileLeavesAllAsItWas) {
  LoneEdge edge("rate_per_terminal_s: 1");
  edge.configure("rate_per_terminal_s: 0");
  std::ofstream(edge.file("terminals"), std::ios::app) << "garbage\n";
  edge.reload();
  EXPECT_TRUE(logged(edge, "the terminals' file cannot be read; the old configuration stays")) << edge.log();
  EXPECT_EQ(edge.log().find(R"("message":"configuration read again")"), std::string::npos);
}

}  // namespace
}  // namespace perkline::test
