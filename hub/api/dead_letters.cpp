#include "hub/api/dead_letters.hpp"

#include "hub/identity/audit.hpp"
#include "hub/ingest/event_text.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::hub::api {
namespace {

using ingest::DeadLetter;

Result<void> note(db::Transaction& transaction, const DeadLetter& letter, const std::string& reason,
                  std::string action, const Decision& decision) {
  json::Writer detail;
  detail.begin_object().field("state", letter.state).field("reason", reason).end_object();
  return identity::append_audit(transaction, {.id = decision.audit_id,
                                              .at = decision.now,
                                              .actor = decision.actor,
                                              .action = std::move(action),
                                              .subject = "dead-letter:" + letter.id,
                                              .detail = detail.take()});
}

}  // namespace

void write_dead_letter(json::Writer& out, const DeadLetter& letter, EventBytes bytes) {
  out.begin_object().field("id", letter.id).field("storeId", letter.place.store.str());
  out.field("epoch", letter.place.epoch).field("sequence", letter.place.sequence);
  out.field("type", letter.type).field("reason", letter.reason).field("state", letter.state);
  out.field("receivedAt", format_time(letter.received_at)).key("decidedAt");
  letter.decided_at ? out.value(format_time(*letter.decided_at)) : out.null();
  if (bytes == EventBytes::told) {
    out.field("event", to_hex(letter.bytes)).key("decoded").begin_object();
    for (const auto& [name, value] : ingest::fields_of_event(letter.bytes)) out.field(name, value);
    out.end_object();
  }
  out.end_object();
}

Decision decision_of(std::string actor, const Clock& clock, UuidMaker& uuids) {
  return {.actor = std::move(actor),
          .audit_id = uuids.next(),
          .ids = {uuids.next(), uuids.next()},
          .now = clock.wall_now()};
}

Result<DeadLetter> retry_audited(db::Transaction& transaction, const std::string& id,
                                 const Decision& decision, const points::Terms& terms) {
  auto letter = ingest::retry_dead_letter(transaction, id, decision.ids, decision.now, terms);
  if (!letter) return letter;
  auto noted = note(transaction, *letter, letter->reason, "dead_letter.retried", decision);
  if (!noted) return failure(noted);
  return letter;
}

Result<DeadLetter> discard_audited(db::Transaction& transaction, const std::string& id,
                                   const std::string& reason, const Decision& decision) {
  auto letter = ingest::discard_dead_letter(transaction, id, decision.now);
  if (!letter) return letter;
  auto noted = note(transaction, *letter, reason, "dead_letter.discarded", decision);
  if (!noted) return failure(noted);
  return letter;
}

}  // namespace perkline::hub::api
