// What members are told by real hubs that are killed, are two, or have no mail server.
#include <functional>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "hub/db/bulk_statement.hpp"
#include "hub/db/open.hpp"
#include "hub/events/event_log.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/smtp_server.hpp"
#include "tests/support/web_socket_client.hpp"

namespace perkline::test {
namespace {

namespace db = hub::db;

constexpr int many = 10'000;

/// A hub's database beside it.
class Beside {
 public:
  explicit Beside(const LoneHub& hub)
      : database_(db::open_for_tool(hub.database_url(), db::IfMissing::fail).value()) {}

  void write(const std::function<Result<void>(db::Transaction&)>& work) {
    const auto done = database_->write_now(work);
    EXPECT_TRUE(done) << done.error().detail;
  }
  std::int64_t number(const std::string& sql) {
    std::int64_t found = -1;
    const auto done = database_->read_now([&](db::Transaction& transaction) -> Result<void> {
      auto rows = transaction.query(sql);
      if (!rows) return failure(rows);
      found = rows->at(0).integer(0);
      return {};
    });
    EXPECT_TRUE(done) << done.error().detail;
    return found;
  }
  UuidMaker& ids() { return ids_; }

  /// Members with an address, and an event for each.
  void assign_to_many() {
    std::vector<db::Value> users;
    std::vector<hub::events::DomainEvent> events;
    for (int i = 0; i < many; ++i) {
      const std::string id = ids_.next().str();
      const std::string email = std::to_string(i) + "@example.com";
      db::append_row(users, id, email, email);
      events.push_back(
          {.id = ids_.next(),
           .type = "PROMOTION_ASSIGNED",
           .occurred_at = clock_.wall_now(),
           .traceparent = {},
           .data = R"({"userId":")" + id + R"(","title":"T","amount":"1.00","currency":"USD"})"});
    }
    write([&](db::Transaction& transaction) -> Result<void> {
      static const db::BulkStatement insert(
          "INSERT INTO users (id, email, email_key, name, role, active, password_hash, created_at) VALUES ",
          "(?, ?, ?, 'n', 'member', 1, 'x', 1)");
      if (auto added = insert.run(transaction, users); !added) return failure(added);
      return hub::events::append(transaction, events);
    });
  }

 private:
  SystemClock clock_;
  SystemRng rng_;
  UuidMaker ids_{clock_, rng_};
  std::unique_ptr<db::InlineDatabase> database_;
};

std::string member_in(const std::optional<std::string>& frame, const char* name) {
  const auto document = json::parse(frame.value_or(""));
  const json::Value* found = document ? document->root().find(name) : nullptr;
  return found == nullptr ? "(none)" : std::string(found->text());
}

/// Killed when some are made and not all, then started again.
void expect_each_once_though_killed(LoneHub& hub) {
  Beside beside(hub);
  beside.assign_to_many();
  const auto made = [&] { return beside.number("SELECT COUNT(*) FROM notification"); };
  EXPECT_TRUE(eventually([&] { return made() > 0; }));
  hub.child().kill();
  const std::int64_t at_the_kill = made();
  EXPECT_LT(at_the_kill, many) << "killed too late to show anything";
  hub.start();
  EXPECT_TRUE(eventually([&] { return made() >= many; }));
  EXPECT_EQ(made(), many);
  EXPECT_EQ(beside.number("SELECT COUNT(DISTINCT event_id) FROM notification"), many);
  EXPECT_EQ(beside.number("SELECT COUNT(DISTINCT user_id) FROM notification"), many);
}

TEST(Notifications, TenThousandComeOnceEachThoughTheHubIsKilledInTheMiddle) {
  LoneHub hub;
  expect_each_once_though_killed(hub);
}

TEST(Notifications, TenThousandComeOnceEachOnPostgresToo) {
  auto server = PostgresServer::start();
  ASSERT_TRUE(server);
  LoneHub hub("", "", "", server->url("perkline"));
  expect_each_once_though_killed(hub);
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

  Beside beside(one);
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
  Beside beside(hub);
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
