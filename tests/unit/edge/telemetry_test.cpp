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
  ops::Metrics metrics;
  ops::Health health{world.clock()};
  Telemetry telemetry{metrics, health, world.clock()};
};

TEST_F(DaemonTelemetry, AnIdleDaemonStaysReady) {
  world.spawn(telemetry.run(journal, *outbox));
  pass(minutes{10});
  EXPECT_EQ(health.ready().http_status, 200);
  EXPECT_EQ(health.live().http_status, 200);
  EXPECT_GE(disk.syncs, 100u) << "an idle journal is kept at work";
}

TEST_F(DaemonTelemetry, ABusyJournalIsNotProbed) {
  world.spawn(telemetry.run(journal, *outbox));
  for (int i = 0; i < 60; ++i) {
    telemetry.on_sync(Millis{1});
    pass(seconds{1});
  }
  EXPECT_EQ(disk.syncs, 0u);
  EXPECT_EQ(health.ready().http_status, 200);
}

TEST_F(DaemonTelemetry, AJournalThatDoesNotWriteAnyMoreIsNotReadyAndNotLive) {
  world.spawn(telemetry.run(journal, *outbox));
  pass(seconds{6});
  disk.failing = true;
  pass(seconds{30});
  EXPECT_EQ(health.ready().http_status, 503);
  EXPECT_EQ(health.live().http_status, 503);
  EXPECT_EQ(health.alive().http_status, 200);
}

TEST_F(DaemonTelemetry, AReactorThatDoesNotComeRoundIsNotLive) {
  world.spawn(telemetry.run(journal, *outbox));
  pass(seconds{1});
  time.mono += seconds{6};
  EXPECT_EQ(health.live().http_status, 503);
  pass(seconds{1});
  EXPECT_EQ(health.live().http_status, 200);
}

TEST_F(DaemonTelemetry, TheHubIsToldAndDecidesNothing) {
  ops::CheckStatus standing = ops::CheckStatus::down;
  telemetry.watch_hub([&] { return standing; });
  world.spawn(telemetry.run(journal, *outbox));
  pass(seconds{1});
  EXPECT_EQ(health.ready().http_status, 200);
  EXPECT_NE(health.ready().body.find(R"("hub":{"status":"down")"), std::string::npos);
  standing = ops::CheckStatus::up;
  pass(seconds{1});
  EXPECT_NE(health.ready().body.find(R"("hub":{"status":"up")"), std::string::npos);
}

TEST_F(DaemonTelemetry, CountsTheSessionsThatPdiHasYetToSettle) {
  telemetry.set_finalizing(2);
  telemetry.on_step(Status::calculated, Status::finalizing);
  telemetry.on_step(Status::finalizing, Status::finalizing);
  EXPECT_TRUE(says(R"(perkline_edge_sessions{state="finalizing"} 3)"));
  telemetry.on_step(Status::finalizing, Status::finalized);
  EXPECT_TRUE(says(R"(perkline_edge_sessions{state="finalizing"} 2)"));
  EXPECT_TRUE(says(R"(perkline_edge_session_steps_total{state="finalized"} 1)"));
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
  EXPECT_TRUE(says(R"(perkline_edge_http_answers_total{route="/v1/finalize",status="503"} 1)"));
}

}  // namespace
}  // namespace perkline::edge
