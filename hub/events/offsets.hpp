#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/events/consumer.hpp"

/// How far each consumer is.
namespace perkline::hub::events {

struct Offset {
  std::string consumer;
  std::int64_t position = 0;  ///< Of the last event that it has taken, or that was set aside.
};

/// Makes the consumer known; one that is known stays where it is. Errors: the database's.
Result<void> enroll(db::Transaction& transaction, std::string_view consumer, Beginning beginning,
                    WallTime now);

/// Of all that are known, also of those this version has no more.
Result<std::vector<Offset>> offsets(db::Transaction& transaction);

/// Moves the consumer from one position to another, and holds it until the end of the transaction; false: it
/// is not where it was, as another replica has moved it.
Result<bool> move_offset(db::Transaction& transaction, std::string_view consumer, std::int64_t from,
                         std::int64_t to);

}  // namespace perkline::hub::events
