#pragma once

#include <string>
#include <vector>

#include "hub/db/database.hpp"

namespace perkline::hub::downlink {

/// Something has changed that stores hear of the cards that are proven to be these users'; who has none is
/// passed over. Holds the cards' rows in `member`, in rising order: before any row that others take behind
/// a card's. A few statements for all. Inside a caller's transaction. Errors: the database's.
Result<void> note_members_changed(db::Transaction& transaction, const std::vector<std::string>& users);

}  // namespace perkline::hub::downlink
