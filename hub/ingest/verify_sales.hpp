#pragma once

#include <string>
#include <vector>

#include "hub/db/database.hpp"

namespace perkline::hub::ingest {

/// Holds what is written down of sales and returns against the ledger: each sale's points against its
/// transfers, by its state, and each transfer for a sale against one; what came back of a sale against its
/// returns, and those against their transfers; what members owe against their sales; the programme's points
/// for sales against who got them. What does not agree, for people; of each kind at most the first hundred.
/// On one snapshot. Errors: the database's.
Result<std::vector<std::string>> verify_sales(db::Transaction& transaction);

}  // namespace perkline::hub::ingest
