#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/events/outbox.hpp"

/// Events that a consumer could not take.
///
///     (failed) ──▶ retrying ──▶ applied
///                   │    ▲  ╲
///                   ▼    │   (fails again: later)
///                  open ─┘  a person's retry
///                   │
///                   ▼
///               discarded
namespace perkline::hub::events {

struct DeadLetter {
  std::string id;  ///< `event.<consumer>.<position>`: never a store's, which has colons.
  std::string consumer;
  std::int64_t position = 0;
  std::string type;   ///< The event's.
  std::string state;  ///< retrying, open, applied, discarded.
  std::int64_t attempts = 0;
  std::string reason;    ///< Why the last attempt failed.
  WallTime received_at;  ///< When it failed first.
  std::optional<WallTime> decided_at;
  std::string data = {};  ///< The event's; where it is read alone.
};

/// How often, and when, an event is tried again.
inline constexpr std::int64_t attempts_max = 8;
inline constexpr seconds first_pause{1};
/// After so many failed attempts: 1 s, 2 s, 4 s, … 64 s. Pure.
Millis pause_after(std::int64_t attempts);

bool is_dead_letter_id(std::string_view id);

/// Sets the event aside for another attempt, after its first one has failed. Errors: the database's.
Result<void> set_aside(db::Transaction& transaction, std::string_view consumer, const PositionedEvent& event,
                       const Error& why, WallTime now);

/// Whose letters are due again, or put off further than any is, as by a clock that was wrong.
Result<std::vector<std::string>> consumers_with_due(db::Transaction& transaction, WallTime now);

/// One that is due again; nullopt: none.
struct Due {
  std::string id;
  std::int64_t attempts = 0;
  std::optional<PositionedEvent> event;  ///< nullopt: it is not kept any more.
};
Result<std::optional<Due>> next_due(db::Transaction& transaction, std::string_view consumer, WallTime now);

/// Notes that the attempt after `due` succeeded, in its transaction; false: another replica was first.
Result<bool> note_applied(db::Transaction& transaction, const Due& due, WallTime now);
/// Notes that it failed: it is tried again later, or buried. True: it is buried now.
Result<bool> note_failed(db::Transaction& transaction, const Due& due, const Error& why, WallTime now);

/// Where a list goes on.
struct DeadLetterPlace {
  std::int64_t received_at = 0;  ///< In ms since 1970.
  std::string id;
};
/// Those that await a person, the newest first, from behind `after` on.
Result<std::vector<DeadLetter>> open_dead_letters(db::Transaction& transaction,
                                                  const std::optional<DeadLetterPlace>& after,
                                                  std::int64_t limit);
/// How many of them each consumer has that has any.
using OpenLetters = std::map<std::string, std::int64_t>;
Result<OpenLetters> count_open_dead_letters(db::Transaction& transaction);

/// With its event's data. Errors: not_found, the database's.
Result<DeadLetter> find_dead_letter(db::Transaction& transaction, const std::string& id);
/// Hands it to the dispatcher for one attempt, at once. Errors: not_found, session_state (it is not open).
Result<DeadLetter> retry_dead_letter(db::Transaction& transaction, const std::string& id, WallTime now);
/// Gives it up. Errors: not_found, session_state (it is neither open nor tried again).
Result<DeadLetter> discard_dead_letter(db::Transaction& transaction, const std::string& id, WallTime now);

/// Drops up to `limit` that were decided before `before`. Gives how many.
Result<std::int64_t> purge_dead_letters(db::Transaction& transaction, WallTime before, std::int64_t limit);

}  // namespace perkline::hub::events
