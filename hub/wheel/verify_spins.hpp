#pragma once

#include <string>
#include <vector>

#include "hub/db/database.hpp"

namespace perkline::hub::wheel {

/// What is wrong with spins, on the web and of stores, and what they gave: each has cost and given the points
/// that the ledger has for it, and the ledger has none for another; units awarded of a prize are those that
/// its spins took, and the leases' are their own store's; its one-time prize is the one it won; and what
/// proves it is there. At most 100 of each kind. For `perkline-hub verify`. Errors: the database's.
Result<std::vector<std::string>> verify_spins(db::Transaction& transaction);

}  // namespace perkline::hub::wheel
