#pragma once

#include "hub/identity/user_hooks.hpp"
#include "shared/core/ids.hpp"

namespace perkline::hub::promotions {

/// Adds the promotions' part in what becomes of a user: the welcome bonus for who registers, what they were
/// assigned and have claimed (`promotions`), and what was refused to them (`refusedClaims`), in an export,
/// none of it left when they are erased. `ids` must outlive the hooks.
void add_hooks(identity::UserHooks& hooks, UuidMaker& ids);

}  // namespace perkline::hub::promotions
