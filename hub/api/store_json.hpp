#pragma once

#include <functional>

#include "hub/stores/stores.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::api {

/// The store as contract.md §6 shows it, in the API and on the command line alike.
void write_store(json::Writer& out, const stores::Store& store, WallTime now,
                 const std::function<void(json::Writer&)>& more = {});

}  // namespace perkline::hub::api
