#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/sync/catalogue.hpp"

/// What stores hold of the hub's: items by kind and id, every store's or one store's own. Inside a caller's
/// transaction.
namespace perkline::hub::downlink {

/// Whose an item is.
inline constexpr std::string_view every_store;

/// The item as it is from now on; nullopt: gone. What it has been already changes nothing. Whoever changes
/// items goes one at a time until the end of the transaction, so do it late. Gives the catalogue's version
/// after it. Errors: validation_failed (what is every store's, or that store's own, would not fit half a
/// frame), the database's.
Result<std::uint64_t> put_item(db::Transaction& transaction, std::string_view scope,
                               const sync::ItemName& name, const std::optional<std::string>& body);

/// One number for all stores; 0: nothing was ever put. Errors: the database's.
Result<std::uint64_t> catalogue_version(db::Transaction& transaction);

/// All that the store is to hold. Errors: the database's.
Result<sync::Catalogue> read_catalogue(db::Transaction& transaction, const StoreId& store);

/// What of it has changed after `version`, by rising names; what is gone too. Errors: the database's.
Result<std::vector<sync::CatalogueItem>> items_after(db::Transaction& transaction, const StoreId& store,
                                                     std::uint64_t version);

}  // namespace perkline::hub::downlink
