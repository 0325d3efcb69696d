#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "hub/db/database.hpp"
#include "hub/points/cause.hpp"
#include "hub/points/terms.hpp"

/// Tiers: PDI's last word on a verified card; else by what was earned of the programme's points within 12
/// months.
namespace perkline::hub::points {

/// Counts what users have earned, with a few statements for all, and tells each tier that is new:
/// TIER_CHANGED. Errors: the database's, as everywhere here.
Result<void> note_earned(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                         const std::map<UserId, std::int64_t>& earned);

/// What was earned within 12 months, as counted.
Result<std::int64_t> earned_by(db::Transaction& transaction, const UserId& user);

/// PDI's word on a card has changed: TIER_CHANGED, for whoever has verified it, or nobody.
struct CardTier {
  CustomerId card;
  std::string before;
  std::string now;
};
Result<void> tell_card_tiers(db::Transaction& transaction, const Cause& cause,
                             std::span<const CardTier> changed);

struct TierStep {
  std::int64_t changed = 0;
  std::optional<std::string> last_user;  ///< To go on behind; nullopt: that was all.
};
/// Works out anew what up to `count` users behind `after_user`, by id, have earned within the 12 months
/// before `cause.at`, by the ledger; what is older counts no more. For the job `tiers`.
Result<TierStep> review_tiers(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                              const std::string& after_user, std::int64_t count);

}  // namespace perkline::hub::points
