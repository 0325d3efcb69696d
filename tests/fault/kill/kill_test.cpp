#include <cstdio>
#include <functional>
#include <optional>
#include <thread>

#include "bench/fleet/postgres_server.hpp"
#include "tests/fault/kill/chain_under_fault.hpp"
#include "tests/fault/rig/hub_books.hpp"
#include "tests/fault/rig/money_oracle.hpp"

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
  /// Calls `strike` so many times while tills sell, then lets the oracle judge; if they are there, money
  /// moves as well.
  void kill_under_load(int rounds, std::size_t tills_per_edge, const std::function<Result<void>()>& strike,
                       MoneyClients* money = nullptr) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed_));
    const auto began = steady_clock::now();
    Tills tills(*fleet_, {.tills_per_edge = tills_per_edge, .pause = milliseconds(30), .seed = seed_});
    for (int round = 1; round <= rounds; ++round) {
      const auto struck = strike();
      ASSERT_TRUE(struck) << "round " << round << ": " << struck.error().detail;
      if (round % 25 != 0 && round != rounds) continue;
      const std::chrono::duration<double> elapsed = steady_clock::now() - began;
      std::printf("%d of %d rounds, %zu sales, %zu orders, %.0f s\n", round, rounds, tills.acknowledged(),
                  money == nullptr ? 0 : money->acknowledged(), elapsed.count());
      std::fflush(stdout);
    }
    std::optional<MoneyClients::Taken> orders;
    if (money != nullptr) orders = money->stop();
    const Verdict verdict = expect_whole(tills.stop(), std::chrono::seconds(120 + rounds));
    EXPECT_GT(verdict.sales, static_cast<std::size_t>(rounds));
    if (orders) expect_each_order_once(std::move(*orders), rounds);
  }

  void expect_each_order_once(MoneyClients::Taken orders, int rounds) {
    const MoneyVerdict verdict = judge_money(*fleet_, std::move(orders));
    std::printf("%s\n", verdict.to_text().c_str());
    EXPECT_TRUE(verdict.ok()) << verdict.to_text();
    EXPECT_GT(verdict.booked, 4 * static_cast<std::size_t>(rounds));
    EXPECT_GT(verdict.unanswered, 0u) << "the hub was never away";
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

enum class Engine : std::uint8_t { sqlite, postgres };

/// A store finds out that its hub is dead after 15 s, and tries every 30 s where that was away for long.
constexpr std::chrono::seconds stores_are_back{60};

/// While stores send, members pay one another, and staff credits and debits them.
class HubKilled : public Killed, public testing::WithParamInterface<Engine> {
 protected:
  void SetUp() override {
    if (GetParam() == Engine::sqlite) return start(2);
    auto server = bench::PostgresServer::start();
    ASSERT_TRUE(server) << server.error().detail;
    server_.emplace(std::move(*server));
    start(2, server_->url("perkline"));
  }
  void TearDown() override { fleet_.reset(); }  // before its database

  /// Kills the hub; on PostgreSQL every third time its server as well, at about the same time or some time
  /// before.
  Result<void> strike() {
    if (!server_ || rng_.below(3) != 0) return strike_hub();
    if (rng_.below(2) == 0) return strike_both();
    sleep_up_to(120);
    server_->kill();
    sleep_up_to(500);
    if (auto started = server_->start_again(); !started) return started;
    return strike_hub();
  }

 private:
  /// Amid what it takes in, mostly: soon after its books have begun to move again.
  Result<void> strike_hub() {
    const auto applied = events_applied(fleet_->hub_database_url());
    if (rng_.below(8) != 0) {
      const auto give_up = steady_clock::now() + stores_are_back;
      while (events_applied(fleet_->hub_database_url()) == applied) {
        if (steady_clock::now() > give_up)
          return fail(Errc::io_failed, "the hub takes nothing in; its log ends:\n" + log_end("hub"));
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

  /// The hub comes back before its database's server, or after it.
  Result<void> strike_both() {
    sleep_up_to(120);
    server_->kill();
    fleet_->hub().kill();
    if (rng_.below(2) == 0) {
      if (auto started = fleet_->start_hub(); !started) return started;
      return server_->start_again();
    }
    sleep_up_to(500);
    if (auto started = server_->start_again(); !started) return started;
    return fleet_->start_hub();
  }

  std::optional<bench::PostgresServer> server_;
};

TEST_P(HubKilled, HasEachAcknowledgedSaleAndOrderOnce) {
  MoneyClients money(*fleet_, {.seed = seed_});
  kill_under_load(kill_rounds(GetParam() == Engine::sqlite ? 8 : 6), 4, [this] { return strike(); }, &money);
}

INSTANTIATE_TEST_SUITE_P(OnSqlite, HubKilled, testing::Values(Engine::sqlite));
INSTANTIATE_TEST_SUITE_P(OnPostgres, HubKilled, testing::Values(Engine::postgres));

}  // namespace
}  // namespace perkline::test
