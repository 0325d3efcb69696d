#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hub/ledger/ledger.hpp"

namespace perkline::hub::ledger {

/// The newest entry of all; 0: there is none. An older one may still be on its way, until
/// Transaction::outlast_others has come back in a later transaction. Errors: the database's.
Result<std::int64_t> newest_entry(db::Transaction& transaction);

struct CheckpointStep {
  std::int64_t made = 0;
  std::vector<std::int64_t> too_large;       ///< Accounts whose sum leaves 64 bits: they go without.
  std::optional<std::int64_t> last_account;  ///< To go on behind; nullopt: that was all.
};
/// Writes down what up to `count` system accounts behind `after_account`, by id, come to through `through`,
/// before which no entry is on its way, where there are new ones. Two at once write the same once. For the
/// job `checkpoint`. Errors: the database's.
Result<CheckpointStep> checkpoint_accounts(db::Transaction& transaction, std::int64_t through, WallTime now,
                                           std::int64_t after_account, std::int64_t count);

}  // namespace perkline::hub::ledger
