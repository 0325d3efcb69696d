#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "tests/fault/rig/tills.hpp"

namespace perkline::test {

/// What became of the sales that tills hold receipts of.
struct Verdict {
  std::size_t sales = 0;     ///< Acknowledged.
  std::size_t pending = 0;   ///< Of these, told 202 first.
  std::size_t voided = 0;    ///< Likewise.
  std::size_t returned = 0;  ///< Likewise.
  std::size_t replays = 0;   ///< Calls made again at the end, each answered with the bytes of before.
  std::size_t decided = 0;  ///< Sales a person had to look at: PDI's word contradicted itself, or never came.
  std::size_t lost = 0;     ///< Acknowledged, and missing at PDI or at the hub.
  std::size_t doubled = 0;  ///< More than once at one of them.
  std::vector<std::string> faults;  ///< These and all else that is not as it must be, a line each.

  bool ok() const { return faults.empty(); }
  std::string to_text() const;
};

/// From outside the processes: lets the chain settle what is open (PDI and the hub must be well by now;
/// within an hour, and never `patience` long without progress), has a person retry what is in review, makes
/// all the tills' calls again, and holds their receipts against PDI's ledger and the hub's database.
Verdict judge(bench::Fleet& fleet, Tills::Taken taken,
              std::chrono::seconds patience = std::chrono::seconds(120));

}  // namespace perkline::test
