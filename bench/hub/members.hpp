#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"

/// Members who are there and signed in from the start, put into a hub's database beside the running hub.
namespace perkline::bench {

struct Member {
  UserId id;
  std::string token;  ///< An access token of a session of theirs, as a login gives it.
};

struct MembersOrder {
  std::size_t count = 2'000;  ///< Fewer than the hub remembers tokens of.
  std::int64_t money = 0;     ///< In each one's wallet, cents.
  std::int64_t points = 0;    ///< Of the programme's own.
};
/// Errors: the database's.
Result<std::vector<Member>> make_members(const std::string& database_url, const MembersOrder& order);

/// A promotion, assigned to a member by place.
struct MadeAssignment {
  std::string promotion;
  std::size_t member;
};
/// Makes so many promotions that run and assigns each to every member, all in mixed order. Errors: the
/// database's.
Result<std::vector<MadeAssignment>> assign_promotions(const std::string& database_url,
                                                      const std::vector<Member>& members,
                                                      std::size_t promotions);

/// Books so many transfers of a cent to the members' wallets, in turn, as credits from staff: two entries
/// each. `before`: what each wallet holds. Errors: the database's.
Result<void> grow_ledger(const std::string& database_url, std::int64_t transfers, std::int64_t before);

}  // namespace perkline::bench
