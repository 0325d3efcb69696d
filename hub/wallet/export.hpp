#pragma once

#include "hub/identity/user_hooks.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"

namespace perkline::hub::wallet {

/// Adds the wallet's part in what becomes of a user: a wallet in the programme's currency for who registers,
/// balances and history (`wallet`) in an export, notes forgotten with who is erased. `ids` must outlive the
/// hooks.
void add_hooks(identity::UserHooks& hooks, UuidMaker& ids, Currency programme);

}  // namespace perkline::hub::wallet
