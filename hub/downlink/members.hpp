#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/sync/down.hpp"

/// What stores hear of members. Whoever changes what they hear sets member.down_position to null in the same
/// transaction; numbers come afterwards, so that they rise in the order of the commits and no writer waits
/// for another. Inside a caller's transaction.
namespace perkline::hub::downlink {

/// A member that a store has not seen for so long it does not hear of.
inline constexpr days member_seen_within{90};

/// Numbers up to `max` members that have changed. How many it were. One replica at a time goes past here.
/// Errors: the database's.
Result<std::int64_t> number_changed(db::Transaction& transaction, std::int64_t max);

/// The last number given; 0: none yet. Errors: the database's.
Result<std::uint64_t> members_position(db::Transaction& transaction);

struct MembersAfter {
  std::uint64_t to = 0;  ///< Everything up to here is in it.
  std::vector<sync::MemberSnapshot> members = {};
};
/// What the store is to hear of after `from`: members seen there within member_seen_within of `now`, and all
/// that are blocked or were; at most limits::sync_members_max of them. Looks at a bounded number of members:
/// there may be none, and more behind `to`. Errors: the database's.
Result<MembersAfter> members_after(db::Transaction& transaction, const StoreId& store, std::uint64_t from,
                                   WallTime now);

/// As any store hears of that member; nullopt: no store has told of the card, or it is forgotten. Errors: the
/// database's.
Result<std::optional<sync::MemberSnapshot>> member_of(db::Transaction& transaction, const CustomerId& card,
                                                      WallTime now);

}  // namespace perkline::hub::downlink
