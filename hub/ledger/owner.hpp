#pragma once

#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/writer.hpp"

/// Whose accounts they are: what is known of a person, and what is forgotten. What is booked stays.
namespace perkline::hub::ledger {

/// A member's accounts go on under another name. Errors: already_exists (`to` has such accounts), the
/// database's.
Result<void> rename_member(db::Transaction& transaction, const CustomerId& from, const CustomerId& to);

struct Owner {
  std::string kind;  ///< As Account::owner_kind and owner_id.
  std::string id;
};
/// Every entry of these owners' accounts, each's the oldest first, as a JSON array. Errors: the database's.
Result<void> write_entries_of(db::Transaction& transaction, const std::vector<Owner>& owners,
                              json::Writer& out);

}  // namespace perkline::hub::ledger
