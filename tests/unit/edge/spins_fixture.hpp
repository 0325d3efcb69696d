#pragma once

#include <map>
#include <set>

#include "edge/journal/restored.hpp"
#include "edge/session/erased.hpp"
#include "tests/unit/edge/programme_subject.hpp"

namespace perkline::edge::programme {

/// A store with two prizes, the next days' seeds, and what a test leases to it.
class SpinsTest : public ProgrammeTest {
 protected:
  void SetUp() override {
    ProgrammeTest::SetUp();
    catalogue.prize("prize-a");
    catalogue.prize("prize-b", {.tickets = 30'000, .type = "none"});
    seeds();
    offer();
  }
  void only_stocked(int units) {
    catalogue.gone(sync::ItemKind::prize, "prize-a");
    catalogue.gone(sync::ItemKind::prize, "prize-b");
    catalogue.prize("prize-s", {.stocked = true});
    lease("lease-1", "prize-s", units);
  }
  /// What the event says is what the seed makes of it.
  void expect_proven(const sync::SpinDrawn& event, std::chrono::sys_days day) {
    loyalty::PrizeTable table;
    for (const auto& slot : event.slots) table.slots.push_back({slot.prize, slot.tickets});
    const auto verified = loyalty::verify(
        Catalogue::secret_of(day),
        {.draw = {.member = loyalty::till_member(Catalogue::member_key_of(day), event.customer),
                  .client_seed = event.client_seed,
                  .nonce = event.nonce},
         .table = table,
         .version = loyalty::version_of(table),
         .commitment = event.commitment,
         .prize = event.prize});
    EXPECT_TRUE(verified) << verified.error().detail;
  }
  /// No unit of a lease is ever given twice, and none that there is not.
  void expect_units_once(const std::map<std::string, int>& units) {
    std::set<std::pair<std::string, std::uint32_t>> seen;
    for (const sync::SpinDrawn& event : drawn()) {
      if (event.lease.empty()) continue;
      EXPECT_TRUE(seen.insert({event.lease, event.ordinal}).second) << event.lease << " " << event.ordinal;
      EXPECT_GE(event.ordinal, 1u);
      EXPECT_LE(static_cast<int>(event.ordinal), units.at(event.lease));
    }
  }
};

}  // namespace perkline::edge::programme
