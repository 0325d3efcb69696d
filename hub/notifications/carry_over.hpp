#pragma once

#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"

/// For a hub that was restored from a backup: what it holds for unsent has mostly been sent since. In the
/// caller's transaction. Errors: the databases'.
namespace perkline::hub::notifications {

/// Gives up the mails that `before`, the database that the restored one takes the place of, has sent or given
/// up, those too that are not made yet of the restored one's events. What still waits there waits here. An
/// error of `before` leaves half of the work done.
Result<void> carry_over_mails(db::Transaction& restored, db::Transaction& before, WallTime now);

/// Gives up all that waits, as nobody can tell what was sent: rather never than again, days later.
Result<void> discard_waiting_mails(db::Transaction& restored, WallTime now);

}  // namespace perkline::hub::notifications
