#include <cstdio>
#include <functional>
#include <thread>

#include "tests/fault/kill/chain_under_fault.hpp"
#include "tests/fault/rig/hub_books.hpp"
#include "tests/support/postgres_server.hpp"

namespace perkline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

int kill_rounds(int by_default) {
  return asked_for("PERKLINE_KILL_ROUNDS", by_default);
}

/// PERKLINE_KILL_SEED plays the same moments again, as far as processes can.
std::uint64_t kill_seed() {
  const char* seed = std::getenv("PERKLINE_KILL_SEED");
  return seed == nullptr ? SystemRng().below(1'000'000) : std::strtoull(seed, nullptr, 10);
}

/// Tills sell while one of a small chain's processes is killed again and again.
class Killed : public ChainUnderFault {
 protected:
  /// Calls `strike` so many times while tills sell, then lets the oracle judge.
  void kill_under_load(int rounds, std::size_t tills_per_edge, const std::function<Result<void>()>& strike) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed_));
    const auto began = steady_clock::now();
    Tills tills(*fleet_, {.tills_per_edge = tills_per_edge, .pause = milliseconds(30), .seed = seed_});
    for (int round = 1; round <= rounds; ++round) {
      const auto struck = strike();
      ASSERT_TRUE(struck) << "round " << round << ": " << struck.error().detail;
      if (round % 25 != 0 && round != rounds) continue;
      const std::chrono::duration<double> elapsed = steady_clock::now() - began;
      std::printf("%d of %d rounds, %zu sales, %.0f s\n", round, rounds, tills.acknowledged(),
                  elapsed.count());
      std::fflush(stdout);
    }
    const Verdict verdict = expect_whole(tills.stop(), std::chrono::seconds(120 + rounds));
    EXPECT_GT(verdict.sales, static_cast<std::size_t>(rounds));
  }

  void sleep_up_to(std::uint64_t millis) {
    std::this_thread::sleep_for(milliseconds(rng_.below(millis + 1)));
  }

  const std::uint64_t seed_ = kill_seed();
  SeededRng rng_{seed_};
};

class EdgeKilled : public Killed {
 protected:
  /// PDI is slow at times, silent at others: sales are on their way to it, in doubt, or queued.
  Result<void> upset_pdi() {
    static constexpr const char* moods[] = {
        R"({"endpoint":"*","mode":"ok"})",
        R"({"endpoint":"*","mode":"ok"})",
        R"({"endpoint":"*","mode":"delay","delayMs":20})",
        R"({"endpoint":"finalize","mode":"delay","delayMs":60})",
        R"({"endpoint":"finalize","mode":"timeout_after_commit","probability":0.2})",
        R"({"endpoint":"finalize","mode":"hang","probability":0.2})",
        R"({"endpoint":"*","mode":"status","probability":0.3})",
        R"({"endpoint":"*","mode":"reset","probability":0.2})",
    };
    return fleet_->set_fault(moods[rng_.below(std::size(moods))]);
  }

  /// Mostly soon; at times while it starts, at times when what was in doubt is asked for, or sent again.
  milliseconds moment() {
    const auto draw = rng_.below(100);
    return milliseconds(draw < 75 ? rng_.below(350) : draw < 96 ? rng_.below(1'500) : rng_.below(7'500));
  }

  Result<void> strike() {
    if (rng_.below(2) == 0) {
      if (auto upset = upset_pdi(); !upset) return upset;
    }
    std::this_thread::sleep_for(moment());
    fleet_->edge(0).kill();
    if (rng_.below(10) == 0) {
      if (auto launched = fleet_->launch_edge(0); !launched) return launched;
      sleep_up_to(60);
      fleet_->edge(0).kill();
    }
    return fleet_->start_edge(0);
  }
};

TEST_F(EdgeKilled, LosesAndDoublesNoAcknowledgedSale) {
  ASSERT_NO_FATAL_FAILURE(start(1));
  kill_under_load(kill_rounds(12), 8, [this] { return strike(); });
}

class HubKilled : public Killed {
 protected:
  /// Amid what it takes in, mostly: soon after its books have begun to move again.
  Result<void> strike() {
    const auto applied = events_applied(fleet_->hub_database_url());
    if (rng_.below(8) != 0) {
      const auto give_up = steady_clock::now() + std::chrono::seconds(20);
      while (events_applied(fleet_->hub_database_url()) == applied) {
        if (steady_clock::now() > give_up) return fail(Errc::io_failed, "the hub takes nothing in");
        std::this_thread::sleep_for(milliseconds(3));
      }
    }
    sleep_up_to(120);
    fleet_->hub().kill();
    sleep_up_to(rng_.below(10) == 0 ? 1'500 : 100);
    if (rng_.below(10) == 0) {
      if (auto launched = fleet_->launch_hub(); !launched) return launched;
      sleep_up_to(60);
      fleet_->hub().kill();
    }
    return fleet_->start_hub();
  }
};

TEST_F(HubKilled, TakesEverySaleInOnce) {
  ASSERT_NO_FATAL_FAILURE(start(2));
  kill_under_load(kill_rounds(8), 4, [this] { return strike(); });
}

class HubOnPostgresKilled : public HubKilled {
 protected:
  /// Every third time the server crashes as well, and comes back before or after the hub.
  Result<void> strike_either(PostgresServer& server) {
    if (rng_.below(3) != 0) return strike();
    sleep_up_to(120);
    server.kill();
    const bool hub_too = rng_.below(2) == 0;
    if (hub_too) fleet_->hub().kill();
    if (hub_too && rng_.below(2) == 0) {
      if (auto started = fleet_->start_hub(); !started) return started;
      return server.start_again();
    }
    sleep_up_to(500);
    if (auto started = server.start_again(); !started) return started;
    return hub_too ? fleet_->start_hub() : Result<void>();
  }
};

TEST_F(HubOnPostgresKilled, TakesEverySaleInOnce) {
  auto server = PostgresServer::start();
  ASSERT_TRUE(server) << server.error().detail;
  ASSERT_NO_FATAL_FAILURE(start(2, server->url("perkline")));
  kill_under_load(kill_rounds(8), 4, [&] { return strike_either(*server); });
  const auto verified = fleet_->hub_command({"verify"});
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->status, 0) << verified->out << verified->err;
  fleet_.reset();  // before its database
}

}  // namespace
}  // namespace perkline::test
