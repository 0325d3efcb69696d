#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/journal/journal.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/ids.hpp"
#include "shared/sync/event.hpp"
#include "shared/sync/frame.hpp"

namespace perkline::edge::journal {

/// An event before it has its place in the store's history.
struct NewEvent {
  Uuid id;
  WallTime time;
  std::string traceparent;
  sync::EventPayload payload;
};

/// A new epoch, as the hub has told of it.
struct Granted {
  std::uint64_t epoch = 0;
  std::optional<sync::Applied> applied = {};  ///< What the hub has of the history before; nullopt: not told.
  bool operator==(const Granted&) const = default;
};

/// What became of an adoption.
struct Adopted {
  std::uint64_t events = 0;  ///< How many were numbered anew.
  /// Whether some that the hub lacks are no longer kept; nullopt: some are not, and the hub has not told
  /// whether it has them.
  std::optional<bool> history_lost = false;
  std::optional<sync::HistoryLost> lost = {};  ///< What the hub is to be told of it.
};

/// The store's history as the hub is to learn it: events in sequence, chained by hash (sync.md). Lives in the
/// journal, family outbox: key = position, value = chain hash ‖ event bytes as they go out. A position is the
/// sequence, moved behind all positions of the epochs before: what those were acknowledged for is kept too,
/// as a hub that is restored may ask for it. Reactor's thread.
class Outbox {
 public:
  /// Reads epoch, tail and chain from the journal; an empty one starts epoch 1. `journal` must outlive the
  /// outbox. Reads and verifies the last few hundred events, however many there are. Errors: corrupt (also
  /// a gap, and a history that is another store's), io_failed.
  static Result<std::unique_ptr<Outbox>> open(Journal& journal, StoreId store);

  /// Commits `batch` together with `events`, which get the next sequences in the order of the calls: the only
  /// way an event gets into the history. Durable when it returns.
  Task<void> commit(Batch batch, std::vector<NewEvent> events);

  std::uint64_t epoch() const;
  /// The last sequence that is durable, and the chain there.
  std::uint64_t tail() const;
  Digest tail_hash() const;
  /// The chain at `sequence` (0: its start). nullopt when it is beyond the tail or no longer kept; that of
  /// the event before the oldest kept is known still.
  Result<std::optional<Digest>> hash_at(std::uint64_t sequence) const;

  struct Record {
    std::uint64_t sequence;
    Digest hash;
    std::string event;
  };
  /// Durable records from `from` on (from the first one kept, if that is later), without gaps; at most so
  /// many and so many bytes of events, but the first one always. Errors: corrupt, io_failed.
  Result<std::vector<Record>> read(std::uint64_t from, std::size_t events_max, std::size_t bytes_max) const;

  /// What the hub has acknowledged: kept in the journal for pruning and for lag. By acknowledgements it moves
  /// forward only; a lower `sequence` than that changes nothing, and it is never beyond the tail.
  std::uint64_t acked() const;
  Task<void> set_acked(std::uint64_t sequence);
  /// The hub has told that it has no more than that of the present epoch, whatever it acknowledged once: one
  /// restored from a backup has forgotten the rest. A higher `sequence` changes nothing.
  Task<void> lower_acked(std::uint64_t sequence);
  /// Where the last event that the hub has acknowledged lies. Rises from epoch to epoch.
  std::uint64_t acked_position() const;

  static constexpr std::uint64_t everything = std::numeric_limits<std::uint64_t>::max();
  /// Removes what the hub has acknowledged up to that position, oldest first, slice by slice, and at most
  /// `count_max` (by whole slices). The last event stays, since the chain hangs on it; while the outbox is
  /// held everything does. How many went. Errors: corrupt, io_failed.
  Task<Result<std::uint64_t>> prune(std::uint64_t through_position, std::uint64_t count_max = everything);

  /// Held, nothing is removed: the hub does not go on with this history, so that nobody knows what it has of
  /// it. Durable when it returns, until the hub goes on.
  Task<void> hold(bool held);
  /// In force at once, durable with the next hold(true).
  void hold_now();
  bool is_held() const;

  /// The hub lacks some that are no longer kept, or may: until somebody has found out which sales those were.
  bool has_lost() const;
  Task<void> note_lost();
  Task<void> forget_lost();

  /// What the hub has granted, kept until it is adopted; nullopt: nothing newer than the present epoch.
  const std::optional<Granted>& granted() const;
  Task<void> note_granted(Granted granted);
  /// The hub goes on with the present epoch: one that was restored since has granted nothing.
  Task<void> forget_granted();

  /// The hub with that incarnation has been heard. Whether it is another one than before: it was restored
  /// from a backup.
  Task<bool> note_hub(Uuid incarnation);

  /// Errors: validation_failed (the epoch is not later than the present one, or the hub has granted another),
  /// session_state (it is being done already).
  Result<void> may_adopt(std::uint64_t epoch) const;
  /// Goes over to a later epoch: every event the hub is not known to have is numbered anew from 1 under the
  /// epoch's chain, in order; their ids stay. What the hub has is told by granted(), where that is of this
  /// very epoch. Without the hub's word, or where that does not fit this history, whatever is kept counts as
  /// unknown to it, acknowledged or not: a hub that was restored has forgotten what it acknowledged, and what
  /// comes again has no effect. Slice by slice beside the events that come meanwhile, so in bounded memory;
  /// then all at once: a crash leaves the old epoch or the new one, whole. Errors: may_adopt's, corrupt,
  /// io_failed.
  Task<Result<Adopted>> adopt(std::uint64_t epoch);

  /// Called after each commit that made events durable.
  void on_growth(std::function<void()> wake);

  ~Outbox();

 private:
  struct State;
  explicit Outbox(std::unique_ptr<State> state);
  Task<Result<Adopted>> adopt_whole(std::uint64_t epoch);
  Task<void> set_flag(bool& flag, std::string_view key, bool value);
  std::unique_ptr<State> state_;
};

}  // namespace perkline::edge::journal
