#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "edge/journal/epoch_bases.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/journal/outbox_records.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::edge::journal {

/// A stretch of one epoch's chain, from its start.
struct Chain {
  EpochBase base;
  std::uint64_t sequence = 0;
  Digest hash{};

  std::uint64_t position() const { return base.position + sequence; }
  bool is_before(const Chain& other) const {
    return base.epoch != other.base.epoch ? base.epoch < other.base.epoch : sequence < other.sequence;
  }
};

/// outbox.cpp holds what every event goes through, outbox_epochs.cpp how a store gets from one epoch to the
/// next.
struct Outbox::State {
  Journal& journal;
  StoreId store;
  /// What the next event stands on: runs ahead of what is durable by the commits under way.
  Chain assigned;
  Chain durable;
  std::uint64_t acked = 0;       ///< Of the durable chain.
  std::vector<EpochBase> bases;  ///< The last is the assigned chain's.
  std::optional<Granted> granted;
  std::string hub;  ///< Its incarnation; empty: none was ever heard.
  bool held = false;
  bool held_noted = false;  ///< In the journal.
  bool lost = false;
  std::uint64_t staged =
      0;  ///< Behind this position lies what is no part of the history yet; 0: nothing does.
  /// Assigned and not yet known to be durable, by rising position.
  struct InFlight {
    std::uint64_t position;
    std::string event;
  };
  std::deque<InFlight> in_flight;
  bool adopting = false;
  std::uint64_t first_kept = 0;  ///< A position, as far as is known: nothing is kept before it.
  std::function<void()> wake;

  Chain start_of(const EpochBase& base) const {
    return {.base = base, .sequence = 0, .hash = sync::chain_start(store, base.epoch)};
  }
  /// The event continues `chain`.
  static void append(Chain& chain, const std::string& event, Batch& batch) {
    ++chain.sequence;
    chain.hash = sync::chain_next(chain.hash, event);
    batch.put(Family::outbox, key_of(chain.position()), std::string(as_chars(chain.hash)) + event);
  }
  void renumber(Chain& chain, std::string event, Batch& batch) const {
    // What does not decode is the hub's to put aside, in the new epoch as in the old.
    if (auto moved = sync::renumbered(event, chain.base.epoch, chain.sequence + 1)) event = std::move(*moved);
    append(chain, event, batch);
  }
  void reached(const Chain& chain);
  Result<std::optional<Digest>> digest_at(std::uint64_t position) const;
  Result<std::vector<Placed>> read(std::uint64_t from, std::size_t events_max, std::size_t bytes_max) const;
  std::string last_bound() const { return staged == 0 ? std::string() : key_of(staged + 1); }

  /// From where on the hub is not known to have the history.
  struct Unknown {
    std::uint64_t position = 0;
    std::optional<bool> history_lost = false;
    std::optional<sync::HistoryLost> lost = {};
  };
  Result<Unknown> unknown_to_hub(std::uint64_t epoch) const;
  Result<std::optional<std::uint64_t>> after_applied(const sync::Applied& applied) const;
  Result<std::optional<sync::HistoryLost>> pruned_behind(const sync::Applied& applied) const;
  Result<bool> is_any_pruned() const;
  Task<Result<void>> clear_staged();
  Task<Result<std::uint64_t>> stage(Chain& next, std::uint64_t from);
  Result<bool> stage_slice(Chain& next, std::uint64_t& from, Batch& batch) const;
  Task<Result<void>> erase(std::uint64_t from, std::uint64_t through, Batch also);
};

}  // namespace perkline::edge::journal
