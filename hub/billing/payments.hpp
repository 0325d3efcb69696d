#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/billing/provider.hpp"
#include "hub/db/database.hpp"
#include "hub/wallet/cause.hpp"
#include "shared/json/writer.hpp"

/// Members' payments, from their beginning to the provider's word.
///
///   (new) ──initiate──▶ pending ──settled──▶ completed
///                          └─────declined──▶ failed (settled too, if nobody can receive it any more)
///
/// What is paid to another member is set aside at the beginning, and taken or given free at the end. All of
/// it happens in the caller's transaction.
namespace perkline::hub::billing {

struct Payment {
  Uuid id;
  std::string reference;
  UserId user;
  std::optional<UserId> payee;  ///< nullopt: money comes into the user's own wallet.
  Money amount;                 ///< > 0
  std::string status;           ///< pending, completed, failed
  std::optional<std::string> reason;
  WallTime created_at;
  std::optional<WallTime> decided_at;
  /// Of one that has failed here though its provider has settled it: due, done, refused (refunds.hpp).
  std::optional<std::string> refund = std::nullopt;
};
/// `{id, reference, status, amount, currency, payTo, reason, createdAt, decidedAt, refund}`, appended to
/// `out`.
void write_payment(json::Writer& out, const Payment& payment);

/// Drawn before the transaction, which may run more than once.
struct Cause {
  wallet::Cause money;  ///< Its id is the payment's at the beginning, the booked transfer's at the end.
  Uuid event;
  Uuid record;
};
Cause make_cause(UuidMaker& ids, WallTime at, std::string traceparent);

struct Order {
  UserId user;
  Money amount;                       ///< > 0
  std::optional<std::string> pay_to;  ///< A user's id, an e-mail address or a mobile number.
};
/// With PAYMENT_INITIATED. Errors: not_found (nobody active is called so), validation_failed (to themselves),
/// insufficient_funds, balance_limit (with what is on its way already it would be more than the wallet
/// holds), the database's.
Result<Payment> initiate(db::Transaction& transaction, const Cause& cause, const Order& order);

/// One's own. Errors: not_found, corrupt, the database's.
Result<Payment> find(db::Transaction& transaction, const Uuid& id, const UserId& user);
/// The `limit` newest with an id below `before`, newest first; empty: from the newest. Errors: corrupt, the
/// database's.
Result<std::vector<Payment>> list(db::Transaction& transaction, const UserId& user, const std::string& before,
                                  std::int64_t limit);

/// A pending payment that somebody has to itself for a while.
struct Intent {
  Payment payment;
  std::string traceparent;
  std::int64_t asked = 0;  ///< How often its provider may have been asked before.
};
/// Whether claim() would find any. Errors: the database's.
Result<bool> is_any_due(db::Transaction& transaction, WallTime now);
/// Payments that no provider's word is known of.
struct Pending {
  std::int64_t count = 0;
  std::optional<WallTime> oldest = {};  ///< When the first of them was begun; nullopt: there is none.
  std::int64_t refunds = 0;             ///< Of failed ones, those that their provider is to give back.
};
/// Errors: the database's.
Result<Pending> count_pending(db::Transaction& transaction);
/// Up to `count` of those that are due, or said to be due further ahead than any is put off, as of a clock
/// that was wrong; the longest waiting first, due again after `lease`. Another one that claims at the same
/// moment gets others. Errors: corrupt, the database's.
Result<std::vector<Intent>> claim(db::Transaction& transaction, WallTime now, Millis lease,
                                  std::int64_t count);
/// No payment is put off for longer.
inline constexpr Millis put_off_max{30'000};
/// Has it due then. Errors: the database's.
Result<void> put_off(db::Transaction& transaction, const Uuid& id, WallTime due);

/// Why a payment fails that its provider has settled: nobody is there to receive it any more, or their wallet
/// is full.
inline constexpr std::string_view payee_gone = "PAYEE_GONE";
inline constexpr std::string_view balance_limit = "BALANCE_LIMIT";
/// Or has given back already, as this database was restored to before it failed.
inline constexpr std::string_view refunded = "REFUNDED";

/// Ends a pending payment by a verdict that is for good, once: its row, the money, its record in the books
/// and PAYMENT_COMPLETED or PAYMENT_FAILED; a top-up that was settled and fails here is due to be given back.
/// Gives it as it is then; one that has ended before stays as it is, and is given as it came. Errors: the
/// database's; the ledger's where it books what is settled otherwise than it was begun. `refused`: why it has
/// failed whatever the verdict, as those errors say.
Result<Payment> decide(db::Transaction& transaction, const Cause& cause, const Payment& payment,
                       const Verdict& verdict, const std::optional<std::string>& refused = std::nullopt);

}  // namespace perkline::hub::billing
