#pragma once

#include <cstdint>
#include <string>

#include "shared/core/ids.hpp"

namespace perkline::hub::points {

/// What makes points come and go: made before the transaction, which may run more than once.
struct Cause {
  Uuid id;  ///< UUIDv7, used for nothing else; all ids of the effect derive from it.
  WallTime at;
  std::string traceparent = {};  ///< Of the call; empty: none.
};

/// The `number`th id that derives from a UUIDv7: of the same millisecond, the same each time, and as unlike
/// others as a random one. Pure.
Uuid derived_id(const Uuid& from, std::uint64_t number);

}  // namespace perkline::hub::points
