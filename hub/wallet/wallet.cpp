#include "hub/wallet/wallet.hpp"

#include <algorithm>
#include <map>

#include "hub/events/event_log.hpp"
#include "hub/ledger/history.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/wallet/notes.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::wallet {
namespace {

constexpr std::string_view owner_kind = "user";
constexpr std::string_view wallet_code = "wallet";

/// The currency of a unit that money_unit() made; nullopt: it is of something else.
std::optional<Currency> currency_of(std::string_view unit) {
  const std::size_t colon = unit.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto currency = find_currency(unit.substr(colon + 1));
  return currency && ledger::money_unit(*currency) == unit ? currency : std::nullopt;
}

bool is_wallet(const ledger::Account& account) {
  return account.code == wallet_code && currency_of(account.unit).has_value();
}

Result<std::vector<Currency>> currencies_of(db::Transaction& transaction, const UserId& user) {
  auto rows = transaction.query("SELECT currency FROM wallet WHERE user_id = $1", {user.str()});
  if (!rows) return failure(rows);
  std::vector<Currency> currencies;
  for (const db::Row& row : *rows) {
    const auto currency = find_currency(row.text(0));
    if (!currency) return fail(Errc::corrupt, "a wallet has a currency that is none");
    currencies.push_back(*currency);
  }
  return currencies;
}

Balance balance_at(const ledger::Standing& standing, Currency currency) {
  return {.available = {standing.balance - standing.held, currency}, .held = {standing.held, currency}};
}

/// Money in, out of a system account.
Result<Booked> put(db::Transaction& transaction, const Cause& cause, const Gift& gift) {
  const Currency currency = gift.amount.currency;
  auto done = open_wallet(transaction, cause, cause.opened[0], gift.user, currency);
  if (!done) return failure(done);
  const ledger::Account wallet = ledger::wallet_of(gift.user, currency);
  auto standing = ledger::post_for(transaction,
                                   {.id = cause.id,
                                    .external_id = gift.external_id,
                                    .debit = ledger::system_account(gift.from, ledger::money_unit(currency)),
                                    .credit = wallet,
                                    .amount = gift.amount.minor,
                                    .code = gift.code,
                                    .created_at = cause.at,
                                    .meta = gift.meta},
                                   wallet);
  if (!standing) return failure(standing);
  done = tell_moved(transaction, cause, cause.moved[0],
                    {.user = gift.user,
                     .type = "WALLET_CREDITED",
                     .amount = gift.amount,
                     .code = gift.code,
                     .transfer = cause.id.str()});
  if (!done) return failure(done);
  return Booked{.id = cause.id.str(),
                .user = gift.user,
                .amount = gift.amount,
                .balance = balance_at(*standing, currency),
                .at = cause.at};
}

/// What staff takes.
Result<Booked> take(db::Transaction& transaction, const Cause& cause, const Adjustment& adjustment) {
  const Currency currency = adjustment.amount.currency;
  const ledger::Account wallet = ledger::wallet_of(adjustment.user, currency);
  auto standing =
      ledger::post_for(transaction,
                       {.id = cause.id,
                        .external_id = "debit:" + cause.id.str(),
                        .debit = wallet,
                        .credit = ledger::system_account("wallet_debits", ledger::money_unit(currency)),
                        .amount = adjustment.amount.minor,
                        .code = "debit",
                        .created_at = cause.at},
                       wallet);
  if (!standing) return failure(standing);
  auto done = tell_moved(transaction, cause, cause.moved[0],
                         {.user = adjustment.user,
                          .type = "WALLET_DEBITED",
                          .amount = adjustment.amount,
                          .code = "debit",
                          .transfer = cause.id.str()});
  if (!done) return failure(done);
  return Booked{.id = cause.id.str(),
                .user = adjustment.user,
                .amount = adjustment.amount,
                .balance = balance_at(*standing, currency),
                .at = cause.at};
}

enum class Direction : std::uint8_t { in, out };

Result<Booked> adjust(db::Transaction& transaction, const Cause& cause, const Adjustment& adjustment,
                      Direction direction) {
  const bool in = direction == Direction::in;
  if (auto member = find_member(transaction, adjustment.user); !member) return failure(member);
  const std::string code = in ? "credit" : "debit";
  // The user before the accounts, as wherever both are held.
  auto done = keep_note(transaction,
                        {.transfer = cause.id.str(), .user = adjustment.user, .text = adjustment.reason});
  if (!done) return failure(done);
  auto booked = in ? put(transaction, cause,
                         {.user = adjustment.user,
                          .amount = adjustment.amount,
                          .from = "wallet_credits",
                          .external_id = code + ':' + cause.id.str(),
                          .code = code})
                   : take(transaction, cause, adjustment);
  if (!booked) return booked;
  done = note_in_audit(transaction, cause, in ? "wallet.credited" : "wallet.debited", adjustment.user,
                       adjustment.amount);
  if (!done) return failure(done);
  return booked;
}

}  // namespace

std::optional<Currency> currency_in(const ledger::TransferRecord& transfer) {
  return currency_of(transfer.credit.unit);
}

void write_balance(json::Writer& out, const Balance& balance) {
  out.begin_object().field("currency", balance.available.currency.code());
  out.field("available", format_amount(balance.available)).field("held", format_amount(balance.held));
  out.end_object();
}

Result<void> open_wallet(db::Transaction& transaction, const Cause& cause, const Uuid& event,
                         const UserId& user, Currency currency) {
  auto made = transaction.execute(
      "INSERT INTO wallet (user_id, currency, created_at) VALUES ($1, $2, $3)"
      " ON CONFLICT (user_id, currency) DO NOTHING",
      {user.str(), std::string(currency.code()), cause.at.time_since_epoch().count()});
  if (!made) return failure(made);
  if (*made == 0) return {};
  json::Writer data;
  data.begin_object().field("userId", user.str()).field("currency", currency.code()).end_object();
  return events::append(transaction, {.id = event,
                                      .type = "WALLET_CREATED",
                                      .occurred_at = cause.at,
                                      .traceparent = cause.traceparent,
                                      .data = data.take()});
}

Result<std::vector<Balance>> balances_of(db::Transaction& transaction, const UserId& user,
                                         Currency programme) {
  auto currencies = currencies_of(transaction, user);
  if (!currencies) return failure(currencies);
  currencies->push_back(programme);
  auto holdings = ledger::holdings_of(transaction, std::string(owner_kind), user.str());
  if (!holdings) return failure(holdings);

  std::map<std::string, Balance, std::less<>> balances;
  for (const Currency currency : *currencies) {
    balances.emplace(currency.code(), Balance{.available = {0, currency}, .held = {0, currency}});
  }
  for (const ledger::Holding& holding : *holdings) {
    if (!is_wallet(holding.account)) continue;
    // What is on its way to somebody makes an account, and a wallet only when it comes.
    const bool is_empty = holding.balance == 0 && holding.held == 0;
    if (is_empty && !balances.contains(currency_of(holding.account.unit)->code())) continue;
    const Currency currency = *currency_of(holding.account.unit);
    balances.insert_or_assign(
        std::string(currency.code()),
        Balance{.available = {holding.balance - holding.held, currency}, .held = {holding.held, currency}});
  }
  std::vector<Balance> all;
  all.reserve(balances.size());
  for (auto& [code, balance] : balances) all.push_back(balance);
  return all;
}

Result<Balance> balance_in(db::Transaction& transaction, const UserId& user, Currency currency) {
  auto holdings = ledger::holdings_of(transaction, std::string(owner_kind), user.str());
  if (!holdings) return failure(holdings);
  const auto found =
      std::ranges::find(*holdings, ledger::wallet_of(user, currency), &ledger::Holding::account);
  if (found == holdings->end()) return Balance{.available = {0, currency}, .held = {0, currency}};
  return Balance{.available = {found->balance - found->held, currency}, .held = {found->held, currency}};
}

Result<std::int64_t> room_in(db::Transaction& transaction, const UserId& user, Currency currency) {
  const auto balance = balance_in(transaction, user, currency);
  if (!balance) return std::unexpected(balance.error());
  return ledger::money_balance_max - balance->available.minor - balance->held.minor;
}

Result<identity::User> find_member(db::Transaction& transaction, const UserId& id) {
  auto user = identity::find_user(transaction, id);
  if (!user) return failure(user);
  if (!*user || (*user)->role != identity::Role::member) return fail(Errc::not_found, "no such member");
  return std::move(**user);
}

Result<identity::User> find_payee(db::Transaction& transaction, const std::string& to) {
  std::optional<identity::User> payee;
  if (parse_uuid(to)) {
    auto user = identity::find_user(transaction, UserId(to));
    if (!user) return failure(user);
    payee = std::move(*user);
  } else {
    auto known = identity::find_credentials(transaction, to);
    if (!known) return failure(known);
    if (*known) payee = std::move((*known)->user);
  }
  if (!payee || payee->role != identity::Role::member || !payee->active)
    return fail(Errc::not_found, "no such member");
  return std::move(*payee);
}

Result<Booked> transfer(db::Transaction& transaction, const Cause& cause, const Transfer& wanted) {
  auto payee = find_payee(transaction, wanted.to);
  if (!payee) return failure(payee);
  if (payee->id == wanted.from)
    return fail(json::validation_error({{"to", "must be another member than yourself"}}));

  const Currency currency = wanted.amount.currency;
  auto done = keep_note(transaction, {.transfer = cause.id.str(), .user = wanted.from, .text = wanted.note});
  if (done) done = open_wallet(transaction, cause, cause.opened[0], payee->id, currency);
  if (!done) return failure(done);
  const ledger::Account wallet = ledger::wallet_of(wanted.from, currency);
  auto standing = ledger::post_for(transaction,
                                   {.id = cause.id,
                                    .external_id = "transfer:" + cause.id.str(),
                                    .debit = wallet,
                                    .credit = ledger::wallet_of(payee->id, currency),
                                    .amount = wanted.amount.minor,
                                    .code = "transfer",
                                    .created_at = cause.at},
                                   wallet);
  if (!standing) return failure(standing);
  Movement movement{.user = wanted.from,
                    .type = "WALLET_DEBITED",
                    .amount = wanted.amount,
                    .code = "transfer",
                    .transfer = cause.id.str()};
  done = tell_moved(transaction, cause, cause.moved[0], movement);
  movement.user = payee->id;
  movement.type = "WALLET_CREDITED";
  if (done) done = tell_moved(transaction, cause, cause.moved[1], movement);
  if (!done) return failure(done);
  return Booked{.id = cause.id.str(),
                .user = wanted.from,
                .amount = wanted.amount,
                .balance = balance_at(*standing, currency),
                .at = cause.at,
                .payee = payee->id};
}

Result<Booked> credit(db::Transaction& transaction, const Cause& cause, const Adjustment& adjustment) {
  return adjust(transaction, cause, adjustment, Direction::in);
}

Result<Booked> debit(db::Transaction& transaction, const Cause& cause, const Adjustment& adjustment) {
  return adjust(transaction, cause, adjustment, Direction::out);
}

Result<Booked> give(db::Transaction& transaction, const Cause& cause, const Gift& gift) {
  return put(transaction, cause, gift);
}

Result<std::vector<Entry>> entries_of(db::Transaction& transaction, const UserId& user, std::int64_t count,
                                      std::int64_t before) {
  auto holdings = ledger::holdings_of(transaction, std::string(owner_kind), user.str());
  if (!holdings) return failure(holdings);
  std::vector<ledger::Account> accounts;
  for (ledger::Holding& holding : *holdings) {
    if (is_wallet(holding.account)) accounts.push_back(std::move(holding.account));
  }
  auto lines = ledger::entries_of(transaction, accounts, count, before);
  if (!lines) return failure(lines);
  std::vector<std::string> transfers;
  for (const ledger::Entry& line : *lines) transfers.push_back(line.transfer_id);
  auto notes = notes_of(transaction, transfers);
  if (!notes) return failure(notes);

  std::vector<Entry> entries;
  for (ledger::Entry& line : *lines) {
    const Currency currency = *currency_of(line.unit);
    const auto note = notes->find(line.transfer_id);
    entries.push_back(
        {.id = line.id,
         .delta = {line.delta, currency},
         .balance_after = {line.balance_after.value_or(0), currency},
         .code = std::move(line.code),
         .transaction_id = std::move(line.transfer_id),
         .external_id = std::move(line.external_id),
         .counterparty = line.other_kind == owner_kind ? std::optional(UserId(line.other_id)) : std::nullopt,
         .note = note == notes->end() ? std::nullopt : std::optional(note->second),
         .created_at = line.created_at});
  }
  return entries;
}

void write_entry(json::Writer& out, const Entry& entry) {
  out.begin_object().field("id", std::to_string(entry.id));
  out.field("currency", entry.delta.currency.code()).field("delta", format_amount(entry.delta));
  out.field("balanceAfter", format_amount(entry.balance_after)).field("reason", entry.code);
  out.field("transactionId", entry.transaction_id).field("externalId", entry.external_id).key("counterparty");
  entry.counterparty ? out.value(entry.counterparty->str()) : out.null();
  out.key("note");
  entry.note ? out.value(*entry.note) : out.null();
  out.field("createdAt", format_time(entry.created_at)).end_object();
}

}  // namespace perkline::hub::wallet
