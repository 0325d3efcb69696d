#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "hub/ingest/apply.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/writer.hpp"

/// Dead letters of every source, as routes and command line share them.
namespace perkline::hub::api {

/// One of whichever source.
struct DeadLetter {
  std::string_view source;  ///< The source's name.
  std::string id;
  std::string type;
  std::string reason;  ///< Why it could not be dealt with when it was last tried.
  std::string state;   ///< retrying, open, applied, discarded.
  WallTime received_at;
  std::optional<WallTime> decided_at;
  /// What only its source tells: names as JSON has them.
  std::vector<std::pair<std::string_view, std::variant<std::int64_t, std::string>>> about = {};
  std::string event = {};  ///< What it is about, as it came: hex or JSON. Only where it is read alone.
  std::vector<std::pair<std::string, std::string>> decoded = {};  ///< Of `event`, for people.
};

/// Whether what it is about is told too: it may be large.
enum class EventBytes : std::uint8_t { left_out, told };

/// One dead letter as a JSON object, as GET /dead-letters and `dead-letters list` give it.
void write_dead_letter(json::Writer& out, const DeadLetter& letter, EventBytes bytes = EventBytes::left_out);

/// Who decides, when, and the ids for what that writes, made before the transaction.
struct Decision {
  std::string actor;  ///< As identity::AuditEntry names them.
  Uuid audit_id;
  ingest::EffectIds ids;
  WallTime now;
};
Decision decision_of(std::string actor, const Clock& clock, UuidMaker& uuids);

/// Where in the list of the open ones a page begins: behind this one.
struct DeadLetterPlace {
  std::int64_t received_at = 0;  ///< In ms since 1970.
  std::string id;
};

/// The open ones of every source, newest first. Errors: the database's.
Result<std::vector<DeadLetter>> open_dead_letters(db::Transaction& transaction,
                                                  const std::optional<DeadLetterPlace>& after,
                                                  std::int64_t limit);
/// With what it is about. Errors: not_found, the database's.
Result<DeadLetter> find_dead_letter(db::Transaction& transaction, const std::string& id);

/// Tries it again, at once or by the hub that serves (`retrying`), with a row in the audit in the same
/// transaction. Errors: not_found, session_state (it is decided), the database's.
Result<DeadLetter> retry_audited(db::Transaction& transaction, const std::string& id,
                                 const Decision& decision, const wheel::Terms& terms);
/// Gives it up; audited too. Errors: as above.
Result<DeadLetter> discard_audited(db::Transaction& transaction, const std::string& id,
                                   const std::string& reason, const Decision& decision);

}  // namespace perkline::hub::api
