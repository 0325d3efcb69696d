#pragma once

#include <array>
#include <string>

#include "hub/db/database.hpp"
#include "hub/identity/audit.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"

namespace perkline::hub::wallet {

/// What a movement of money is written down with: drawn before its transaction, which may run more than once.
struct Cause {
  Uuid id;  ///< Of the transfer or hold.
  WallTime at;
  std::string traceparent;  ///< Of the call; empty: none.
  std::string actor;        ///< Who asks, as the audit names them; empty: nobody is to be audited.
  Uuid audit;
  /// Of its events: at most a wallet made and money moved on either side.
  std::array<Uuid, 2> opened;
  std::array<Uuid, 2> moved;
};

/// Reactor's thread, as the maker is.
Cause make_cause(UuidMaker& ids, WallTime at, std::string traceparent, std::string actor = {});

/// Which way money went, as an event tells it.
struct Movement {
  UserId user;
  std::string type;      ///< WALLET_CREDITED or WALLET_DEBITED.
  Money amount;          ///< > 0
  std::string code;      ///< Why: transfer, credit, debit, capture.
  std::string transfer;  ///< The transfer's id.
};
/// Errors: the database's.
Result<void> tell_moved(db::Transaction& transaction, const Cause& cause, const Uuid& event,
                        const Movement& movement);

/// Writes what staff did into the audit. Errors: the database's.
Result<void> note_in_audit(db::Transaction& transaction, const Cause& cause, std::string action,
                           const UserId& user, const Money& amount);

}  // namespace perkline::hub::wallet
