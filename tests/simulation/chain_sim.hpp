#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "edge/uplink/uplink.hpp"
#include "hub/db/sqlite_inline.hpp"
#include "hub/ingest/ingest.hpp"
#include "tests/support/sim_link.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::simulation {

struct ChainOptions {
  std::uint64_t seed = 1;
  std::size_t sales = 100;
  std::size_t tills = 5;
  std::size_t crashes = 1;
  bool standin = true;
  double pdi_loss = 0.03;  ///< Of requests and of answers each.
  test::LineFaults line{.lost = 0.1, .doubled = 0.1, .delay_max = Millis{300}};
};

/// What came out of a run, to be held against the invariants.
struct ChainOutcome {
  bool finished = false;  ///< Every till has its receipts, and the hub everything, within a virtual day.
  std::uint64_t trace_hash = 0;                      ///< The same for the same seed.
  std::size_t acknowledged = 0;                      ///< Sales whose till was told 200.
  std::size_t changed_answers = 0;                   ///< A 200 told again with other bytes.
  std::map<std::string, std::size_t> booked_at_pdi;  ///< Transaction → times.
  std::int64_t earned_at_pdi = 0;
  std::int64_t sales_at_hub = 0;
  std::int64_t earned_at_hub = 0;
  bool ledger_sound = false;
  std::int64_t dead_letters = 0;
  std::size_t crashes = 0;
  std::string last_obstacle;  ///< What a till was told last instead of 200.
};

/// One store with its tills, the hub and PDI, all production flows, on virtual time under one seed: the line
/// to the hub loses, doubles, delays and reorders frames, PDI's loses calls, and the store's daemon crashes.
ChainOutcome run_chain(const ChainOptions& options);

}  // namespace perkline::simulation
