// What members are told by real hubs that are killed, are two, or have no mail server.
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "hub/events/event_log.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/database_beside.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/smtp_server.hpp"
#include "tests/support/web_socket_client.hpp"

namespace perkline::test {
namespace {

namespace db = hub::db;

std::string member_in(const std::optional<std::string>& frame, const char* name) {
  const auto document = json::parse(frame.value_or(""));
  const json::Value* found = document ? document->root().find(name) : nullptr;
  return found == nullptr ? "(none)" : std::string(found->text());
}

TEST(Notifications, MadeByOneHubAreHeardAtTheOther) {
  auto server = PostgresServer::start();
  ASSERT_TRUE(server);
  const std::string url = server->url("perkline");
  LoneHub one("", "", "", url);
  LoneHub two("", "", "", url);
  const std::string token = one.member("jo");
  WebSocketClient socket(two.port(), "/api/v1/notifications/ws?after=0", socket_token(token));
  ASSERT_TRUE(socket.is_open()) << socket.answer().body;
  std::set<std::string> types;
  for (int i = 0; i < 2; ++i) types.insert(member_in(socket.next_text(), "eventType"));
  EXPECT_EQ(types, (std::set<std::string>{"PLAYER_REGISTERED", "WALLET_CREATED"}));

  DatabaseBeside beside(one.database_url());
  const std::string user = text_at(one.call({.path = "/api/v1/auth/me", .bearer = token}), "id");
  for (int i = 0; i < 20; ++i) {
    beside.write([&](db::Transaction& transaction) {
      return hub::events::append(
          transaction, {.id = beside.ids().next(),
                        .type = "TIER_CHANGED",
                        .occurred_at = SystemClock().wall_now(),
                        .traceparent = {},
                        .data = R"({"userId":")" + user + R"(","tier":")" + std::to_string(i) + "\"}"});
    });
  }
  for (int i = 0; i < 20; ++i) {
    const auto frame = socket.next_text();
    ASSERT_TRUE(frame);
    EXPECT_NE(frame->find(R"("tier":")" + std::to_string(i) + '"'), std::string::npos) << *frame;
  }
}

TEST(Notifications, SocketIsToldThatTheHubStops) {
  LoneHub hub;
  WebSocketClient socket(hub.port(), "/api/v1/notifications/ws", socket_token(hub.member("jo")));
  ASSERT_TRUE(socket.is_open());
  std::jthread stopping([&] { EXPECT_EQ(hub.child().terminate(), 0); });
  EXPECT_EQ(socket.close_code(), 1001);
}

TEST(Notifications, ForeignPagesOpenNoSocket) {
  const LoneHub hub("cors_origins: [ \"https://shop.example\" ]");
  const std::string token = hub.member("jo");
  const auto status = [&](const std::string& origin) {
    return WebSocketClient(hub.port(), "/api/v1/notifications/ws",
                           socket_token(token) + "Origin: " + origin + "\r\n")
        .answer()
        .status;
  };
  EXPECT_EQ(status("https://evil.example"), 403);
  EXPECT_EQ(status("https://shop.example"), 101);
  EXPECT_EQ(status("http://127.0.0.1:8080"), 101) << "api.public_url, as it is by default";
}

TEST(Notifications, MailsWaitForTheirServerAndArriveOnce) {
  if (const std::string missing = SmtpServer::missing(); !missing.empty()) GTEST_SKIP() << missing;
  SmtpServer server;
  server.stop();
  LoneHub hub("", "smtp: { url: \"" + server.url() + "\", from: \"Perkline <noreply@perkline.example>\" }\n");
  for (int i = 0; i < 5; ++i) hub.member("m" + std::to_string(i));
  DatabaseBeside beside(hub.database_url());
  const auto waiting = [&] {
    return beside.number("SELECT COUNT(*) FROM notification_mail WHERE state = 'waiting'");
  };
  // A welcome and a wallet each.
  EXPECT_TRUE(eventually([&] { return waiting() == 10; }));
  EXPECT_TRUE(eventually([&] {
    return beside.number("SELECT COUNT(*) FROM notification_mail WHERE reason <> ''") > 0;
  })) << "it was tried";
  hub.child().terminate();
  hub.start();
  server.start();
  EXPECT_TRUE(eventually([&] { return server.taken().size() >= 10; }));
  EXPECT_TRUE(eventually([&] { return waiting() == 0; }));
  std::set<std::string> ids;
  std::set<std::string> subjects;
  for (const auto& mail : server.taken()) {
    ids.insert(mail.header("Message-ID"));
    subjects.insert(mail.header("Subject"));
    EXPECT_EQ(mail.from, "noreply@perkline.example");
  }
  EXPECT_EQ(server.taken().size(), 10U);
  EXPECT_EQ(ids.size(), 10U);
  EXPECT_EQ(subjects, (std::set<std::string>{"Welcome!", "Your USD wallet is ready"}));
  EXPECT_EQ(hub.log().find("@example.com"), std::string::npos) << "addresses are nobody's business";
}

}  // namespace
}  // namespace perkline::test
