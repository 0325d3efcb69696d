#pragma once

#include <cstdint>
#include <string>

#include "hub/ingest/dead_letters.hpp"
#include "shared/json/writer.hpp"

/// What routes and command line share about dead letters.
namespace perkline::hub::api {

/// Whether the event itself is told too, in hex: it may be large.
enum class EventBytes : std::uint8_t { left_out, told };

/// One dead letter as a JSON object, as GET /dead-letters and `dead-letters list` give it.
void write_dead_letter(json::Writer& out, const ingest::DeadLetter& letter,
                       EventBytes bytes = EventBytes::left_out);

/// Who decides, when, and the ids for what that writes, made before the transaction.
struct Decision {
  std::string actor;  ///< As identity::AuditEntry names them.
  Uuid audit_id;
  ingest::EffectIds ids;
  WallTime now;
};
Decision decision_of(std::string actor, const Clock& clock, UuidMaker& uuids);

/// As ingest's, with their row in the audit in the same transaction.
Result<ingest::DeadLetter> retry_audited(db::Transaction& transaction, const std::string& id,
                                         const Decision& decision, const points::Terms& terms);
Result<ingest::DeadLetter> discard_audited(db::Transaction& transaction, const std::string& id,
                                           const std::string& reason, const Decision& decision);

}  // namespace perkline::hub::api
