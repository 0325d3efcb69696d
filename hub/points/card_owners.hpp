#pragma once

#include <span>
#include <unordered_map>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"

namespace perkline::hub::points {

/// Who has verified which of these cards; the others are nobody's yet. A few statements for all. Errors: the
/// database's.
Result<std::unordered_map<CustomerId, UserId>> owners_of_cards(db::Transaction& transaction,
                                                               std::span<const CustomerId> cards);

}  // namespace perkline::hub::points
