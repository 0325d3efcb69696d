#pragma once

#include "hub/identity/user_hooks.hpp"

namespace perkline::hub::wheel {

/// Who proves that a card is theirs has its one-time prizes too, and it theirs. An export has all spins under
/// `spins`. Who is erased leaves their spins behind, under an id that is nobody's any more: a proof goes on
/// to hold.
void add_hooks(identity::UserHooks& hooks);

}  // namespace perkline::hub::wheel
