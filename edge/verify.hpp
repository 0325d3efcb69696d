#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "edge/journal/high_water.hpp"
#include "edge/journal/journal.hpp"
#include "shared/core/ids.hpp"

namespace perkline::edge {

/// What `perkline-edge verify` finds.
struct Verification {
  struct Fault {
    std::string family;
    std::string key;  ///< In hex where it is no text.
    std::string what;
  };
  std::map<std::string, std::uint64_t> records;  ///< Read, by family.
  std::vector<Fault> faults;                     ///< The first thousand.
  std::uint64_t fault_count = 0;
  std::uint64_t tail = 0;
  bool ok() const { return fault_count == 0; }
};

/// Reads every record of every family, decodes each and follows every reference both ways: transactions and
/// sessions, places in `due`, `expiry` and `dead_letters` and the status they stand for, the outbox's chain
/// from its first event to its last, and to `mark`; and that the hub has signed the catalogue. Memory does
/// not grow with the journal. What cannot be read is a fault too.
Verification verify(const journal::JournalReader& journal, const StoreId& store,
                    const std::optional<journal::HighWater>& mark);

/// `{ok, tail, records: {family: n}, faultCount, faults: [{family, key, fault}]}`
std::string render(const Verification& found);

}  // namespace perkline::edge
