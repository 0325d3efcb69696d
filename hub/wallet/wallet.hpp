#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/user.hpp"
#include "hub/ledger/account.hpp"
#include "hub/ledger/history.hpp"
#include "hub/wallet/cause.hpp"
#include "shared/core/money.hpp"
#include "shared/json/writer.hpp"

/// Members' money, by currency. All of it happens in the caller's transaction.
namespace perkline::hub::wallet {

struct Balance {
  Money available;
  Money held;
};
/// `{currency, available, held}`, appended to `out`.
void write_balance(json::Writer& out, const Balance& balance);

/// Makes the wallet of a member who registers, with WALLET_CREATED; one that is there stays as it is.
/// `event`: the id of that. Errors: the database's.
Result<void> open_wallet(db::Transaction& transaction, const Cause& cause, const Uuid& event,
                         const UserId& user, Currency currency);

/// All wallets of a member, by currency; the programme's is always among them. Errors: corrupt, the
/// database's.
Result<std::vector<Balance>> balances_of(db::Transaction& transaction, const UserId& user,
                                         Currency programme);
/// Errors: the database's.
Result<Balance> balance_in(db::Transaction& transaction, const UserId& user, Currency currency);
/// What the wallet still takes, in minor units: up to ledger::money_balance_max, held money counted in.
/// Whatever brings more is refused with balance_limit. Errors: corrupt, the database's.
Result<std::int64_t> room_in(db::Transaction& transaction, const UserId& user, Currency currency);

/// A member that is not erased, active or not. Errors: not_found, the database's.
Result<identity::User> find_member(db::Transaction& transaction, const UserId& id);

/// The active member that `to` names: a user's id, an e-mail address or a mobile number. Errors: not_found,
/// the database's.
Result<identity::User> find_payee(db::Transaction& transaction, const std::string& to);

/// What was booked, and what whoever pays, or is paid by staff, has then.
struct Booked {
  std::string id;
  UserId user;
  Money amount;
  Balance balance;
  WallTime at;
  std::optional<UserId> payee = {};  ///< Of a transfer.
};

struct Transfer {
  UserId from;
  std::string to;  ///< A user's id, an e-mail address or a mobile number.
  Money amount;    ///< > 0
  std::string note;
};
/// From one member to another. Errors: not_found (nobody active is called so), validation_failed (to
/// themselves), insufficient_funds, balance_limit (the wallet is full), the database's.
Result<Booked> transfer(db::Transaction& transaction, const Cause& cause, const Transfer& transfer);

/// What the transfer moved, if it was money.
std::optional<Currency> currency_in(const ledger::TransferRecord& transfer);

/// What staff gives or takes.
struct Adjustment {
  UserId user;
  Money amount;  ///< > 0
  std::string reason;
};
/// Errors: not_found, the database's; of credit also balance_limit, of debit insufficient_funds.
Result<Booked> credit(db::Transaction& transaction, const Cause& cause, const Adjustment& adjustment);
Result<Booked> debit(db::Transaction& transaction, const Cause& cause, const Adjustment& adjustment);

/// What the hub itself gives a member.
struct Gift {
  UserId user;
  Money amount;             ///< > 0
  std::string from;         ///< Out of which system account of the currency: promotions, payments …
  std::string external_id;  ///< Of the transfer: unique for ever.
  std::string code;         ///< Why.
  std::string meta = "{}";  ///< A JSON object, of the transfer.
};
/// With WALLET_CREDITED; the wallet is made where there is none. Errors: already_exists (the external id),
/// balance_limit, the database's.
Result<Booked> give(db::Transaction& transaction, const Cause& cause, const Gift& gift);

/// A line of a member's history.
struct Entry {
  std::int64_t id = 0;  ///< Rises with time.
  Money delta;
  Money balance_after;
  std::string code;            ///< Why: transfer, credit, debit, capture, promotion, payment …
  std::string transaction_id;  ///< As whoever moved it was told: a claim's, a transfer's, a billing record's.
  std::string external_id;
  std::optional<UserId> counterparty;  ///< The other member of a transfer.
  std::optional<std::string> note;
  WallTime created_at;
};
/// The `count` newest of those with an id below `before`, newest first. Errors: corrupt, the database's.
Result<std::vector<Entry>> entries_of(db::Transaction& transaction, const UserId& user, std::int64_t count,
                                      std::int64_t before = std::numeric_limits<std::int64_t>::max());
void write_entry(json::Writer& out, const Entry& entry);

}  // namespace perkline::hub::wallet
