#include <set>

#include <gtest/gtest.h>

#include "shared/json/value.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/webhook_receiver.hpp"

namespace perkline::test {
namespace {

/// The real hub and a real receiver; the hub is killed while it sends.
class WebhooksKilled : public testing::Test {
 protected:
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

}  // namespace
}  // namespace perkline::test
