#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
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

/// An item as it is to be from now on.
struct Put {
  std::string scope;  ///< A store's id, or every_store.
  sync::ItemName name;
  std::optional<std::string> body = {};  ///< nullopt: gone.
};
/// The same for many at once.
Result<std::uint64_t> put_items(db::Transaction& transaction, std::span<const Put> items);

/// What is put of that kind, whoever's, becomes what `read` gives; what it is already stays. How many items
/// it were. `read` is called with nobody else changing items: whoever does so later has read later. For what
/// was there before it went into the catalogue, and for what goes from it by time. Errors: `read`'s, as
/// put_item.
Result<std::int64_t> replace_items(db::Transaction& transaction, sync::ItemKind kind,
                                   const std::function<Result<std::vector<Put>>()>& read);

/// One number for all stores; 0: nothing was ever put. Errors: the database's.
Result<std::uint64_t> catalogue_version(db::Transaction& transaction);

/// All that the store is to hold. Errors: the database's.
Result<sync::Catalogue> read_catalogue(db::Transaction& transaction, const StoreId& store);

/// Through which version the database may have forgotten what has gone (purge.hpp). Errors: the database's.
Result<std::uint64_t> forgotten_through(db::Transaction& transaction);

/// What of it has changed after `version`, by rising names; what is gone too, as long as `version` is no
/// earlier than forgotten_through(). Errors: the database's.
Result<std::vector<sync::CatalogueItem>> items_after(db::Transaction& transaction, const StoreId& store,
                                                     std::uint64_t version);

}  // namespace perkline::hub::downlink
