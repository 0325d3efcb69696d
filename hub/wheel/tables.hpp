#pragma once

#include <cstdint>

#include "hub/db/database.hpp"
#include "shared/loyalty/wheel.hpp"

/// The tables that were drawn from, each once, kept for ever: a proof names one.
namespace perkline::hub::wheel {

/// The table's number in the database, where it is written down if it is new. Errors: the database's.
Result<std::int64_t> keep_table(db::Transaction& transaction, const loyalty::PrizeTable& table);

}  // namespace perkline::hub::wheel
