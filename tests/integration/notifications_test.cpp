// What members are told by real hubs that are killed, are two, or have no mail server.
#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "bench/fleet/postgres_server.hpp"
#include "hub/events/event_log.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/database_beside.hpp"
#include "tests/support/eventually.hpp"
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
  auto server = bench::PostgresServer::start();
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

/// The ids of all that a member is told, the oldest first.
std::vector<std::string> ids_of(const LoneHub& hub, const std::string& token) {
  std::vector<std::string> ids;
  const auto list = hub.call({.path = "/api/v1/notifications?limit=200", .bearer = token}).json();
  for (const auto& item : list.root().find("items")->items()) ids.push_back(bench::text_at(item, "id"));
  std::ranges::reverse(ids);
  return ids;
}

TEST(Notifications, SocketLostAndResumedAtAnotherHubSeesEachOnceAndInOrder) {
  auto server = bench::PostgresServer::start();
  ASSERT_TRUE(server);
  const std::string url = server->url("perkline");
  LoneHub one("", "", "", url);
  LoneHub two("", "", "", url);
  const std::string token = one.member("jo");
  const std::string user = text_at(one.call({.path = "/api/v1/auth/me", .bearer = token}), "id");
  const std::string admin = one.admin();
  constexpr int credits = 60;
  std::atomic<int> booked = 0;
  std::jthread booking([&] {
    for (int i = 0; i < credits; ++i) {
      const auto credited = one.call(
          {.method = "POST",
           .path = "/api/v1/wallet/credits",
           .body = R"({"userId":")" + user + R"(","amount":"1.00","currency":"USD","reason":"test"})",
           .bearer = admin,
           .headers = {{"Idempotency-Key", "credit-" + std::to_string(i)}}});
      booked += credited.status == 201 ? 1 : 0;
    }
  });
  // A welcome and a wallet besides.
  constexpr std::size_t all = credits + 2;
  std::vector<std::string> seen;
  for (int life = 0; seen.size() < all; ++life) {
    // Hub two is killed in the middle; who listens there goes on elsewhere, and comes back.
    if (life == 6) {
      two.child().kill();
      two.start();
    }
    WebSocketClient socket((life % 2 == 0 ? two : one).port(),
                           "/api/v1/notifications/ws?after=" + (seen.empty() ? "0" : seen.back()),
                           socket_token(token));
    ASSERT_TRUE(socket.is_open()) << socket.answer().body;
    for (int i = 0; i < 5 && seen.size() < all; ++i) {
      const auto frame = socket.next_text();
      ASSERT_TRUE(frame) << "after " << seen.size();
      seen.push_back(member_in(frame, "id"));
    }
    socket.connection().reset();
  }
  booking.join();
  EXPECT_EQ(booked, credits);
  EXPECT_EQ(seen, ids_of(one, token));
}

TEST(Notifications, SlowReaderIsDroppedAndResumes) {
  const LoneHub hub;
  const std::string token = hub.member("jo");
  const std::string user = text_at(hub.call({.path = "/api/v1/auth/me", .bearer = token}), "id");
  // More than the buffers between the two take.
  constexpr int many = 400;
  DatabaseBeside beside(hub.database_url());
  std::vector<hub::events::DomainEvent> events;
  for (int i = 0; i < many; ++i) {
    events.push_back({.id = beside.ids().next(),
                      .type = "TIER_CHANGED",
                      .occurred_at = SystemClock().wall_now(),
                      .traceparent = {},
                      .data = R"({"userId":")" + user + R"(","tier":"Gold","padding":")" +
                              std::string(32 * 1024, 'x') + "\"}"});
  }
  beside.write([&](db::Transaction& transaction) { return hub::events::append(transaction, events); });
  // A welcome and a wallet besides.
  constexpr std::size_t all = many + 2;
  ASSERT_TRUE(eventually(
      [&] { return beside.number("SELECT COUNT(*) FROM notification") == static_cast<std::int64_t>(all); }));
  std::vector<std::string> seen;
  {
    WebSocketClient slow(hub.port(), "/api/v1/notifications/ws?after=0", socket_token(token));
    ASSERT_TRUE(slow.is_open());
    // Says something now and then, and reads nothing, until nobody is there any more.
    while (slow.send(WebSocketClient::Opcode::pong, "")) std::this_thread::sleep_for(Millis{5});
    while (const auto frame = slow.next_text()) seen.push_back(member_in(frame, "id"));
  }
  EXPECT_LT(seen.size(), all);
  ASSERT_FALSE(seen.empty());
  WebSocketClient resumed(hub.port(), "/api/v1/notifications/ws?after=" + seen.back(), socket_token(token));
  while (seen.size() < all) {
    const auto frame = resumed.next_text();
    ASSERT_TRUE(frame) << "after " << seen.size();
    seen.push_back(member_in(frame, "id"));
  }
  EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), all);
  EXPECT_TRUE(std::ranges::is_sorted(seen, {}, [](const std::string& id) { return std::stoll(id); }));
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

std::string mailing_to(const SmtpServer& server) {
  return "smtp: { url: \"" + server.url() + "\", from: \"Perkline <noreply@perkline.example>\" }\n";
}

TEST(Notifications, MailsWaitForTheirServerAndArriveOnce) {
  if (const std::string missing = SmtpServer::missing(); !missing.empty()) GTEST_SKIP() << missing;
  SmtpServer server;
  server.stop();
  LoneHub hub("", mailing_to(server));
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

/// A promotion for all of them.
void assign(const LoneHub& hub, const std::vector<std::string>& users) {
  const std::string admin = hub.admin();
  const auto made = hub.call({.method = "POST",
                              .path = "/api/v1/promotions",
                              .body = R"({"title":"T","description":"D","type":"BONUS","amount":"1.00",)"
                                      R"("currency":"USD","startDate":"2020-01-01","endDate":"2099-12-31"})",
                              .bearer = admin});
  ASSERT_EQ(made.status, 201) << made.body;
  std::string ids;
  for (const std::string& user : users) ids += (ids.empty() ? "\"" : ",\"") + user + '"';
  const auto done = hub.call({.method = "POST",
                              .path = "/api/v1/promotions/" + text_at(made, "id") + "/assign",
                              .body = R"({"userIds":[)" + ids + "]}",
                              .bearer = admin});
  ASSERT_EQ(done.status, 200) << done.body;
}

/// The subjects of the mails so far, sorted.
std::vector<std::string> subjects(const SmtpServer& server) {
  std::vector<std::string> all;
  for (const auto& mail : server.taken()) all.push_back(mail.header("Subject"));
  std::ranges::sort(all);
  return all;
}

/// All that members are told, by what really happens at a hub.
class ToldOfAll {
 public:
  ToldOfAll()
      : hub_("", mailing_to(server_) +
                     "programme: { currency: USD, signup: 0, referral: 1, expiry_days: 20, "
                     "prize_points: { cash: 0, coupon: 0, lottery_ticket: 0, none: 0 }, "
                     "tiers: { Silver: 5, Gold: 500, Platinum: 5000 } }\n"),
        admin_(hub_.admin()) {}

  void happen() {
    const auto made =
        post(admin_, "/promotions",
             R"({"title":"Twenty for you","description":"As a welcome","type":"WELCOME_BONUS",)"
             R"("amount":"20.00","currency":"USD","startDate":"2020-01-01","endDate":"2099-12-31"})");
    const std::string promotion = text_at(made, "id");
    jo_ = hub_.member("jo");
    const std::string user = text_at(hub_.call({.path = "/api/v1/auth/me", .bearer = jo_}), "id");
    EXPECT_EQ(post(jo_, "/promotions/claim", R"({"promotionId":")" + promotion + "\"}").status, 200);
    const auto money = [&user](const std::string& amount) {
      return R"({"userId":")" + user + R"(","amount":")" + amount + R"(","currency":"USD","reason":"test"})";
    };
    EXPECT_EQ(post(admin_, "/wallet/credits", money("7.00")).status, 201);
    EXPECT_EQ(post(admin_, "/wallet/debits", money("3.00")).status, 201);
    EXPECT_EQ(post(jo_, "/payments", R"({"amount":"5.00","currency":"USD"})").status, 201);
    EXPECT_EQ(post(jo_, "/payments", R"({"amount":"99.01","currency":"USD"})").status, 201);
    EXPECT_EQ(post(admin_, "/points/apply",
                   R"({"userId":")" + user + R"(","delta":6,"reason":"test","externalId":"apply-1"})")
                  .status,
              201);
    const auto spun = post(jo_, "/spin", "{}");
    EXPECT_EQ(spun.status, 201) << spun.body;
    prize_ = bench::text_at(*spun.json().root().find("prize"), "name");
    EXPECT_EQ(hub_.run({"jobs", "run", "expire-points"}).status, 0);
  }

  /// The member's notifications, once there are so many: `type/eventType: title`, sorted.
  std::vector<std::string> told(std::size_t count) {
    std::vector<std::string> all;
    EXPECT_TRUE(eventually([&] {
      all.clear();
      const auto list = hub_.call({.path = "/api/v1/notifications?limit=200", .bearer = jo_}).json();
      for (const auto& item : list.root().find("items")->items()) {
        all.push_back(bench::text_at(item, "type") + '/' + bench::text_at(item, "eventType") + ": " +
                      bench::text_at(*item.find("content"), "title"));
      }
      return all.size() >= count;
    })) << all.size();
    std::ranges::sort(all);
    return all;
  }
  /// The body of the one with that eventType.
  std::string body_of(const std::string& event_type) {
    const auto list = hub_.call({.path = "/api/v1/notifications?limit=200", .bearer = jo_}).json();
    for (const auto& item : list.root().find("items")->items()) {
      if (bench::text_at(item, "eventType") == event_type)
        return bench::text_at(*item.find("content"), "body");
    }
    return "(none)";
  }
  bench::WebAnswer post(const std::string& who, const std::string& path, const std::string& body) {
    return hub_.call({.method = "POST",
                      .path = "/api/v1" + path,
                      .body = body,
                      .bearer = who,
                      .headers = {{"Idempotency-Key", "key-" + std::to_string(++keys_)}}});
  }

  SmtpServer server_;
  LoneHub hub_;
  std::string admin_;
  std::string jo_;
  std::string prize_;
  int keys_ = 0;
};

TEST(Notifications, OfEveryKindComeInTheAppAndByMailWhenItHappens) {
  if (const std::string missing = SmtpServer::missing(); !missing.empty()) GTEST_SKIP() << missing;
  ToldOfAll all;
  all.happen();
  std::vector<std::string> expected{
      "payment/PAYMENT_COMPLETED: Payment of 5.00 USD completed",
      "payment/PAYMENT_FAILED: Payment of 99.01 USD failed",
      "payment/PAYMENT_INITIATED: Payment of 5.00 USD started",
      "payment/PAYMENT_INITIATED: Payment of 99.01 USD started",
      "points/POINTS_EXPIRING: About to expire: 5 points",
      "prize/PRIZE_AWARDED: You have won: " + all.prize_,
      "promotion/PROMOTION: Twenty for you",  // assigned
      "promotion/PROMOTION: Twenty for you",  // claimed
      "tier/TIER_CHANGED: Your tier is Silver now",
      "wallet/WALLET_CREATED: Your USD wallet is ready",
      "wallet/WALLET_CREDITED: 20.00 USD received",
      "wallet/WALLET_CREDITED: 5.00 USD received",
      "wallet/WALLET_CREDITED: 7.00 USD received",
      "wallet/WALLET_DEBITED: 3.00 USD spent",
      "welcome/PLAYER_REGISTERED: Welcome!",
  };
  EXPECT_EQ(all.told(expected.size()), expected);
  std::vector<std::string> titles;
  for (const std::string& each : expected) titles.push_back(each.substr(each.find(": ") + 2));
  std::ranges::sort(titles);
  EXPECT_TRUE(eventually([&] { return subjects(all.server_).size() >= titles.size(); }));
  EXPECT_EQ(subjects(all.server_), titles);
  const std::string expiring = all.body_of("POINTS_EXPIRING");
  EXPECT_EQ(expiring.find("T"), std::string::npos) << "a day is told, no stamp: " << expiring;
  EXPECT_TRUE(eventually([&] { return all.hub_.metrics().contains("\nperkline_hub_payments_pending 0\n"); }))
      << all.hub_.metrics();
}

TEST(Notifications, NoMailIsLostThoughTheHubIsKilledAmidThemAndADoubledOneIsKnownByItsId) {
  if (const std::string missing = SmtpServer::missing(); !missing.empty()) GTEST_SKIP() << missing;
  const SmtpServer server;
  LoneHub hub("", mailing_to(server));
  DatabaseBeside beside(hub.database_url());
  constexpr std::size_t many = 300;
  assign(hub, beside.add_members(many));
  constexpr int kills = 4;
  for (int kill = 1; kill <= kills; ++kill) {
    const std::size_t reached = many * static_cast<std::size_t>(kill) / (kills + 1);
    ASSERT_TRUE(eventually([&] { return server.taken().size() >= reached; }));
    hub.child().kill();
    hub.start();
  }
  EXPECT_TRUE(eventually(
      [&] { return beside.number("SELECT COUNT(*) FROM notification_mail WHERE state = 'sent'") == many; }));
  const auto taken = server.taken();
  std::map<std::string, std::string> recipients;
  for (const auto& mail : taken) {
    const auto [known, added] = recipients.emplace(mail.header("Message-ID"), mail.to);
    EXPECT_EQ(known->second, mail.to) << "an id is one mail's";
  }
  EXPECT_EQ(recipients.size(), many) << "each has one id, however often it was sent";
  std::set<std::string> reached;
  for (const auto& [id, recipient] : recipients) reached.insert(recipient);
  EXPECT_EQ(reached.size(), many) << "and nobody is left out";
  EXPECT_LE(taken.size(), many + kills) << "one is under way at a time";
}

TEST(Notifications, MailThatWasTakenAndNotNotedComesAgainUnderItsId) {
  if (const std::string missing = SmtpServer::missing(); !missing.empty()) GTEST_SKIP() << missing;
  const SmtpServer server;
  LoneHub hub("", mailing_to(server));
  DatabaseBeside beside(hub.database_url());
  assign(hub, beside.add_members(1, "slow"));
  ASSERT_TRUE(eventually([&] { return server.taken().size() == 1; }));
  // The server has it, and says so a little later.
  hub.child().kill();
  hub.start();
  ASSERT_TRUE(eventually([&] { return server.taken().size() == 2; })) << "waits for no lease";
  EXPECT_TRUE(eventually(
      [&] { return beside.number("SELECT COUNT(*) FROM notification_mail WHERE state = 'sent'") == 1; }));
  const auto taken = server.taken();
  EXPECT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].header("Message-ID"), taken[1].header("Message-ID"));
  EXPECT_EQ(taken[0].body(), taken[1].body());
}

TEST(Notifications, MailsToARefusedAddressEndInTheDeadLettersVisibly) {
  if (const std::string missing = SmtpServer::missing(); !missing.empty()) GTEST_SKIP() << missing;
  const SmtpServer server;
  LoneHub hub("", mailing_to(server));
  hub.member("refused-jo");
  hub.member("al");
  const std::string admin = hub.admin();
  const auto dead = [&] {
    std::vector<std::pair<std::string, std::string>> found;
    const auto list = hub.call({.path = "/api/v1/dead-letters", .bearer = admin}).json();
    for (const auto& item : list.root().find("items")->items())
      found.emplace_back(bench::text_at(item, "id"), bench::text_at(item, "reason"));
    return found;
  };
  DatabaseBeside beside(hub.database_url());
  // Of a welcome and a wallet one tells of the address.
  ASSERT_TRUE(eventually([&] {
    return beside.number("SELECT COUNT(*) FROM notification_mail WHERE state = 'discarded'") == 1;
  }));
  ASSERT_EQ(dead().size(), 1U);
  for (const auto& [id, reason] : dead()) {
    EXPECT_TRUE(id.starts_with("mail-")) << id;
    EXPECT_EQ(reason, "550 no such mailbox ***");
  }
  EXPECT_TRUE(hub.log().contains(R"("message":"a mail was not taken")")) << hub.log();
  EXPECT_FALSE(hub.log().contains("refused-jo")) << "no address is logged";
  EXPECT_TRUE(eventually([&] { return server.taken().size() == 2; })) << "others get theirs";
  // Somebody has mended the address.
  beside.write([](db::Transaction& transaction) -> Result<void> {
    auto mended = transaction.execute(
        "UPDATE users SET email = 'jo@example.com', email_key = 'jo@example.com' WHERE email_key = $1",
        {"refused-jo@example.com"});
    if (!mended) return failure(mended);
    return {};
  });
  const auto retried = hub.call({.method = "POST",
                                 .path = "/api/v1/dead-letters/" + dead().front().first + "/retry",
                                 .body = "{}",
                                 .bearer = admin});
  EXPECT_EQ(retried.status, 200) << retried.body;
  EXPECT_TRUE(eventually([&] { return server.taken().size() == 3; }));
  EXPECT_EQ(server.taken().back().to, "jo@example.com");
  EXPECT_TRUE(dead().empty());
}

}  // namespace
}  // namespace perkline::test
