#pragma once

#include "hub/identity/user_hooks.hpp"

namespace perkline::hub::notifications {

/// Adds this module's part in what becomes of a user: notifications, preferences and mails (`notifications`)
/// in an export; all of them go with who is erased.
void add_hooks(identity::UserHooks& hooks);

}  // namespace perkline::hub::notifications
