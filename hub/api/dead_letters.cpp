#include "hub/api/dead_letters.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "hub/api/dead_letter_sources.hpp"
#include "hub/identity/audit.hpp"

namespace perkline::hub::api {
namespace {

/// Errors: not_found.
Result<const DeadLetterSource*> source_of(std::string_view id) {
  const auto sources = dead_letter_sources();
  const auto found =
      std::ranges::find_if(sources, [id](const DeadLetterSource& source) { return source.owns(id); });
  if (found == sources.end()) return fail(Errc::not_found, "no such dead letter");
  return &*found;
}

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

bool is_newer(const DeadLetter& a, const DeadLetter& b) {
  return std::tie(a.received_at, a.id) > std::tie(b.received_at, b.id);
}

}  // namespace

void write_dead_letter(json::Writer& out, const DeadLetter& letter, EventBytes bytes) {
  out.begin_object().field("id", letter.id).field("source", letter.source);
  for (const auto& [name, value] : letter.about) {
    out.key(name);
    std::visit([&out](const auto& each) { out.value(each); }, value);
  }
  out.field("type", letter.type).field("reason", letter.reason).field("state", letter.state);
  out.field("receivedAt", format_time(letter.received_at)).key("decidedAt");
  letter.decided_at ? out.value(format_time(*letter.decided_at)) : out.null();
  if (bytes == EventBytes::told) {
    out.field("event", letter.event).key("decoded").begin_object();
    for (const auto& [name, value] : letter.decoded) out.field(name, value);
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

Result<std::vector<DeadLetter>> open_dead_letters(db::Transaction& transaction,
                                                  const std::optional<DeadLetterPlace>& after,
                                                  std::int64_t limit) {
  std::vector<DeadLetter> all;
  for (const DeadLetterSource& source : dead_letter_sources()) {
    auto letters = source.open(transaction, after, limit);
    if (!letters) return letters;
    std::ranges::move(*letters, std::back_inserter(all));
  }
  std::ranges::sort(all, is_newer);
  if (static_cast<std::int64_t>(all.size()) > limit)
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(limit), all.end());
  return all;
}

Result<DeadLetter> find_dead_letter(db::Transaction& transaction, const std::string& id) {
  const auto source = source_of(id);
  if (!source) return std::unexpected(source.error());
  return (*source)->find(transaction, id);
}

Result<DeadLetter> retry_audited(db::Transaction& transaction, const std::string& id,
                                 const Decision& decision, const wheel::Terms& terms) {
  const auto source = source_of(id);
  if (!source) return std::unexpected(source.error());
  auto letter = (*source)->retry(transaction, id, decision, terms);
  if (!letter) return letter;
  auto noted = note(transaction, *letter, letter->reason, "dead_letter.retried", decision);
  if (!noted) return failure(noted);
  return letter;
}

Result<DeadLetter> discard_audited(db::Transaction& transaction, const std::string& id,
                                   const std::string& reason, const Decision& decision) {
  const auto source = source_of(id);
  if (!source) return std::unexpected(source.error());
  auto letter = (*source)->discard(transaction, id, decision.now);
  if (!letter) return letter;
  auto noted = note(transaction, *letter, reason, "dead_letter.discarded", decision);
  if (!noted) return failure(noted);
  return letter;
}

}  // namespace perkline::hub::api
