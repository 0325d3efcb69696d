#pragma once

#include <map>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"

namespace perkline::hub::wallet {

/// What somebody wrote to a movement.
struct Note {
  std::string transfer;  ///< The transfer's or hold's id.
  UserId user;           ///< With whose data it goes: the sender of a transfer, else whose money it is.
  std::string text;      ///< Empty: nothing is kept.
};
/// Errors: not_found (no such user), the database's, as of the rest.
Result<void> keep_note(db::Transaction& transaction, const Note& note);

/// Those of these transfers that have one, by the transfer's id.
Result<std::map<std::string, std::string>> notes_of(db::Transaction& transaction,
                                                    const std::vector<std::string>& transfers);

/// What is to go with this user's data.
Result<void> erase_notes(db::Transaction& transaction, const UserId& user);

}  // namespace perkline::hub::wallet
