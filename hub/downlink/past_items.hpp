#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/bytes.hpp"
#include "shared/sync/catalogue.hpp"

/// What items of the catalogue said before they were changed: a store that has not heard of the change goes
/// on telling tills what they said, and what a till was told is what counts. In the caller's transaction.
/// Errors: the database's.
namespace perkline::hub::downlink {

/// How stores name what an item says: SHA-256 of its body.
Digest terms_of(std::string_view body);

/// The item has said so until now. Every store's prizes and promotions alone are kept, as only they are told
/// to tills.
Result<void> keep_past(db::Transaction& transaction, std::string_view scope, const sync::ItemName& name,
                       const std::string& body);

/// What the item said once; nullopt: never, of what was ever changed.
Result<std::optional<std::string>> find_past(db::Transaction& transaction, const sync::ItemName& name,
                                             const Digest& terms);

/// All that the item has said, in no order, but for what it says now.
Result<std::vector<std::string>> list_past(db::Transaction& transaction, const sync::ItemName& name);

}  // namespace perkline::hub::downlink
