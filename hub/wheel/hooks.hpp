#pragma once

#include "hub/identity/user_hooks.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/ids.hpp"

namespace perkline::hub::wheel {

/// Who proves that a card is theirs has its spins with their points, and its one-time prizes, and it theirs.
/// An export has all spins under `spins`. Who is erased leaves their spins behind, under an id that is
/// nobody's any more: a proof goes on to hold. `ids` must outlive the hooks.
void add_hooks(identity::UserHooks& hooks, UuidMaker& ids, const Terms& terms);

}  // namespace perkline::hub::wheel
