#pragma once

#include "hub/db/database.hpp"

namespace perkline::hub::wheel {

/// Takes over, from the database that a restored one takes the place of, what was given away since the backup
/// and no store tells again: units of stocked prizes that are gone, one-time prizes that somebody has, or
/// that are kept for a store's spin; units that stores gave back, and which of the hub's seeds were drawn
/// with. What neither of them knows is not made up: draws, costs and points of that time stay forgotten. A
/// stock that was raised since is raised so far as units are gone. In the caller's transactions; `before` is
/// read alone, and an error of it leaves half of the work done. Errors: the databases', so one of a version
/// whose tables lack what is asked for.
Result<void> carry_over(db::Transaction& restored, db::Transaction& before);

}  // namespace perkline::hub::wheel
