#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/ids.hpp"

/// What is left of each credit of an account that keeps lots: spent oldest first, lapsing at its time.
namespace perkline::hub::ledger {

/// A lot's name: its account, and its credit's sequence, which tells its age.
struct LotKey {
  std::int64_t account = 0;
  std::int64_t credit = 0;
  bool operator==(const LotKey&) const = default;
};

/// Keeps lots in step with an account's entries. The accounts are locked; for the length of one call of the
/// ledger.
class Lots {
 public:
  explicit Lots(db::Transaction& transaction) : transaction_(transaction) {}
  void add(const LotKey& key, std::int64_t amount, WallTime expires_at);
  /// Takes `amount` of the account's oldest lots. Errors: corrupt (they do not come to it), the database's.
  Result<void> spend(std::int64_t account, std::int64_t amount);
  /// Takes all of this lot. Errors: corrupt (it is another amount), the database's.
  Result<void> take(const LotKey& key, std::int64_t amount);
  /// Writes what was added. Errors: the database's.
  Result<void> save();

 private:
  db::Transaction& transaction_;
  std::vector<db::Value> added_;
};

/// Points that lapsed.
struct Lapsed {
  std::string owner_kind;
  std::string owner_id;
  std::int64_t amount = 0;  ///< 0: the lot was spent or set aside meanwhile.
};
/// Books lots whose time has come, the earliest first and one for each of `ids`, to the unit's system account
/// `expired`: external id `expiry:<the credit's id>`, so once. What a hold has set aside does not lapse.
/// Fewer than `ids` once no more are due. Errors: the database's.
Result<std::vector<Lapsed>> lapse_lots(db::Transaction& transaction, WallTime now, std::span<const Uuid> ids);

/// What an owner is told that will lapse: of one account on one day, in UTC.
struct AnnouncedDay {
  std::string owner_kind;
  std::string owner_id;
  std::int64_t remaining = 0;
  std::int64_t lots = 0;
  WallTime first;  ///< When the first of them does.
};
struct Announcement {
  std::vector<AnnouncedDay> days;
  bool any_left = false;  ///< More may be due.
};
/// The days on which the `count` earliest lots lapse that do after `now` and by `until` and were not
/// announced yet: each day whole, so that it is told once. They are announced now, however many ask at once.
/// Errors: the database's.
Result<Announcement> announce_lots(db::Transaction& transaction, WallTime now, WallTime until,
                                   std::int64_t count);

/// What of the account's lots would lapse by `until`. Errors: the database's.
Result<std::int64_t> lapsing_by(db::Transaction& transaction, const std::string& owner_kind,
                                const std::string& owner_id, const std::string& unit, WallTime until);

}  // namespace perkline::hub::ledger
