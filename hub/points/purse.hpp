#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "hub/ledger/history.hpp"
#include "hub/points/cause.hpp"
#include "hub/points/terms.hpp"

/// The programme's own points of a user: how they come and go. All in the caller's transaction.
namespace perkline::hub::points {

/// The hub's own side, by why: `applied`, `signup`, `referral`, `purchases` …: a system account.
ledger::Account programme_account(std::string code);

struct Movement {
  UserId user;
  std::int64_t amount = 0;  ///< > 0
  ledger::Account other;    ///< The other side.
  std::string external_id;  ///< For ever unique.
  std::string code;         ///< Why.
  std::string meta = "{}";  ///< A JSON object.
};
/// Gives points, which live for `terms.expiry` and count for the tier. False: the same was given before, and
/// nothing changes. Errors: already_exists (the external id with other content), the database's.
Result<bool> give(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                  const Movement& movement);
/// Takes points, the oldest first. False as of give(). Errors: insufficient_points, already_exists, the
/// database's.
Result<bool> spend(db::Transaction& transaction, const Cause& cause, const Movement& movement);

/// What staff gives or takes.
struct Application {
  UserId user;
  std::int64_t delta = 0;  ///< Not 0.
  std::string reason;
  std::string external_id;  ///< The caller's; in the ledger `apply:<it>`.
};
struct Applied {
  ledger::Entry entry;  ///< Its reason: the application's.
  bool is_new = true;   ///< False: it was applied before, and nothing changed.
};
/// Books it once, keeps the reason as a note and tells POINTS_APPLIED without it. The caller holds the user's
/// row. Errors: insufficient_points; transaction_reused (the external id with other content); the database's.
Result<Applied> apply(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                      const Application& application);

/// What a member buys for points.
struct Purchase {
  UserId user;
  std::int64_t amount = 0;  ///< > 0
  std::string item;
};
/// Errors: insufficient_points, the database's.
Result<ledger::Entry> purchase(db::Transaction& transaction, const Cause& cause, const Purchase& bought);

}  // namespace perkline::hub::points
