#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hub/promotions/promotion.hpp"

/// Which promotions there are. All of it happens in the caller's transaction.
namespace perkline::hub::promotions {

/// What staff's change is written down with: drawn before its transaction, which may run more than once.
struct Cause {
  WallTime at;
  std::string actor;  ///< As the audit names them.
  Uuid audit;
};

/// So many may be active and not over at a time: stores hold all of them.
inline constexpr std::int64_t active_promotions_max = 500;

/// Errors: promotion_overlap (one that runs alone would run beside another), validation_failed (there are
/// active_promotions_max), the database's.
Result<void> create(db::Transaction& transaction, const Cause& cause, const Promotion& promotion);

/// What is to become different; nullopt: stays.
struct Change {
  std::optional<std::string> title = std::nullopt;
  std::optional<std::string> description = std::nullopt;
  std::optional<PromotionType> type = std::nullopt;
  std::optional<std::string> amount = std::nullopt;  ///< As it is written, in its currency or the new one.
  std::optional<Currency> currency = std::nullopt;   ///< With an amount alone.
  std::optional<std::chrono::sys_days> first = std::nullopt;
  std::optional<std::chrono::sys_days> last = std::nullopt;
  std::optional<bool> is_active = std::nullopt;
};
/// What is wrong with the change of this promotion: no amount of its currency, an end before the start. Pure.
std::vector<FieldFault> faults_of(const Promotion& promotion, const Change& change);
/// Errors: not_found; validation_failed (no amount of its currency, an end before the start, or there
/// are active_promotions_max);
/// promotion_overlap; the database's.
Result<Promotion> change(db::Transaction& transaction, const Cause& cause, const Uuid& id,
                         const Change& change);

/// Errors: not_found, corrupt, the database's.
Result<Promotion> find(db::Transaction& transaction, const Uuid& id);

/// Keeps it as it is until the end of the transaction, for what goes by its terms; any number may at a time.
/// Before it is read. Errors: the database's.
Result<void> hold(db::Transaction& transaction, const Uuid& id);

struct Filter {
  std::optional<PromotionType> type = std::nullopt;
  std::optional<bool> is_active = std::nullopt;  ///< Staff's switch, whatever the day.
  /// Those with a day in this range.
  std::optional<std::chrono::sys_days> from = std::nullopt;
  std::optional<std::chrono::sys_days> to = std::nullopt;
  std::string before = {};  ///< The id that an earlier page ended with; empty: from the newest.
  std::int64_t limit = 0;
};
/// Newest first. Errors: corrupt, the database's.
Result<std::vector<Promotion>> list(db::Transaction& transaction, const Filter& filter);

/// Those of a type that runs alone which somebody who joins on that day gets: at most one. Errors: corrupt,
/// the database's.
Result<std::optional<Promotion>> find_running(db::Transaction& transaction, PromotionType type,
                                              std::chrono::sys_days day);

}  // namespace perkline::hub::promotions
