#include <atomic>
#include <map>
#include <set>

#include "hub/events/dispatcher.hpp"
#include "hub/events/purge.hpp"
#include "hub/webhooks/deliveries.hpp"
#include "hub/webhooks/sender.hpp"
#include "hub/webhooks/signature.hpp"
#include "hub/webhooks/webhook.hpp"
#include "shared/json/value.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/webhook_receiver.hpp"
#include "tests/unit/hub/live_hub.hpp"

namespace perkline::hub::webhooks {
namespace {

using Texts = std::vector<std::string>;

/// The reactor's own, with days that a test lets pass.
class ShiftedClock final : public net::AsyncClock {
 public:
  explicit ShiftedClock(net::AsyncClock& real) : real_(real) {}
  WallTime wall_now() const override { return real_.wall_now() + Millis{shift_.load()}; }
  MonoTime mono_now() const override { return real_.mono_now(); }
  Task<void> sleep_until(MonoTime time) override { return real_.sleep_until(time); }
  void pass(Millis time) { shift_ += time.count(); }

 private:
  net::AsyncClock& real_;
  std::atomic<std::int64_t> shift_{0};
};

/// One replica's part in it, on the hub's reactor.
class Replica {
 public:
  Replica(test::LiveHub& hub, ShiftedClock& clock, Sender::Options options = {}) : hub_(hub) {
    hub_.reactor().run([&] {
      dispatcher_.emplace(hub_.port(), clock, std::vector{consumer(clock)});
      sender_.emplace(hub_.port(), clock, rng_, hub_.ids(), over_http(*hub_.reactor()), options);
    });
    EXPECT_TRUE(hub_.reactor().await(dispatcher_->enroll()));
  }
  ~Replica() {
    hub_.reactor().await(dispatcher_->drain());
    hub_.reactor().await(sender_->drain());
  }
  void start() {
    hub_.reactor()->spawn(dispatcher_->run());
    hub_.reactor()->spawn(sender_->run());
  }

 private:
  test::LiveHub& hub_;
  SystemRng rng_;
  std::optional<events::Dispatcher> dispatcher_;
  std::optional<Sender> sender_;
};

class Webhooks : public testing::Test {
 protected:
  Uuid add_webhook(const std::string& url, Texts types = {}, const std::string& secret = "whsec_test") {
    const Webhook webhook{.id = hub_.ids().next(),
                          .url = url,
                          .types = std::move(types),
                          .description = "",
                          .created_at = clock_.wall_now()};
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) { return add(t, webhook, secret); }));
    return webhook.id;
  }
  void happen(const Texts& types, const std::string& whose = "u-1") {
    std::vector<events::DomainEvent> all;
    for (const std::string& type : types) {
      all.push_back({.id = hub_.ids().next(),
                     .type = type,
                     .occurred_at = clock_.wall_now(),
                     .traceparent = "",
                     .data = R"({"userId":")" + whose + R"("})"});
    }
    EXPECT_TRUE(hub_.write([&](db::Transaction& t) { return events::append(t, all); }));
  }
  std::vector<Delivery> deliveries(const Uuid& webhook, DeliveryFilter filter = {}) {
    std::vector<Delivery> found;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      auto all = list_deliveries(t, webhook, filter);
      if (!all) return failure(all);
      found = std::move(*all);
      return {};
    }));
    return found;
  }
  /// How many of its deliveries are in that state.
  std::int64_t count(const Uuid& webhook, const std::string& state) {
    return hub_.number("SELECT COUNT(*) FROM webhook_delivery WHERE webhook_id = $1 AND state = $2",
                       {webhook.str(), state});
  }
  bool soon(const std::function<bool()>& so) { return test::eventually(so); }
  /// Until its only delivery has been tried so often.
  bool tried(const Uuid& webhook, std::int64_t times) {
    return soon([&] {
      const auto all = deliveries(webhook);
      return all.size() == 1 && all.front().attempts == times;
    });
  }

  test::LiveHub hub_;
  ShiftedClock clock_{hub_.reactor()->clock()};
};

TEST_F(Webhooks, AreSentEachEventInItsEnvelopeSignedAndInOrder) {
  test::WebhookReceiver receiver;
  Replica replica(hub_, clock_);
  const Uuid id = add_webhook(receiver.url());
  replica.start();
  happen({"PLAYER_REGISTERED", "WALLET_CREATED"});
  happen({"SALE_FINALIZED"});
  ASSERT_TRUE(soon([&] { return count(id, "delivered") == 3; }));
  EXPECT_EQ(receiver.members("type"), (Texts{"PLAYER_REGISTERED", "WALLET_CREATED", "SALE_FINALIZED"}));
  const auto first = receiver.received().front();
  EXPECT_EQ(first.path, "/hook?of=perkline");
  EXPECT_EQ(first.event_id, receiver.members("id").front());
  EXPECT_EQ(first.delivery_id, std::to_string(deliveries(id).back().id) + '-' + first.event_id);
  const auto body = json::parse(first.body);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->root().find("version")->text(), "1");
  EXPECT_EQ(body->root().find("data")->find("userId")->text(), "u-1");
  EXPECT_TRUE(parse_time(std::string(body->root().find("occurredAt")->text())));
  EXPECT_NE(body->root().find("traceparent"), nullptr);
  const auto comma = first.signature.find(',');
  const std::int64_t at = std::stoll(first.signature.substr(2, comma - 2));
  EXPECT_EQ(first.signature, signature_of("whsec_test", WallTime{seconds{at}}, first.body));
  const Delivery told = deliveries(id).back();
  EXPECT_EQ(told.attempts, 1);
  EXPECT_EQ(told.last_status, 204);
  EXPECT_FALSE(told.last_error || told.next_attempt_at);
  EXPECT_TRUE(told.finished_at && told.last_attempt_at);
}

TEST_F(Webhooks, HearOfTheTypesTheyNameAndOfNothingFromBeforeThem) {
  test::WebhookReceiver receiver;
  Replica replica(hub_, clock_);
  happen({"SALE_FINALIZED"});
  replica.start();
  ASSERT_TRUE(soon([&] { return hub_.number("SELECT position FROM event_consumer") == 1; }));
  const Uuid some = add_webhook(receiver.url(), {"SALE_FINALIZED", "TIER_CHANGED"});
  const Uuid all = add_webhook(receiver.url());
  happen({"SALE_PENDING", "SALE_FINALIZED", "WALLET_CREATED", "TIER_CHANGED"});
  ASSERT_TRUE(soon([&] { return count(some, "delivered") == 2 && count(all, "delivered") == 4; }));
  EXPECT_EQ(deliveries(some).front().event_type, "TIER_CHANGED");
  EXPECT_EQ(receiver.received().size(), 6u);
}

TEST_F(Webhooks, ThatFailAreTriedAgainAfterTheirPauseUntilTheyAreReached) {
  test::WebhookReceiver receiver;
  receiver.answer_next({{.status = 500},
                        {.status = 302,
                         .headers =
                             [] {
                               net::Headers to;
                               to.add("Location", "/elsewhere");
                               return to;
                             }()},
                        {.status = 204, .delivery = net::Delivery::reset},
                        {.status = 204, .delivery = net::Delivery::never}});
  Replica replica(hub_, clock_, {.answer_within = Millis{300}});
  const Uuid id = add_webhook(receiver.url());
  replica.start();
  happen({"SALE_FINALIZED"});
  const Texts errors{"the answer was 500", "redirects are not followed", "the connection was lost",
                     "no answer in time"};
  for (std::size_t i = 0; i < errors.size(); ++i) {
    ASSERT_TRUE(tried(id, static_cast<std::int64_t>(i) + 1)) << i;
    const Delivery told = deliveries(id).front();
    EXPECT_EQ(told.state, "pending");
    EXPECT_EQ(told.last_error, errors[i]);
    ASSERT_TRUE(told.next_attempt_at);
    EXPECT_GT(*told.next_attempt_at, clock_.wall_now()) << "not at once";
    clock_.pass(hours{2});
  }
  EXPECT_EQ(deliveries(id).front().last_status, std::nullopt);
  ASSERT_TRUE(soon([&] { return count(id, "delivered") == 1; }));
  const auto received = receiver.received();
  ASSERT_EQ(received.size(), errors.size() + 1);
  std::set<std::string> ids;
  for (const auto& each : received) {
    EXPECT_EQ(each.path, "/hook?of=perkline") << "nothing is followed";
    ids.insert(each.event_id + each.delivery_id + each.body);
  }
  EXPECT_EQ(ids.size(), 1u) << "the same event each time";
}

TEST_F(Webhooks, ThatAnswerTooLateAreSentTheSameEventAgain) {
  test::WebhookReceiver receiver;
  receiver.delay(Millis{700});
  Replica replica(hub_, clock_, {.answer_within = Millis{200}});
  const Uuid id = add_webhook(receiver.url());
  replica.start();
  happen({"SALE_FINALIZED"});
  ASSERT_TRUE(tried(id, 1));
  EXPECT_EQ(deliveries(id).front().last_error, "no answer in time");
  receiver.delay(Millis{0});
  clock_.pass(hours{2});
  ASSERT_TRUE(soon([&] { return count(id, "delivered") == 1; }));
  const auto received = receiver.received();
  ASSERT_EQ(received.size(), 2u);
  EXPECT_EQ(received[0].body, received[1].body);
  EXPECT_EQ(received[0].delivery_id, received[1].delivery_id);
}

TEST_F(Webhooks, PutOffByAClockThatWasAheadAreSentOnceItIsRightAgain) {
  test::WebhookReceiver receiver;
  receiver.answer_next({{.status = 500}});
  Replica replica(hub_, clock_);
  const Uuid id = add_webhook(receiver.url());
  replica.start();
  clock_.pass(days{400});
  happen({"SALE_PENDING"});
  ASSERT_TRUE(tried(id, 1));
  clock_.pass(-days{400});
  happen({"SALE_FINALIZED"});
  EXPECT_TRUE(soon([&] { return count(id, "delivered") == 2; })) << "what was put off, and what came after";
  const std::int64_t ahead = (clock_.wall_now() + days{300}).time_since_epoch().count();
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM webhook WHERE lease_until > $1", {ahead}), 0);
}

TEST_F(Webhooks, ThatNobodyAnswersForFailAfterAllAttemptsAndAreSentWhenPutBack) {
  std::string url;
  {
    const test::WebhookReceiver gone;
    url = gone.url();
  }
  Replica replica(hub_, clock_);
  const Uuid id = add_webhook(url);
  replica.start();
  happen({"SALE_FINALIZED"});
  ASSERT_TRUE(tried(id, 1));
  EXPECT_EQ(count(id, "pending"), 1);
  ASSERT_TRUE(hub_.write([](db::Transaction& t) -> Result<void> {
    auto most = t.execute("UPDATE webhook_delivery SET attempts = $1", {delivery_attempts_max - 2});
    if (!most) return failure(most);
    return {};
  }));
  clock_.pass(hours{2});
  ASSERT_TRUE(tried(id, delivery_attempts_max - 1));
  EXPECT_EQ(count(id, "pending"), 1) << "one is left";
  clock_.pass(hours{2});
  ASSERT_TRUE(tried(id, delivery_attempts_max));
  const Delivery failed = deliveries(id).front();
  EXPECT_EQ(failed.state, "failed");
  EXPECT_EQ(failed.last_error, "no connection");
  EXPECT_EQ(failed.last_status, std::nullopt);
  EXPECT_FALSE(failed.next_attempt_at);
  DeliveryCounts counts;
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
    const auto counted = count_deliveries(t);
    if (!counted) return std::unexpected(counted.error());
    counts = *counted;
    auto retried = retry_delivery(t, id, failed.id, clock_.wall_now());
    if (!retried) return failure(retried);
    EXPECT_EQ(retried->attempts, 0);
    EXPECT_EQ(retried->state, "pending");
    return {};
  }));
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.pending, 0);
  EXPECT_TRUE(tried(id, 1)) << "at once, with all attempts before it";
}

TEST_F(Webhooks, ThatFailAreOvertakenAndKeepNoOtherWaiting) {
  test::WebhookReceiver well;
  test::WebhookReceiver hangs;
  hangs.answer({.status = 204, .delivery = net::Delivery::never});
  test::WebhookReceiver picky;
  picky.answer_next({{.status = 503}});
  Replica replica(hub_, clock_, {.answer_within = seconds{2}});
  const Uuid hanging = add_webhook(hangs.url());
  const Uuid choosing = add_webhook(picky.url());
  const Uuid good = add_webhook(well.url());
  replica.start();
  happen({"SALE_PENDING", "SALE_SETTLED", "SALE_RETURNED"});
  ASSERT_TRUE(soon([&] { return count(good, "delivered") == 3 && count(choosing, "delivered") == 2; }));
  EXPECT_EQ(count(hanging, "delivered"), 0);
  EXPECT_EQ(hangs.in_flight_max(), 1u) << "one at a time";
  EXPECT_EQ(well.members("type"), (Texts{"SALE_PENDING", "SALE_SETTLED", "SALE_RETURNED"}));
  EXPECT_EQ(picky.members("type"), (Texts{"SALE_PENDING", "SALE_SETTLED", "SALE_RETURNED"}));
  clock_.pass(hours{2});
  ASSERT_TRUE(soon([&] { return count(choosing, "delivered") == 3; }));
  EXPECT_EQ(picky.members("type").back(), "SALE_PENDING");
}

TEST_F(Webhooks, OfOneMemberAreSentInOrderAndKeepNobodyElsesBackAtASlowReceiver) {
  test::WebhookReceiver receiver;
  receiver.delay(Millis{10});
  Replica replica(hub_, clock_);
  const Uuid id = add_webhook(receiver.url());
  const Texts busy(2'000, "WALLET_CREDITED");
  happen(busy, "u-busy");
  for (int i = 0; i < 30; ++i) happen({"FIRST", "SECOND", "THIRD"}, "u-" + std::to_string(100 + i));
  replica.start();
  ASSERT_TRUE(soon([&] {
    return hub_.number(
               "SELECT COUNT(*) FROM webhook_delivery WHERE state = 'delivered'"
               " AND event_type <> 'WALLET_CREDITED'") == 90;
  })) << "20 s would go by before the last of the busy one's";
  EXPECT_GT(count(id, "pending"), 1'000) << "theirs wait meanwhile";
  EXPECT_GT(receiver.in_flight_max(), 1u);
  EXPECT_LE(receiver.in_flight_max(), Sender::lanes_at_once);
  std::map<std::string, Texts> heard;
  for (const auto& each : receiver.received()) {
    const auto body = json::parse(each.body);
    ASSERT_TRUE(body);
    heard[std::string(body->root().find("data")->find("userId")->text())].emplace_back(
        body->root().find("type")->text());
  }
  EXPECT_GT(heard["u-busy"].size(), 1u) << "they have their turns, too";
  heard.erase("u-busy");
  EXPECT_EQ(heard.size(), 30u);
  for (const auto& [whose, types] : heard) EXPECT_EQ(types, (Texts{"FIRST", "SECOND", "THIRD"})) << whose;
}

TEST_F(Webhooks, OfTwoReplicasAreSentEachEventOnceInOrderAndOneAtATime) {
  test::WebhookReceiver receiver;
  receiver.delay(Millis{2});
  Replica one(hub_, clock_);
  Replica two(hub_, clock_);
  const Uuid id = add_webhook(receiver.url());
  one.start();
  two.start();
  Texts types;
  for (int round = 0; round < 5; ++round) {
    Texts some;
    for (int i = 0; i < 20; ++i) some.push_back("T" + std::to_string(round * 20 + i));
    happen(some);
    types.insert(types.end(), some.begin(), some.end());
  }
  ASSERT_TRUE(soon([&] { return count(id, "delivered") == 100; }));
  EXPECT_EQ(receiver.members("type"), types);
  EXPECT_EQ(receiver.in_flight_max(), 1u);
}

TEST_F(Webhooks, OfAReplicaThatWasKilledAreTakenOverWhenItsLeaseHasRunOut) {
  test::WebhookReceiver receiver;
  Replica replica(hub_, clock_);
  const Uuid id = add_webhook(receiver.url());
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
    auto held = t.execute("UPDATE webhook SET lease_owner = 'killed', lease_until = $1",
                          {(clock_.wall_now() + Sender::Options{}.lease).time_since_epoch().count()});
    if (!held) return failure(held);
    return {};
  }));
  test::WebhookReceiver beside;
  const Uuid free = add_webhook(beside.url());
  replica.start();
  happen({"SALE_FINALIZED"});
  ASSERT_TRUE(soon([&] { return count(free, "delivered") == 1; }));
  EXPECT_EQ(count(id, "pending"), 1);
  EXPECT_TRUE(receiver.received().empty()) << "it is another's";
  clock_.pass(Sender::Options{}.lease);
  EXPECT_TRUE(soon([&] { return count(id, "delivered") == 1; }));
}

TEST_F(Webhooks, ThatHangBeyondALeaseStayWithWhoSends) {
  test::WebhookReceiver receiver;
  receiver.delay(Millis{1500});
  Replica one(hub_, clock_, {.lease = Millis{500}});
  Replica two(hub_, clock_, {.lease = Millis{500}});
  const Uuid id = add_webhook(receiver.url());
  one.start();
  two.start();
  happen({"SALE_FINALIZED"});
  ASSERT_TRUE(soon([&] { return count(id, "delivered") == 1; }));
  EXPECT_EQ(receiver.received().size(), 1u);
  EXPECT_EQ(deliveries(id).front().attempts, 1);
}

TEST_F(Webhooks, OfADeadHubAreReleasedByAStart) {
  test::WebhookReceiver receiver;
  Replica replica(hub_, clock_);
  const Uuid id = add_webhook(receiver.url());
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
    auto held = t.execute("UPDATE webhook SET lease_owner = 'killed', lease_until = $1",
                          {(clock_.wall_now() + hours{1}).time_since_epoch().count()});
    if (!held) return failure(held);
    return release_all_leases(t);
  }));
  replica.start();
  happen({"SALE_FINALIZED"});
  EXPECT_TRUE(soon([&] { return count(id, "delivered") == 1; }));
}

TEST_F(Webhooks, ThatAreDeletedAreSentNothingMore) {
  test::WebhookReceiver receiver;
  Replica replica(hub_, clock_);
  const Uuid id = add_webhook(receiver.url());
  const Uuid other = add_webhook(receiver.url());
  const auto gone = [&] {
    return hub_.write([&](db::Transaction& t) { return remove(t, id, clock_.wall_now()); });
  };
  EXPECT_TRUE(gone());
  EXPECT_EQ(gone().error().code, Errc::not_found);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM webhook WHERE secret <> ''"), 1) << "its key is forgotten";
  replica.start();
  happen({"SALE_FINALIZED"});
  ASSERT_TRUE(soon([&] { return count(other, "delivered") == 1; }));
  EXPECT_EQ(receiver.received().size(), 1u);
  EXPECT_TRUE(deliveries(id).empty());
}

TEST_F(Webhooks, KeepEventsUntilTheirDeliveriesAreOverForAMonth) {
  test::WebhookReceiver receiver;
  receiver.answer_next({{.status = 500}});
  Replica replica(hub_, clock_);
  const Uuid id = add_webhook(receiver.url());
  replica.start();
  happen({"SALE_FINALIZED"});
  ASSERT_TRUE(tried(id, 1));
  const auto purge = [&](WallTime now) {
    EXPECT_TRUE(hub_.reactor().await(purge_all(hub_.port(), now)));
    EXPECT_TRUE(hub_.reactor().await(events::purge_all(hub_.port(), now)));
  };
  const auto kept = [&] { return hub_.number("SELECT COUNT(*) FROM event_outbox"); };
  purge(clock_.wall_now() + days{100});
  EXPECT_EQ(kept(), 1) << "it waits for its delivery";
  clock_.pass(days{40});
  ASSERT_TRUE(soon([&] { return count(id, "delivered") == 1; }));
  purge(clock_.wall_now());
  EXPECT_EQ(kept(), 1) << "that was delivered just now";
  purge(clock_.wall_now() + events::keep_events + Millis{1});
  EXPECT_EQ(kept(), 0);
  EXPECT_TRUE(deliveries(id).empty());
}

}  // namespace
}  // namespace perkline::hub::webhooks
