#include "hub/wallet/payments.hpp"

#include "hub/ledger/holds.hpp"

namespace perkline::hub::wallet {

Result<void> reserve(db::Transaction& transaction, const Cause& cause, const Reservation& reservation) {
  const Currency currency = reservation.amount.currency;
  return ledger::hold(transaction, {.id = cause.id,
                                    .external_id = reservation.external_id,
                                    .debit = ledger::wallet_of(reservation.from, currency),
                                    .credit = ledger::wallet_of(reservation.to, currency),
                                    .amount = reservation.amount.minor,
                                    .code = "payment",
                                    .created_at = cause.at});
}

Result<void> pay_reserved(db::Transaction& transaction, const Cause& cause, const Reservation& reservation) {
  auto done = open_wallet(transaction, cause, cause.opened[0], reservation.to, reservation.amount.currency);
  if (!done) return done;
  auto paid = ledger::capture(transaction, {.hold = reservation.external_id,
                                            .amount = std::nullopt,
                                            .id = cause.id,
                                            .external_id = reservation.external_id + ":paid",
                                            .code = "payment",
                                            .created_at = cause.at});
  if (!paid) return failure(paid);
  Movement movement{.user = reservation.from,
                    .type = "WALLET_DEBITED",
                    .amount = reservation.amount,
                    .code = "payment",
                    .transfer = cause.id.str()};
  done = tell_moved(transaction, cause, cause.moved[0], movement);
  movement.user = reservation.to;
  movement.type = "WALLET_CREDITED";
  if (done) done = tell_moved(transaction, cause, cause.moved[1], movement);
  return done;
}

Result<void> free_reserved(db::Transaction& transaction, const std::string& external_id) {
  return ledger::release_hold(transaction, external_id);
}

}  // namespace perkline::hub::wallet
