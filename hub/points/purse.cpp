#include "hub/points/purse.hpp"

#include <cstdlib>

#include "hub/events/event_log.hpp"
#include "hub/points/notes.hpp"
#include "hub/points/tiers.hpp"
#include "shared/core/assert.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::points {
namespace {

constexpr std::uint64_t applied_event = 1;
constexpr const char* apply_code = "apply";

ledger::Transfer transfer_of(const Cause& cause, const Movement& movement) {
  return {.id = cause.id,
          .external_id = movement.external_id,
          .debit = movement.other,
          .credit = ledger::points_of(movement.user),
          .amount = movement.amount,
          .code = movement.code,
          .created_at = cause.at,
          .meta = movement.meta};
}

Result<ledger::Entry> entry_of(db::Transaction& transaction, const UserId& user,
                               const std::string& external_id) {
  auto entry = ledger::entry_of(transaction, ledger::points_of(user), external_id);
  if (!entry) return failure(entry);
  PERKLINE_ASSERT(entry->has_value());
  return std::move(**entry);
}

Result<void> tell_applied(db::Transaction& transaction, const Cause& cause, const Application& application,
                          const ledger::Entry& entry) {
  json::Writer data;
  data.begin_object().field("userId", application.user.str()).field("delta", entry.delta);
  // What staff wrote is the member's data, and an event is for ever whoever's was told of it.
  data.field("balance", *entry.balance_after).field("reason", apply_code);
  data.field("externalId", entry.external_id).end_object();
  return events::append(transaction, {.id = derived_id(cause.id, applied_event),
                                      .type = "POINTS_APPLIED",
                                      .occurred_at = cause.at,
                                      .traceparent = cause.traceparent,
                                      .data = data.take()});
}

/// The reason is of the content too.
Result<void> must_be_the_same(db::Transaction& transaction, const ledger::Entry& known,
                              const Application& application) {
  const auto notes = notes_of(transaction, {&known, 1});
  if (!notes) return std::unexpected(notes.error());
  if (reason_of(known, *notes) == application.reason) return {};
  return fail(Errc::transaction_reused, "the externalId was used for another application");
}

}  // namespace

ledger::Account programme_account(std::string code) {
  return ledger::system_account(std::move(code), std::string(ledger::programme_unit));
}

Result<bool> give(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                  const Movement& movement) {
  ledger::Transfer transfer = transfer_of(cause, movement);
  transfer.expires_at = cause.at + terms.expiry;
  const auto fresh = ledger::post_once(transaction, transfer);
  if (!fresh || !*fresh) return fresh;
  auto noted = note_earned(transaction, terms, cause, {{movement.user, movement.amount}});
  if (!noted) return failure(noted);
  return true;
}

Result<bool> spend(db::Transaction& transaction, const Cause& cause, const Movement& movement) {
  ledger::Transfer transfer = transfer_of(cause, movement);
  std::swap(transfer.debit, transfer.credit);
  return ledger::post_once(transaction, transfer);
}

Result<Applied> apply(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                      const Application& application) {
  const Movement movement{.user = application.user,
                          .amount = std::abs(application.delta),
                          .other = programme_account("applied"),
                          .external_id = "apply:" + application.external_id,
                          .code = apply_code};
  const auto fresh =
      application.delta > 0 ? give(transaction, terms, cause, movement) : spend(transaction, cause, movement);
  if (!fresh && fresh.error().code == Errc::already_exists)
    return fail(Errc::transaction_reused, "the externalId was used for another application");
  if (!fresh) return std::unexpected(fresh.error());
  auto entry = entry_of(transaction, application.user, movement.external_id);
  if (!entry) return failure(entry);
  if (!*fresh) {
    if (auto same = must_be_the_same(transaction, *entry, application); !same) return failure(same);
    return Applied{.entry = std::move(*entry), .is_new = false};
  }
  auto done = keep_note(transaction, movement.external_id, application.user, application.reason);
  if (done) done = tell_applied(transaction, cause, application, *entry);
  if (!done) return failure(done);
  return Applied{.entry = std::move(*entry)};
}

Result<ledger::Entry> purchase(db::Transaction& transaction, const Cause& cause, const Purchase& bought) {
  json::Writer meta;
  meta.begin_object().field("item", bought.item).end_object();
  const Movement movement{.user = bought.user,
                          .amount = bought.amount,
                          .other = programme_account("purchases"),
                          .external_id = "purchase:" + cause.id.str(),
                          .code = "purchase",
                          .meta = meta.take()};
  if (const auto spent = spend(transaction, cause, movement); !spent) return std::unexpected(spent.error());
  return entry_of(transaction, bought.user, movement.external_id);
}

}  // namespace perkline::hub::points
