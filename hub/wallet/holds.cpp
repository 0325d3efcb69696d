#include "hub/wallet/holds.hpp"

#include "hub/ledger/history.hpp"
#include "hub/ledger/holds.hpp"
#include "hub/wallet/notes.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::wallet {
namespace {

std::string external_id_of(const Uuid& id) {
  return "hold:" + id.str();
}

/// The amount to take of what is held: as written, or all of it.
Result<Money> wanted_of(const Hold& held, const std::optional<std::string>& text) {
  if (!text) return held.amount;
  auto amount = parse_amount(*text, held.amount.currency);
  std::string fault = !amount              ? std::move(amount.error().detail)
                      : amount->minor == 0 ? "must be more than 0"
                                           : "";
  if (!fault.empty()) return fail(json::validation_error({{"amount", std::move(fault)}}));
  return *amount;
}

/// A hold that may still be decided.
Result<Hold> find_open(db::Transaction& transaction, const Uuid& id, WallTime now) {
  auto record = ledger::find_transfer(transaction, external_id_of(id));
  if (!record) return failure(record);
  if (!*record || (*record)->debit.code != "wallet") return fail(Errc::not_found, "no such hold");
  const ledger::TransferRecord& found = **record;
  if (found.state == "captured") return fail(Errc::session_state, "the hold was captured before");
  const WallTime end = found.expires_at.value_or(WallTime::max());
  if (found.state != "pending" || end <= now)
    return fail(Errc::session_state, "the hold was released before");
  const std::size_t colon = found.debit.unit.find(':');
  const auto currency = find_currency(std::string_view(found.debit.unit).substr(colon + 1));
  if (!currency) return fail(Errc::corrupt, "a hold is of no currency");
  const Money none{0, *currency};
  return Hold{.id = id.str(),
              .user = UserId(found.debit.owner_id),
              .amount = {found.amount, *currency},
              .state = "held",
              .captured = std::nullopt,
              .created_at = found.created_at,
              .expires_at = end,
              .balance = {.available = none, .held = none}};
}

Result<Hold> with_balance(db::Transaction& transaction, Hold hold) {
  auto balance = balance_in(transaction, hold.user, hold.amount.currency);
  if (!balance) return failure(balance);
  hold.balance = *balance;
  return hold;
}

}  // namespace

Result<Hold> hold(db::Transaction& transaction, const Cause& cause, const HoldOrder& order) {
  if (auto member = find_member(transaction, order.user); !member) return failure(member);
  const Currency currency = order.amount.currency;
  const WallTime end = cause.at + order.expires_in;
  auto done = keep_note(transaction, {.transfer = cause.id.str(), .user = order.user, .text = order.reason});
  if (!done) return failure(done);
  done = ledger::hold(transaction,
                      {.id = cause.id,
                       .external_id = external_id_of(cause.id),
                       .debit = ledger::wallet_of(order.user, currency),
                       .credit = ledger::system_account("wallet_debits", ledger::money_unit(currency)),
                       .amount = order.amount.minor,
                       .code = "hold",
                       .created_at = cause.at,
                       .expires_at = end});
  if (done) done = note_in_audit(transaction, cause, "wallet.held", order.user, order.amount);
  if (!done) return failure(done);
  const Money none{0, currency};
  return with_balance(transaction, {.id = cause.id.str(),
                                    .user = order.user,
                                    .amount = order.amount,
                                    .state = "held",
                                    .captured = std::nullopt,
                                    .created_at = cause.at,
                                    .expires_at = end,
                                    .balance = {.available = none, .held = none}});
}

Result<Hold> capture(db::Transaction& transaction, const Cause& cause, const Uuid& id,
                     const std::optional<std::string>& amount) {
  auto held = find_open(transaction, id, cause.at);
  if (!held) return held;
  auto wanted = wanted_of(*held, amount);
  if (!wanted) return failure(wanted);
  // Under an id of its own, so that whoever captures it at the same time is told that it was.
  auto taken = ledger::capture(transaction, {.hold = external_id_of(id),
                                             .amount = wanted->minor,
                                             .id = cause.id,
                                             .external_id = "capture:" + cause.id.str(),
                                             .code = "capture",
                                             .created_at = cause.at});
  if (!taken) return failure(taken);
  auto told = tell_moved(transaction, cause, cause.moved[0],
                         {.user = held->user,
                          .type = "WALLET_DEBITED",
                          .amount = *wanted,
                          .code = "capture",
                          .transfer = cause.id.str()});
  if (told) told = note_in_audit(transaction, cause, "wallet.captured", held->user, *wanted);
  if (!told) return failure(told);
  held->state = "captured";
  held->captured = *wanted;
  return with_balance(transaction, std::move(*held));
}

Result<Hold> release(db::Transaction& transaction, const Cause& cause, const Uuid& id) {
  auto held = find_open(transaction, id, cause.at);
  if (!held) return held;
  auto done = ledger::release_hold(transaction, external_id_of(id));
  if (done) done = note_in_audit(transaction, cause, "wallet.released", held->user, held->amount);
  if (!done) return failure(done);
  held->state = "released";
  return with_balance(transaction, std::move(*held));
}

Result<std::int64_t> release_overdue(db::Transaction& transaction, WallTime now, std::int64_t count) {
  const auto released = ledger::release_overdue(transaction, now, count);
  if (!released) return std::unexpected(released.error());
  return static_cast<std::int64_t>(released->size());
}

Task<Result<std::int64_t>> release_all_overdue(db::Database& database, WallTime now) {
  constexpr std::int64_t at_once = 256;
  std::int64_t all = 0;
  while (true) {
    const auto released = co_await db::write_for<std::int64_t>(
        database, [now](db::Transaction& transaction) { return release_overdue(transaction, now, at_once); });
    if (!released) co_return std::unexpected(released.error());
    all += *released;
    if (*released < at_once) co_return all;
  }
}

}  // namespace perkline::hub::wallet
