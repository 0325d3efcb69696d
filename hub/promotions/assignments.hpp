#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/promotions/promotions.hpp"

/// Whom a promotion is for. All of it happens in the caller's transaction.
namespace perkline::hub::promotions {

inline constexpr std::size_t assigned_at_once_max = 10'000;

/// Drawn before the transaction.
struct AssignOrder {
  Uuid promotion;
  std::vector<std::string> users;  ///< Ids, each once, rising; what is no member's is unknown.
  std::vector<Uuid> events;        ///< As many: each assignment's own.
  std::string traceparent;
};
struct Assigned {
  std::int64_t assigned = 0;
  std::int64_t already_assigned = 0;
  std::int64_t unknown = 0;  ///< Nobody, no member, or an inactive one.
};
/// Assigns it to all members that do not have it yet, with PROMOTION_ASSIGNED for each and one row in the
/// audit, by a few statements for all. Errors: not_found; promotion_not_active (it does not run on the day of
/// `cause`); the database's.
Result<Assigned> assign(db::Transaction& transaction, const Cause& cause, const AssignOrder& order);

/// A member who joins, and the id of the event of what they get.
struct Joining {
  UserId user;
  WallTime at;
  std::string traceparent;
  Uuid event;
};
/// The welcome bonus that runs on that day, if there is one, with its PROMOTION_ASSIGNED. Errors: corrupt,
/// the database's.
Result<void> welcome(db::Transaction& transaction, const Joining& joining);

/// A promotion as one member has it.
struct Assignment {
  Promotion promotion;
  WallTime assigned_at;
  std::optional<WallTime> claimed_at;
  std::optional<std::string> channel;  ///< web or till, once claimed.
};
/// The promotion's members with `claimed`, `claimedAt`, `channel`, `assignedAt`, appended to `out`.
void write_assignment(json::Writer& out, const Assignment& assignment);

struct AssignmentFilter {
  UserId user;
  std::optional<bool> claimed = std::nullopt;
  std::optional<PromotionType> type = std::nullopt;
  std::optional<bool> is_active = std::nullopt;  ///< Staff's switch, whatever the day.
  std::string before = {};  ///< The promotion that an earlier page ended with; empty: from the newest.
  std::int64_t limit = 0;
};
/// The newest promotions first. Errors: corrupt, the database's.
Result<std::vector<Assignment>> list_assignments(db::Transaction& transaction,
                                                 const AssignmentFilter& filter);

}  // namespace perkline::hub::promotions
