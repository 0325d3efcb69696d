#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/assert.hpp"
#include "shared/core/result.hpp"
#include "shared/net/task.hpp"

namespace perkline::edge::journal {

/// The journal's column families. Values name them on disk: append, never renumber.
enum class Family : std::uint8_t {
  meta = 0,        ///< Format, epoch, acked.
  sessions,        ///< Session id → session record.
  by_transaction,  ///< Transaction id → session id.
  due,             ///< (next attempt, session id) → nothing: what waits for PDI.
  outbox,          ///< Sequence, big-endian → chain hash ‖ event bytes.
  catalogue,
  members,
  prizes_leased,
  archive,  ///< Session id → archived session record.
  dead_letters,
  expiry,  ///< (expires at, session id) → nothing: what lapses unless it becomes a sale.
};
inline constexpr std::uint8_t family_count = 11;
/// The family's name on disk and in errors.
std::string_view name_of(Family family);

/// Changes that take effect together or not at all, in order. A key is never empty; a value may be.
class Batch {
 public:
  struct Change {
    Family family;
    std::string key;
    std::optional<std::string> value;  ///< nullopt: erase.
  };
  void put(Family family, std::string key, std::string value) {
    add({family, std::move(key), std::move(value)});
  }
  void erase(Family family, std::string key) { add({family, std::move(key), std::nullopt}); }
  bool empty() const { return changes_.empty(); }
  const std::vector<Change>& changes() const { return changes_; }

 private:
  /// As many as a step of a sale makes.
  static constexpr std::size_t changes_usual = 6;
  void add(Change change) {
    PERKLINE_ASSERT(!change.key.empty());
    if (changes_.empty()) changes_.reserve(changes_usual);
    changes_.push_back(std::move(change));
  }

  std::vector<Change> changes_;
};

struct Entry {
  std::string key;
  std::string value;
  bool operator==(const Entry&) const = default;
};

/// A journal to be read.
class JournalReader {
 public:
  virtual ~JournalReader() = default;

  /// Errors: corrupt, io_failed.
  virtual Result<std::optional<std::string>> get(Family family, std::string_view key) const = 0;

  /// The family's entry with the highest key below `before` (empty: of all); nullopt: it has none. Costs a
  /// seek, however much the family holds. Errors: corrupt, io_failed.
  virtual Result<std::optional<Entry>> last(Family family, std::string_view before = {}) const = 0;

  /// Calls `visit` with each key ≥ `from` in rising order until it returns false. Values live for the call
  /// only. Errors: corrupt, io_failed.
  virtual Result<void> scan(
      Family family, std::string_view from,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
};

/// The store's durable memory: ordered keys in families. All calls from the reactor's thread.
class Journal : public JournalReader {
 public:
  /// On disk (synced) when it returns. Batches take effect in the order of the calls; those that wait
  /// together are written and synced as one. A batch not yet returned may or may not survive a crash, and is
  /// not yet read by get. There is no error: a write or sync that fails ends the process, since after it the
  /// disk vouches for nothing, and what waits is bounded by the calls in progress. Room on the disk is asked
  /// for before a sale is taken on. A commit that has begun is not cancelled: what cancels the coroutine
  /// meanwhile is not felt by it. An empty batch returns at once.
  virtual Task<void> commit(Batch batch) = 0;
};

}  // namespace perkline::edge::journal
