#pragma once

#include <cstdint>
#include <optional>

#include "hub/ledger/ledger.hpp"

namespace perkline::hub::ledger {

/// How old an entry is before a checkpoint holds it: longer than any transaction may stay open, as one that
/// commits later with an earlier entry would never be counted.
inline constexpr hours checkpoint_age{1};

struct CheckpointStep {
  std::int64_t made = 0;
  std::optional<std::int64_t> last_account;  ///< To go on behind; nullopt: that was all.
};
/// Writes down what up to `count` system accounts behind `after_account`, by id, come to through their
/// entries that are old enough, where there are new ones. Two at once write the same once. For the job
/// `checkpoint`. Errors: the database's.
Result<CheckpointStep> checkpoint_accounts(db::Transaction& transaction, WallTime now,
                                           std::int64_t after_account, std::int64_t count);

}  // namespace perkline::hub::ledger
