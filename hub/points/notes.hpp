#pragma once

#include <map>
#include <span>
#include <string>

#include "hub/db/database.hpp"
#include "hub/ledger/history.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/writer.hpp"

/// What staff wrote to points that they gave or took: beside the ledger, so that it goes with its user.
namespace perkline::hub::points {

/// `external_id`: the transfer's. The caller holds the user's row, so that nothing is written of somebody who
/// is being forgotten. Errors: already_exists, the database's, as of the rest.
Result<void> keep_note(db::Transaction& transaction, const std::string& external_id, const UserId& user,
                       const std::string& note);

using Notes = std::map<std::string, std::string, std::less<>>;
/// Those of these entries that have one, by their transfer's external id.
Result<Notes> notes_of(db::Transaction& transaction, std::span<const ledger::Entry> entries);

/// Why an entry is there: what staff said of it, else its code. Pure.
std::string reason_of(const ledger::Entry& entry, const Notes& notes);

/// A user's, as a JSON array of `{externalId, note}`.
Result<void> write_notes(db::Transaction& transaction, const UserId& user, json::Writer& out);

Result<void> erase_notes(db::Transaction& transaction, const UserId& user);

}  // namespace perkline::hub::points
