#pragma once

#include <string>

#include "hub/wallet/wallet.hpp"

/// One member's money set aside for another, until somebody else has decided (hub/ledger/holds.hpp).
namespace perkline::hub::wallet {

struct Reservation {
  UserId from;
  UserId to;
  Money amount;             ///< > 0
  std::string external_id;  ///< Of the hold: unique for ever. What pays it is `<external_id>:paid`.
};
/// It stays until it is paid or given free. Errors: insufficient_funds, already_exists, the database's.
Result<void> reserve(db::Transaction& transaction, const Cause& cause, const Reservation& reservation);

/// Pays it, with WALLET_DEBITED and WALLET_CREDITED, code `payment`; the payee's wallet is made where there
/// is none. Once: errors: session_state (decided before), not_found, the database's.
Result<void> pay_reserved(db::Transaction& transaction, const Cause& cause, const Reservation& reservation);

/// Gives it free. Again it changes nothing. Errors: session_state (paid before), not_found, the database's.
Result<void> free_reserved(db::Transaction& transaction, const std::string& external_id);

}  // namespace perkline::hub::wallet
