#include <algorithm>

#include <gtest/gtest.h>

#include "hub/events/dead_letters.hpp"
#include "hub/events/offsets.hpp"
#include "hub/webhooks/deliveries.hpp"
#include "tests/support/at_once.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

using hub::identity::Role;
using Texts = std::vector<std::string>;

class WebhookRoutes : public testing::Test {
 protected:
  RawAnswer post(const std::string& body) { return hub_.send("POST", "/api/v1/webhooks", token_, body); }
  std::string add(const std::string& url = "http://127.0.0.1:9/hook") {
    return member_of(post(R"({"url":")" + url + R"("})").body, "id");
  }
  std::string path(const std::string& id) { return "/api/v1/webhooks/" + id; }
  /// Deliveries of that many events to every webhook.
  void happen(int events) {
    hub_.write([&](hub::db::Transaction& t) {
      return hub::events::enroll(t, "webhooks", hub::events::Beginning::at_oldest, WallTime{});
    });
    std::vector<hub::events::DomainEvent> all;
    for (int i = 0; i < events; ++i) {
      all.push_back({.id = hub_.ids().next(),
                     .type = "SALE_PENDING",
                     .occurred_at = WallTime{Millis{1'772'323'200'000}},
                     .traceparent = "",
                     .data = "{}"});
    }
    const SystemClock clock;
    const auto enqueue = hub::webhooks::consumer(clock).take(all);
    hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      if (auto appended = hub::events::append(t, all); !appended) return appended;
      auto numbered = hub::events::number_events(t, 1'000, WallTime{});
      if (!numbered) return failure(numbered);
      return enqueue(t);
    });
  }
  Texts ids_of(const RawAnswer& answer) {
    Texts ids;
    const auto page = json::parse(answer.body);
    EXPECT_TRUE(page && answer.status == 200) << answer.body;
    for (const auto& item : page->root().find("items")->items()) ids.emplace_back(item.find("id")->text());
    return ids;
  }
  /// All pages of two.
  Texts paged(const std::string& list) {
    Texts all;
    std::string cursor;
    do {
      const RawAnswer answer =
          hub_.get(list + "?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor), token_);
      const Texts page = ids_of(answer);
      EXPECT_LE(page.size(), 2u);
      all.insert(all.end(), page.begin(), page.end());
      cursor = member_of(answer.body, "nextCursor");
    } while (!cursor.empty());
    return all;
  }

  ServedHub hub_;
  const hub::identity::User admin_ = hub_.add_user("root", Role::admin);
  const std::string token_ = hub_.token_of(admin_);
};

TEST_F(WebhookRoutes, ShowASecretOnceAndNeverAgain) {
  const RawAnswer made =
      post(R"({"url":"https://example.com/hook?a=b","types":["SALE_FINALIZED"],"description":"the till's"})");
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string secret = member_of(made.body, "secret");
  EXPECT_EQ(secret.size(), 49u);
  EXPECT_EQ(member_of(made.body, "url"), "https://example.com/hook?a=b");
  EXPECT_EQ(member_of(made.body, "description"), "the till's");
  const RawAnswer listed = hub_.get("/api/v1/webhooks", token_);
  EXPECT_EQ(ids_of(listed), Texts{member_of(made.body, "id")});
  EXPECT_EQ(listed.body.find("whsec"), std::string::npos);
  EXPECT_EQ(listed.body.find(secret), std::string::npos);
  const std::string audit = hub_.get("/api/v1/audit", token_).body;
  EXPECT_EQ(audit.find(secret), std::string::npos);
  EXPECT_EQ(audit.find("a=b"), std::string::npos) << "a token, often";
  EXPECT_TRUE(audit.contains("https://example.com"));
  EXPECT_NE(member_of(post(R"({"url":"http://a"})").body, "secret"), secret);
}

TEST_F(WebhookRoutes, TellAllFaultsOfABodyAtOnce) {
  EXPECT_EQ(faults_of(post("{}")), std::set<std::string>{"url"});
  EXPECT_EQ(faults_of(post(R"({"url":"http://a","types":"SALE_PENDING"})")), std::set<std::string>{"types"});
  EXPECT_EQ(faults_of(post(R"({"url":"gopher://a","types":["SALE_PENDING","SALE","SALE_PENDING",7],)"
                           R"("description":")" +
                           std::string(257, 'x') + R"("})")),
            (std::set<std::string>{"url", "types[1]", "types[2]", "types[3]", "description"}));
  EXPECT_EQ(faults_of(post(R"({"url":"http://me:secret@a/"})")), std::set<std::string>{"url"});
  for (const char* url :
       {"http://169.254.169.254/latest/meta-data", "http://2852039166/", "https://[fe80::1]:8443/"})
    EXPECT_EQ(faults_of(post(R"({"url":")" + std::string(url) + R"("})")), std::set<std::string>{"url"})
        << url;
  EXPECT_EQ(post("[").code(), "MALFORMED_JSON");
  EXPECT_EQ(post("[]").status, 400);
  EXPECT_TRUE(ids_of(hub_.get("/api/v1/webhooks", token_)).empty());
  EXPECT_EQ(post(R"({"url":"http://a","types":null,"description":null})").status, 201);
}

TEST_F(WebhookRoutes, AreAdminsAlone) {
  const std::string id = add();
  happen(1);
  const std::string delivery = ids_of(hub_.get(path(id) + "/deliveries", token_)).at(0);
  for (const Role role : {Role::member, Role::staff}) {
    const std::string token = hub_.token_for(role);
    EXPECT_EQ(hub_.send("POST", "/api/v1/webhooks", token, R"({"url":"http://a"})").status, 403);
    EXPECT_EQ(hub_.get("/api/v1/webhooks", token).status, 403);
    EXPECT_EQ(hub_.send("DELETE", path(id), token, "").status, 403);
    EXPECT_EQ(hub_.get(path(id) + "/deliveries", token).status, 403);
    EXPECT_EQ(hub_.send("POST", path(id) + "/deliveries/" + delivery + "/retry", token, "").status, 403);
  }
  EXPECT_EQ(hub_.get("/api/v1/webhooks").status, 401);
  EXPECT_EQ(hub_.send("DELETE", path(id), "", "").status, 401);
}

TEST_F(WebhookRoutes, ListNewestFirstInPages) {
  Texts ids;
  for (int i = 0; i < 5; ++i) ids.insert(ids.begin(), add());
  EXPECT_EQ(paged("/api/v1/webhooks"), ids);
  EXPECT_EQ(hub_.get("/api/v1/webhooks?cursor=zz&limit=0", token_).code(), "VALIDATION_FAILED");
}

TEST_F(WebhookRoutes, ListDeliveriesNewestFirstInPagesAndByState) {
  const std::string id = add();
  happen(5);
  const Texts all = paged(path(id) + "/deliveries");
  ASSERT_EQ(all.size(), 5u);
  EXPECT_TRUE(
      std::ranges::is_sorted(all, std::greater{}, [](const std::string& n) { return std::stoll(n); }));
  hub_.execute(
      "UPDATE webhook_delivery SET state = 'failed', next_attempt_at = NULL, finished_at = 1 WHERE id = " +
      all[1]);
  EXPECT_EQ(ids_of(hub_.get(path(id) + "/deliveries?state=failed", token_)), Texts{all[1]});
  EXPECT_EQ(ids_of(hub_.get(path(id) + "/deliveries?state=pending", token_)).size(), 4u);
  EXPECT_EQ(faults_of(hub_.get(path(id) + "/deliveries?state=lost&limit=x", token_)),
            (std::set<std::string>{"state", "limit"}));
}

TEST_F(WebhookRoutes, RetryPutsADeliveryBackAndIsAudited) {
  const std::string id = add();
  happen(1);
  const std::string delivery = ids_of(hub_.get(path(id) + "/deliveries", token_)).at(0);
  hub_.execute(
      "UPDATE webhook_delivery SET state = 'failed', attempts = 28, next_attempt_at = NULL,"
      " finished_at = 1, last_error = 'no connection'");
  const RawAnswer retried = hub_.send("POST", path(id) + "/deliveries/" + delivery + "/retry", token_, "");
  EXPECT_EQ(retried.status, 200) << retried.body;
  EXPECT_EQ(member_of(retried.body, "state"), "pending");
  EXPECT_EQ(member_of(retried.body, "attempts"), "0");
  EXPECT_EQ(member_of(retried.body, "lastError"), "no connection");
  EXPECT_NE(member_of(retried.body, "nextAttemptAt"), "");
  EXPECT_EQ(hub_.column("SELECT detail FROM audit WHERE action = 'webhook.delivery_retried'"),
            Texts{R"({"delivery":")" + delivery + R"("})"});
  const std::string other = add();
  for (const std::string& none :
       {path(other) + "/deliveries/" + delivery, path(id) + "/deliveries/999999", path(id) + "/deliveries/0",
        path(id) + "/deliveries/x", path("none") + "/deliveries/" + delivery}) {
    EXPECT_EQ(hub_.send("POST", none + "/retry", token_, "").code(), "NOT_FOUND") << none;
  }
}

TEST_F(WebhookRoutes, DeleteForgetsTheWebhookAndIsAudited) {
  const std::string id = add();
  EXPECT_EQ(hub_.send("DELETE", path(id), token_, "").status, 204);
  EXPECT_TRUE(ids_of(hub_.get("/api/v1/webhooks", token_)).empty());
  EXPECT_EQ(hub_.send("DELETE", path(id), token_, "").code(), "NOT_FOUND");
  EXPECT_EQ(hub_.get(path(id) + "/deliveries", token_).code(), "NOT_FOUND");
  EXPECT_EQ(hub_.send("DELETE", path("none"), token_, "").code(), "NOT_FOUND");
  EXPECT_EQ(hub_.column("SELECT action FROM audit WHERE subject = 'webhook:" + id + "' ORDER BY id"),
            (Texts{"webhook.created", "webhook.deleted"}));
}

TEST_F(WebhookRoutes, RefuseMoreThanAHundred) {
  for (std::int64_t i = 0; i < hub::webhooks::webhooks_max; ++i) ASSERT_NE(add(), "");
  const RawAnswer answer = post(R"({"url":"http://a"})");
  EXPECT_EQ(faults_of(answer), std::set<std::string>{"url"});
  const Texts all = ids_of(hub_.get("/api/v1/webhooks?limit=200", token_));
  EXPECT_EQ(hub_.send("DELETE", path(all.front()), token_, "").status, 204);
  EXPECT_EQ(post(R"({"url":"http://a"})").status, 201);
  for (const std::string& id : Texts(all.begin() + 1, all.begin() + 11))
    hub_.send("DELETE", path(id), token_, "");
  std::atomic<int> more = 0;
  at_once(16, 32, [&](int) {
    if (post(R"({"url":"http://a"})").status == 201) ++more;
  });
  EXPECT_EQ(more, 10) << "as many as there was room for, also at once";
}

/// Domain events that a consumer could not take, beside stores' in the same list.
class EventDeadLetters : public testing::Test {
 protected:
  void SetUp() override {
    hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      if (auto known = hub::events::enroll(t, "mail", hub::events::Beginning::at_end, WallTime{}); !known)
        return known;
      auto appended = hub::events::append(t, {.id = hub_.ids().next(),
                                              .type = "TIER_CHANGED",
                                              .occurred_at = WallTime{},
                                              .traceparent = "",
                                              .data = R"({"tier":"Gold"})"});
      if (!appended) return appended;
      auto numbered = hub::events::number_events(t, 10, WallTime{});
      if (!numbered) return failure(numbered);
      auto event = hub::events::event_at(t, 1);
      if (!event) return failure(event);
      return hub::events::set_aside(t, "mail", **event, {.code = Errc::internal, .detail = "no template"},
                                    WallTime{Millis{1'772'323'200'000}});
    });
  }
  void bury() { hub_.execute("UPDATE event_dead_letter SET state = 'open', retry_at = NULL, attempts = 8"); }
  RawAnswer list() { return hub_.get("/api/v1/dead-letters", token_); }
  RawAnswer decide(const std::string& how, const std::string& body = "") {
    return hub_.send("POST", "/api/v1/dead-letters/event.mail.1/" + how, token_, body);
  }

  ServedHub hub_;
  const std::string token_ = hub_.token_for(Role::staff);
};

TEST_F(EventDeadLetters, AreListedOnceTheyAwaitAPerson) {
  EXPECT_EQ(list().body, R"({"items":[],"nextCursor":null})") << "it is tried again by itself";
  bury();
  EXPECT_EQ(list().body,
            R"({"items":[{"id":"event.mail.1","source":"event","consumer":"mail","position":1,"attempts":8,)"
            R"("type":"TIER_CHANGED","reason":"no template","state":"open",)"
            R"("receivedAt":"2026-03-01T00:00:00.000Z","decidedAt":null}],"nextCursor":null})");
}

TEST_F(EventDeadLetters, RetryHandsThemToTheDispatcherAndIsAudited) {
  EXPECT_EQ(decide("retry").code(), "SESSION_STATE") << "it is being tried";
  bury();
  EXPECT_EQ(member_of(decide("retry").body, "state"), "retrying");
  EXPECT_EQ(hub_.column("SELECT detail FROM audit WHERE action = 'dead_letter.retried'"),
            Texts{R"({"state":"retrying","reason":"no template"})"});
  EXPECT_EQ(hub_.column("SELECT CAST(attempts AS TEXT) FROM event_dead_letter"), Texts{"8"});
}

TEST_F(EventDeadLetters, DiscardTakesAReasonAndIsAudited) {
  bury();
  EXPECT_EQ(decide("discard", "{}").code(), "VALIDATION_FAILED");
  EXPECT_EQ(member_of(decide("discard", R"({"reason":"old"})").body, "state"), "discarded");
  EXPECT_EQ(decide("retry").code(), "SESSION_STATE");
  EXPECT_EQ(decide("discard", R"({"reason":"old"})").code(), "SESSION_STATE");
  EXPECT_EQ(hub_.column("SELECT detail FROM audit WHERE action = 'dead_letter.discarded'"),
            Texts{R"({"state":"discarded","reason":"old"})"});
  EXPECT_EQ(hub_.send("POST", "/api/v1/dead-letters/event.mail.2/retry", token_, "").code(), "NOT_FOUND");
}

}  // namespace
}  // namespace perkline::test
