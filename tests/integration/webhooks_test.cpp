#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "bench/fleet/postgres_server.hpp"
#include "bench/fleet/reserved_port.hpp"
#include "shared/core/random.hpp"
#include "shared/json/value.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/paths.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/raw_http.hpp"
#include "tests/support/webhook_receiver.hpp"

namespace perkline::test {
namespace {

/// The real hub and a real receiver; the hub is killed while it sends.
class WebhooksKilled : public testing::Test {
 protected:
  explicit WebhooksKilled(const std::string& database_url = {}) : hub_("", "", "", database_url) {}
  LoneHub::Call post(const std::string& path, const std::string& body, const std::string& key = "") {
    LoneHub::Call call{.method = "POST", .path = "/api/v1" + path, .body = body, .bearer = admin_};
    if (!key.empty()) call.headers = {{"Idempotency-Key", key}};
    return call;
  }
  void add_webhook() {
    const auto made =
        hub_.call(post("/webhooks", R"({"url":")" + receiver_.url() + R"(","types":["WALLET_CREDITED"]})"));
    ASSERT_EQ(made.status, 201) << made.body;
    webhook_ = text_at(made, "id");
  }
  /// Money for the member, each time another amount, which the event tells.
  void credit(int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string amount = std::to_string(i) + ".00";
      const auto credited = hub_.call(post(
          "/wallet/credits",
          R"({"userId":")" + member_ + R"(","amount":")" + amount + R"(","currency":"USD","reason":"test"})",
          "credit-" + std::to_string(i)));
      ASSERT_EQ(credited.status, 201) << credited.body;
      acknowledged_.insert(amount);
    }
  }
  void kill_and_start() {
    hub_.child().kill();
    hub_.start();
    admin_ = hub_.admin();
  }
  std::set<std::string> received() const {
    std::set<std::string> amounts;
    for (const auto& each : receiver_.received()) {
      const auto body = json::parse(each.body);
      if (body) amounts.emplace(body->root().find("data")->find("amount")->text());
    }
    return amounts;
  }
  std::string listed(const std::string& state) {
    return hub_
        .call({.path = "/api/v1/webhooks/" + webhook_ + "/deliveries?limit=200&state=" + state,
               .bearer = admin_})
        .body;
  }

  WebhookReceiver receiver_;
  LoneHub hub_;
  std::string admin_ = hub_.admin();
  std::string member_;
  std::string webhook_;
  std::set<std::string> acknowledged_;
};

/// A receiver that shares nothing with the hub (tests/support/webhooks), and is wrong the first time.
class WebhookReceivers : public testing::Test {
 protected:
  struct Call {
    std::string event;
    std::string delivery;
    std::int64_t attempt = 0;
    std::int64_t at = 0;  ///< Milliseconds since 1970.
  };

  void SetUp() override {
    auto child =
        bench::Child::start("/usr/bin/env",
                            {"python3", source_dir() + "/tests/support/webhooks/receiver.py",
                             std::to_string(port_.number()), folder_.file("heard"), folder_.file("secrets")},
                            folder_.file("log"));
    ASSERT_TRUE(child);
    receiver_.emplace(std::move(*child));
    ASSERT_TRUE(eventually([this] { return is_listening(port_.number()); }));
  }
  std::string add_webhook(const std::string& path) {
    const auto made = hub_.call({.method = "POST",
                                 .path = "/api/v1/webhooks",
                                 .body = R"({"url":"http://127.0.0.1:)" + std::to_string(port_.number()) +
                                         path + R"(","types":["PLAYER_REGISTERED"]})",
                                 .bearer = admin_});
    EXPECT_EQ(made.status, 201) << made.body;
    std::ofstream(folder_.file("secrets"), std::ios::app) << path << ' ' << text_at(made, "secret") << '\n';
    return text_at(made, "id");
  }
  /// What has come to that path; each was signed and was what it said it was.
  std::vector<Call> heard(const std::string& path) {
    std::vector<Call> calls;
    std::ifstream lines(folder_.file("heard"));
    for (std::string line; std::getline(lines, line);) {
      const auto document = json::parse(line);
      if (!document) break;  // It is being written.
      const json::Value& root = document->root();
      if (bench::text_at(root, "path") != path) continue;
      EXPECT_TRUE(root.find("signed")->boolean()) << line;
      EXPECT_TRUE(root.find("same")->boolean()) << line;
      calls.push_back({.event = bench::text_at(root, "event"),
                       .delivery = bench::text_at(root, "delivery"),
                       .attempt = bench::integer_at(root, "attempt"),
                       .at = bench::integer_at(root, "at")});
    }
    return calls;
  }
  json::Document deliveries(const std::string& webhook) {
    return hub_.call({.path = "/api/v1/webhooks/" + webhook + "/deliveries", .bearer = admin_}).json();
  }
  /// The one delivery of a webhook, as it is listed.
  std::string shown(const std::string& webhook, const char* name) {
    const auto list = deliveries(webhook);
    const auto items = list.root().find("items")->items();
    if (items.size() != 1) return "(" + std::to_string(items.size()) + " of them)";
    const json::Value* found = items[0].find(name);
    return found == nullptr || found->is(json::Value::Kind::null) ? "" : std::string(found->text());
  }

  TempDir folder_;
  SystemRng rng_;
  bench::ReservedPort port_ = bench::ReservedPort::any(rng_);
  std::optional<bench::Child> receiver_;
  LoneHub hub_;
  std::string admin_ = hub_.admin();
};

TEST_F(WebhookReceivers, ThatFailHangAndAnswerLateGetEveryEventInTheEnd) {
  const std::string well = add_webhook("/well");
  const std::string fails = add_webhook("/fails");
  const std::string hangs = add_webhook("/hangs");
  const std::string late = add_webhook("/late");
  hub_.member("jo");

  ASSERT_TRUE(eventually([&] { return shown(well, "state") == "delivered"; }));
  EXPECT_EQ(shown(well, "attempts"), "1");
  // What went wrong is to be seen, and when it is tried again.
  ASSERT_TRUE(eventually([&] { return shown(fails, "attempts") == "1"; }));
  EXPECT_EQ(shown(fails, "state"), "pending");
  EXPECT_EQ(shown(fails, "lastStatus"), "500");
  EXPECT_EQ(shown(fails, "lastError"), "the answer was 500");
  EXPECT_NE(shown(fails, "nextAttemptAt"), "");
  for (const std::string& silent : {hangs, late}) {
    ASSERT_TRUE(eventually([&] { return shown(silent, "attempts") == "1"; }));
    EXPECT_EQ(shown(silent, "lastStatus"), "");
    EXPECT_EQ(shown(silent, "lastError"), "no answer in time");
  }
  const auto event = heard("/well").at(0).event;
  for (const auto& [path, webhook] :
       std::map<std::string, std::string>{{"/fails", fails}, {"/hangs", hangs}, {"/late", late}}) {
    ASSERT_TRUE(eventually([&] { return shown(webhook, "state") == "delivered"; })) << path;
    EXPECT_EQ(shown(webhook, "attempts"), "2") << path;
    EXPECT_EQ(shown(webhook, "lastError"), "") << path;
    const auto calls = heard(path);
    ASSERT_EQ(calls.size(), 2U) << path;
    EXPECT_EQ(calls[0].event, event) << path;
    EXPECT_EQ(calls[1].event, event) << path;
    EXPECT_EQ(calls[0].delivery, calls[1].delivery) << path;
    // 5 s after the failure, a fifth more or less; who does not answer is waited for 10 s.
    const std::int64_t silent = path == "/fails" ? 0 : 10'000;
    EXPECT_GE(calls[1].at - calls[0].at, silent + 4'000) << path;
    EXPECT_LE(calls[1].at - calls[0].at, silent + 30'000) << path;
  }
}

TEST_F(WebhookReceivers, AreSentADeliveryAgainByHand) {
  const std::string well = add_webhook("/well");
  hub_.member("jo");
  ASSERT_TRUE(eventually([&] { return shown(well, "state") == "delivered"; }));
  const auto again =
      hub_.call({.method = "POST",
                 .path = "/api/v1/webhooks/" + well + "/deliveries/" + shown(well, "id") + "/retry",
                 .bearer = admin_});
  EXPECT_EQ(again.status, 200) << again.body;
  ASSERT_TRUE(eventually([&] { return heard("/well").size() == 2; }));
  const auto calls = heard("/well");
  EXPECT_EQ(calls[0].event, calls[1].event);
  EXPECT_EQ(calls[0].delivery, calls[1].delivery);
  EXPECT_TRUE(eventually([&] { return shown(well, "state") == "delivered"; }));
}

TEST_F(WebhooksKilled, InTheMiddleOfDeliveriesLoseNoEvent) {
  const auto me = hub_.call({.path = "/api/v1/auth/me", .bearer = hub_.member("mia")});
  member_ = text_at(me, "id");
  add_webhook();
  receiver_.delay(Millis{20});
  credit(1, 41);
  ASSERT_TRUE(eventually([&] { return received().size() >= 5; }));
  ASSERT_LT(received().size(), acknowledged_.size()) << "it is killed while it sends";
  kill_and_start();
  credit(41, 61);
  EXPECT_TRUE(eventually([&] { return received() == acknowledged_; }, std::chrono::seconds(60)));
  EXPECT_TRUE(eventually([&] { return listed("pending") == R"({"items":[],"nextCursor":null})"; }))
      << listed("pending");
  EXPECT_EQ(listed("failed"), R"({"items":[],"nextCursor":null})");
  // Only what was under way when it was killed may have come twice.
  EXPECT_LE(receiver_.received().size(), acknowledged_.size() + 1);
}

TEST_F(WebhooksKilled, RightAfterAnAnswerTellOfWhatItSaid) {
  const auto me = hub_.call({.path = "/api/v1/auth/me", .bearer = hub_.member("mia")});
  member_ = text_at(me, "id");
  add_webhook();
  for (int round = 0; round < 3; ++round) {
    credit(5 * round + 1, 5 * round + 6);
    kill_and_start();
  }
  EXPECT_TRUE(eventually([&] { return received() == acknowledged_; }, std::chrono::seconds(60)));
}

TEST_F(WebhooksKilled, WhileAnAnswerIsWaitedForSendTheEventAgain) {
  const auto me = hub_.call({.path = "/api/v1/auth/me", .bearer = hub_.member("mia")});
  member_ = text_at(me, "id");
  add_webhook();
  receiver_.delay(seconds{30});
  credit(1, 2);
  ASSERT_TRUE(eventually([&] { return receiver_.received().size() == 1; }));
  receiver_.delay(Millis{0});
  kill_and_start();
  EXPECT_TRUE(eventually([&] { return receiver_.received().size() == 2; }));
}

struct Postgres {
  bench::PostgresServer server_ = bench::PostgresServer::start().value();
};

class WebhooksOnPostgresKilled : private Postgres, public WebhooksKilled {
 protected:
  WebhooksOnPostgresKilled() : WebhooksKilled(server_.url("perkline")) {}
};

TEST_F(WebhooksOnPostgresKilled, AreTakenOverByTheNextHub) {
  LoneHub other("", "", "", hub_.database_url());
  const auto me = hub_.call({.path = "/api/v1/auth/me", .bearer = hub_.member("mia")});
  member_ = text_at(me, "id");
  add_webhook();
  receiver_.delay(seconds{30});
  credit(1, 2);
  ASSERT_TRUE(eventually([&] { return receiver_.received().size() == 1; }));
  receiver_.delay(Millis{0});
  // Whichever of the two was at it.
  hub_.child().kill();
  other.child().kill();
  other.start();
  EXPECT_TRUE(eventually([&] { return receiver_.received().size() == 2; }));
}

}  // namespace
}  // namespace perkline::test
