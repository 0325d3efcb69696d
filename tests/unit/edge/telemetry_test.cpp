#include "edge/telemetry.hpp"

#include <gtest/gtest.h>

#include "edge/journal/journal_memory.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::edge {
namespace {

using session::Status;

class DaemonTelemetry : public ::testing::Test {
 protected:
  void pass(Millis time_passed) {
    world.run_until([] { return false; }, time_passed);
  }
  bool says(const std::string& line) const { return metrics.text().find(line + "\n") != std::string::npos; }

  test::VirtualTime time;
  test::SimWorld world{time};
  journal::MemoryDisk disk;
  journal::JournalMemory journal{disk, world.clock()};
  std::unique_ptr<journal::Outbox> outbox = std::move(*journal::Outbox::open(journal, StoreId("store-1")));
  session::SessionStore store{journal, *outbox};
  ops::Metrics metrics;
  ops::Health health{world.clock()};
  Telemetry telemetry{metrics, health, world.clock()};
};

TEST_F(DaemonTelemetry, AnIdleDaemonStaysReady) {
  world.spawn(telemetry.run(journal, *outbox, store));
  pass(minutes{10});
  EXPECT_EQ(health.ready().http_status, 200);
  EXPECT_EQ(health.live().http_status, 200);
  EXPECT_GE(disk.syncs, 100u) << "an idle journal is kept at work";
}

TEST_F(DaemonTelemetry, ABusyJournalIsNotProbed) {
  world.spawn(telemetry.run(journal, *outbox, store));
  for (int i = 0; i < 60; ++i) {
    telemetry.on_sync(Millis{1});
    pass(seconds{1});
  }
  EXPECT_EQ(disk.syncs, 0u);
  EXPECT_EQ(health.ready().http_status, 200);
}

TEST_F(DaemonTelemetry, AJournalThatDoesNotWriteAnyMoreIsNotReadyAndNotLive) {
  world.spawn(telemetry.run(journal, *outbox, store));
  pass(seconds{6});
  disk.failing = true;
  pass(seconds{30});
  EXPECT_EQ(health.ready().http_status, 503);
  EXPECT_EQ(health.live().http_status, 503);
  EXPECT_EQ(health.alive().http_status, 200);
}

TEST_F(DaemonTelemetry, AReactorThatDoesNotComeRoundIsNotLive) {
  world.spawn(telemetry.run(journal, *outbox, store));
  pass(seconds{1});
  time.mono += seconds{6};
  EXPECT_EQ(health.live().http_status, 503);
  pass(seconds{1});
  EXPECT_EQ(health.live().http_status, 200);
}

TEST_F(DaemonTelemetry, TheHubIsToldAndDecidesNothing) {
  HubCheck standing;
  telemetry.watch_hub([&] { return standing; });
  world.spawn(telemetry.run(journal, *outbox, store));
  pass(seconds{1});
  EXPECT_EQ(health.ready().http_status, 200);
  EXPECT_NE(health.ready().body.find(R"("hub":{"status":"down","latency":null})"), std::string::npos);
  standing = {.status = ops::CheckStatus::up, .round_trip = std::chrono::microseconds{7250}};
  pass(seconds{1});
  EXPECT_NE(health.ready().body.find(R"("hub":{"status":"up","latency":7.25})"), std::string::npos);
}

TEST_F(DaemonTelemetry, TellsHowLongTheLastCallAndTheLastSyncTookAndNothingBeforeTheFirst) {
  const journal::Space space({.folder = "/", .reserve_bytes = 0, .ask = {}});
  telemetry.watch_storage(space);
  const auto latency_of = [&](const std::string& check) {
    const std::string body = health.ready().body;
    const std::string start = '"' + check + R"(":{"status":"up","latency":)";
    const std::size_t at = body.find(start);
    return at == std::string::npos
               ? body
               : body.substr(at + start.size(),
                             body.find_first_of(",}", at + start.size()) - at - start.size());
  };
  for (const char* check : {"pdi", "journal", "storage", "reactor"})
    EXPECT_EQ(latency_of(check), "null") << check;
  telemetry.on_hold();
  EXPECT_EQ(latency_of("journal"), "null") << "it waits for room, and has written nothing";
  telemetry.on_sync(std::chrono::microseconds{1500});
  telemetry.on_hold();
  EXPECT_EQ(latency_of("journal"), "1.5");
  EXPECT_EQ(latency_of("storage"), "1.5");
  telemetry.on_pdi_call("identify", "not_tried", Millis{9});
  EXPECT_EQ(latency_of("pdi"), "null") << "nobody was asked";
  telemetry.on_pdi_call("identify", "ok", Millis{42});
  telemetry.on_pdi_call("identify", "cancelled", Millis{9});
  EXPECT_EQ(latency_of("pdi"), "42.0");
}

TEST_F(DaemonTelemetry, CountsTheSessionsThatWaitForPdiOrForAPerson) {
  const auto in = [&](Status status, const char* id) {
    session::Session session{.currency = *find_currency("USD")};
    session.id = SessionId(std::string("sess_0190163d-8694-739b-aea5-966c26f8ad9") + id);
    session.transaction = TransactionId(id);
    session.status = status;
    if (status == Status::queued) session.next_attempt_at = time.wall - seconds{30};
    ASSERT_TRUE(test::run_task(world, store.commit(std::move(session))));
  };
  in(Status::queued, "1");
  in(Status::queued, "2");
  in(Status::review, "3");
  in(Status::active, "4");
  world.spawn(telemetry.run(journal, *outbox, store));
  pass(seconds{1});
  EXPECT_TRUE(says(R"(perkline_edge_sessions{state="queued"} 2)"));
  EXPECT_TRUE(says(R"(perkline_edge_sessions{state="in_doubt"} 0)"));
  EXPECT_TRUE(says(R"(perkline_edge_sessions{state="active"} 1)"));
  EXPECT_TRUE(says(R"(perkline_edge_sessions{state="review"} 1)"));
  EXPECT_TRUE(says("perkline_edge_queue_records 2"));
  EXPECT_TRUE(metrics.text().find("perkline_edge_queue_oldest_age_seconds 3") != std::string::npos);
  telemetry.on_step(Status::finalized);
  EXPECT_TRUE(says(R"(perkline_edge_session_steps_total{state="finalized"} 1)"));
}

TEST_F(DaemonTelemetry, CountsWhatTheStorageFailsAtFromNoughtOn) {
  for (const char* kind : {"read", "write", "mark"})
    EXPECT_TRUE(says(R"(perkline_edge_storage_errors_total{kind=")" + std::string(kind) + R"("} 0)"));
  telemetry.on_storage_error("read");
  EXPECT_TRUE(says(R"(perkline_edge_storage_errors_total{kind="read"} 1)"));
}

TEST_F(DaemonTelemetry, AStartThatTookLongIsNoSilence) {
  time.mono += minutes{2};
  EXPECT_EQ(health.live().http_status, 503);
  world.spawn(telemetry.run(journal, *outbox, store));
  world.run_ready();
  EXPECT_EQ(health.live().http_status, 200);
}

TEST_F(DaemonTelemetry, TellsEachBreakersStateAndPdisWithItsCheck) {
  pdi::BreakerState state = pdi::BreakerState::closed;
  telemetry.watch_breaker("pdi", [&] { return state; });
  telemetry.watch_breaker("token", [] { return pdi::BreakerState::half_open; });
  world.spawn(telemetry.run(journal, *outbox, store));
  pass(seconds{1});
  EXPECT_TRUE(says(R"(perkline_edge_breaker_state{name="pdi",state="CLOSED"} 1)"));
  state = pdi::BreakerState::open;
  pass(seconds{1});
  EXPECT_TRUE(says(R"(perkline_edge_breaker_state{name="pdi",state="CLOSED"} 0)"));
  EXPECT_TRUE(says(R"(perkline_edge_breaker_state{name="pdi",state="OPEN"} 1)"));
  EXPECT_TRUE(says(R"(perkline_edge_breaker_state{name="token",state="HALF_OPEN"} 1)"));
  EXPECT_NE(health.ready().body.find(R"("circuitBreaker":"OPEN")"), std::string::npos);
  EXPECT_EQ(health.ready().http_status, 200) << "PDI never decides";
}

TEST_F(DaemonTelemetry, ABreakerThatIsForcedOpenIsSeenHoweverWellPdiWas) {
  auto state = pdi::BreakerState::closed;
  telemetry.watch_breaker("pdi", [&] { return state; });
  telemetry.on_pdi_call("identify", "ok", Millis{5});
  world.spawn(telemetry.run(journal, *outbox, store));
  pass(seconds{1});
  EXPECT_NE(health.live().body.find(R"("status":"healthy")"), std::string::npos);
  state = pdi::BreakerState::forced_open;
  pass(seconds{1});
  EXPECT_NE(health.live().body.find(R"("status":"degraded")"), std::string::npos) << health.live().body;
}

TEST_F(DaemonTelemetry, OnlyAFinalizeThatWasAcknowledgedIsASale) {
  telemetry.on_answer(
      {.method = net::Method::post, .route = "/v1/finalize", .status = 503, .duration = Millis{1}});
  telemetry.on_answer(
      {.method = net::Method::post, .route = "/v1/identify", .status = 200, .duration = Millis{1}});
  EXPECT_TRUE(says("perkline_edge_sale_ack_duration_seconds_count 0"));
  telemetry.on_answer(
      {.method = net::Method::post, .route = "/v1/finalize", .status = 200, .duration = Millis{1}});
  EXPECT_TRUE(says("perkline_edge_sale_ack_duration_seconds_count 1"));
  telemetry.on_answer(
      {.method = net::Method::post, .route = "/v1/finalize", .status = 202, .duration = Millis{1}});
  EXPECT_TRUE(says("perkline_edge_sale_ack_duration_seconds_count 2")) << "a 202 is a receipt too";
  EXPECT_TRUE(says(R"(perkline_edge_http_answers_total{route="/v1/finalize",status="503"} 1)"));
}

}  // namespace
}  // namespace perkline::edge
