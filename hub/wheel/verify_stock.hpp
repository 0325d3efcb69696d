#pragma once

#include <string>
#include <vector>

#include "hub/db/database.hpp"

namespace perkline::hub::wheel {

/// Holds each prize's stock against what is leased and awarded of it, what is leased against what is left of
/// its leases, and what each lease gave away against its spins. What does not agree, for people; of each kind
/// at most the first hundred. On one snapshot. Errors: the database's.
Result<std::vector<std::string>> verify_stock(db::Transaction& transaction);

}  // namespace perkline::hub::wheel
