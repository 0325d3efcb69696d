#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hub/stores/stores.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::api {

/// The store as contract.md §6 shows it, in the API and on the command line alike.
void write_store(json::Writer& out, const stores::Store& store, WallTime now,
                 const std::function<void(json::Writer&)>& more = {});

/// The member `keys` of a store, the revoked ones too.
void write_store_keys(json::Writer& out, const std::vector<stores::StoreKey>& keys);
/// A store with its keys.
void write_store(json::Writer& out, const stores::Store& store, const std::vector<stores::StoreKey>& keys,
                 WallTime now);

/// What the audit says of a key that lets a store in.
std::string audit_of_key(const std::string& public_key);

}  // namespace perkline::hub::api
