#include <cstdlib>

#include "bench/demo/reconcile.hpp"
#include "bench/demo/summary.hpp"
#include "bench/load/replay.hpp"
#include "bench/load/sample.hpp"
#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

/// A short round by default; PERKLINE_KILL_ROUNDS asks for more.
int kill_rounds() {
  const char* rounds = std::getenv("PERKLINE_KILL_ROUNDS");
  return rounds == nullptr ? 5 : std::atoi(rounds);
}

/// Tills sell all the while; `strike` is called once a round.
void sell_through(bench::Fleet& fleet, const std::function<void(int round)>& strike) {
  bench::ReplayOptions options{.edges = {}, .concurrency = 4, .rate = 40};
  for (std::size_t i = 0; i < fleet.edges(); ++i)
    options.edges.push_back({fleet.edge_url(i), fleet.terminal_key(i)});
  const int rounds = kill_rounds();
  const auto baskets = bench::sample_baskets(
      {.baskets = static_cast<std::size_t>(rounds) * 30, .stores = fleet.edges()}, "KILL-");
  bench::ReplaySummary summary;
  const std::atomic<bool> stop{false};
  {
    std::jthread selling([&] { summary = bench::replay(baskets, options, stop, {}); });
    for (int round = 0; round < rounds; ++round) strike(round);
  }
  EXPECT_TRUE(summary.failed.empty()) << bench::to_text(summary);
  EXPECT_EQ(summary.sold.size(), baskets.size());

  Result<bench::Reconciliation> all = fail(Errc::internal);
  const bool agree = eventually(
      [&] {
        bench::learn_outcomes(fleet, summary.sold);
        all = bench::reconcile(fleet, summary.sold);
        return all && all->agree();
      },
      std::chrono::seconds(60));
  EXPECT_TRUE(agree) << (all ? bench::to_table(*all) : all.error().detail);
  const auto verified = fleet.hub_command({"verify"});
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->status, 0) << verified->out << verified->err;
}

/// Lets some sales through between two kills.
void wait_for_sales(int round) {
  std::this_thread::sleep_for(std::chrono::milliseconds(300 + 37 * (round % 7)));
}

TEST(EdgeKilled, LosesAndDoublesNoAcknowledgedSale) {
  TempDir folder;
  auto fleet = bench::Fleet::start(fleet_options(folder));
  ASSERT_TRUE(fleet) << fleet.error().detail;
  sell_through(*fleet, [&](int round) {
    wait_for_sales(round);
    fleet->edge(0).kill();
    const auto started = fleet->start_edge(0);
    ASSERT_TRUE(started) << started.error().detail;
  });
}

TEST(HubKilled, TakesEverySaleInOnce) {
  TempDir folder;
  auto fleet = bench::Fleet::start(fleet_options(folder, 2));
  ASSERT_TRUE(fleet) << fleet.error().detail;
  sell_through(*fleet, [&](int round) {
    wait_for_sales(round);
    fleet->hub().kill();
    const auto started = fleet->start_hub();
    ASSERT_TRUE(started) << started.error().detail;
  });
}

}  // namespace
}  // namespace perkline::test
