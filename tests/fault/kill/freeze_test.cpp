#include <csignal>

#include "bench/fleet/web.hpp"
#include "tests/fault/kill/chain_under_fault.hpp"
#include "tests/fault/rig/hub_books.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class HubFrozen : public ChainUnderFault {
 protected:
  /// How that store says it stands with the hub: `streaming`.
  std::string standing(std::size_t edge) const {
    const auto output = fleet_->edge_command(edge, {"status", "--json"});
    const auto status = json::parse(output ? output->out : "");
    return status ? bench::text_at(status->root(), "hub") : std::string();
  }
};

/// A machine that was suspended, or swapped, for longer than the stores' patience with a silent hub: they
/// have hung up with their frames still on the way.
TEST_F(HubFrozen, GoesOnByItself) {
  constexpr std::size_t stores = 2;
  ASSERT_NO_FATAL_FAILURE(start(stores));
  Tills tills(*fleet_, {.tills_per_edge = 2, .pause = milliseconds(5)});
  const int rounds = asked_for("PERKLINE_FREEZE_ROUNDS", 1);
  const milliseconds least(asked_for("PERKLINE_FREEZE_MS", 16'000));
  for (int round = 1; round <= rounds; ++round) {
    ::kill(fleet_->hub().pid(), SIGSTOP);
    const auto frozen = steady_clock::now();
    const std::size_t sold = tills.acknowledged();
    for (std::size_t edge = 0; edge < stores; ++edge)
      EXPECT_TRUE(eventually([&] { return standing(edge) != "streaming"; }));
    ASSERT_TRUE(eventually([&] { return steady_clock::now() > frozen + least; }));
    EXPECT_GT(tills.acknowledged(), sold + 100) << "tills sell on";
    const auto applied = events_applied(fleet_->hub_database_url());
    ::kill(fleet_->hub().pid(), SIGCONT);
    EXPECT_TRUE(eventually([&] { return events_applied(fleet_->hub_database_url()) > applied + 100; }));
    ASSERT_TRUE(fleet_->hub().running()) << "round " << round << ": " << log_end("hub");
  }
  expect_whole(tills.stop());
}

}  // namespace
}  // namespace perkline::test
