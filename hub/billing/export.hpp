#pragma once

#include "hub/identity/user_hooks.hpp"

namespace perkline::hub::billing {

/// Adds a user's payments (`payments`) to the export of their data. Nothing goes with who is erased: payments
/// and records name people by their ids alone, and stay as what is booked does.
void add_hooks(identity::UserHooks& hooks);

}  // namespace perkline::hub::billing
