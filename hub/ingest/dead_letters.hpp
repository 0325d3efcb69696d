#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/ingest/apply.hpp"
#include "shared/net/task.hpp"

/// Events that could not be applied, until a person decides about them. Their store's cursor is past them.
namespace perkline::hub::ingest {

/// An event, and why it cannot be applied.
struct BuriedEvent {
  Place place;
  std::string type;
  std::string reason;
  std::string_view bytes;  ///< As journalled.
  Millis clock_off = {};   ///< As without_erased() has it.
};
/// One that is buried again in its place is open again, as it came now. An event of the store's that has a
/// letter from an earlier epoch has come again under a new number: that letter stands for it, with today's
/// reason where it is open still, and with the decision where there is one. Nothing is kept any more for a
/// spin whose draw is buried but what it won. Errors: the database's.
Result<void> bury(db::Transaction& transaction, const BuriedEvent& event, WallTime now);

struct DeadLetter {
  std::string id;  ///< `store:epoch:sequence`
  Place place;
  std::string type;
  std::string reason;  ///< Why it could not be applied when it was last tried.
  std::string bytes;
  std::string state;  ///< open, applied, discarded
  WallTime received_at;
  std::optional<WallTime> decided_at;
};

/// Errors: not_found.
Result<DeadLetter> find_dead_letter(db::Transaction& transaction, const std::string& id);

/// Where in the list of the open ones a page begins: behind this one.
struct DeadLetterPlace {
  std::int64_t received_at = 0;
  std::string id;
};
/// The open ones, newest first. Errors: the database's.
Result<std::vector<DeadLetter>> open_dead_letters(db::Transaction& transaction,
                                                  const std::optional<DeadLetterPlace>& after,
                                                  std::int64_t limit);

/// How many are open, of each store that has any. Errors: the database's.
using OpenLetters = std::map<StoreId, std::int64_t>;
Result<OpenLetters> count_open_dead_letters(db::Transaction& transaction);

/// Tries the event again: applied, or open still with the reason of this time. Errors: not_found,
/// session_state (it is decided), the database's.
Result<DeadLetter> retry_dead_letter(db::Transaction& transaction, const std::string& id,
                                     const EffectIds& ids, WallTime now, const wheel::Terms& terms);
/// It will never be applied; it stays to be read. The unit of a prize that a draw has given away counts as
/// awarded (wheel::award_discarded): a till that has told of a prize has handed it over. Errors: not_found,
/// session_state (it is decided).
Result<DeadLetter> discard_dead_letter(db::Transaction& transaction, const std::string& id, WallTime now);

/// Tries those again, in their stores' order, whose type was unknown to the version that buried them and is
/// not to this one. How many were applied. Errors: the database's.
Task<Result<std::int64_t>> retry_upgraded(db::Database& database, const Clock& clock, UuidMaker& uuids,
                                          wheel::Terms terms);

}  // namespace perkline::hub::ingest
