#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/journal/journal.hpp"
#include "edge/standin/redemption.hpp"
#include "shared/core/ids.hpp"
#include "shared/sync/down.hpp"

namespace perkline::edge::standin {

/// A member as last heard of: what the stand-in answers from.
struct Member {
  std::string name = {};
  std::string tier = "Base";
  Points points = {};   ///< PDI's balance at `as_of`.
  WallTime as_of = {};  ///< When it was told; 1970: never.
  /// Claw-backs that PDI does not know of, less what it should have restored: not to be redeemed. Negative:
  /// PDI is in the member's debt, which redeems nothing.
  Points owed = {};
  /// What was redeemed without PDI: on the latest such day, and in sales not settled yet.
  std::chrono::sys_days redeemed_day = {};
  Points redeemed_on_day = {};
  Points unsettled = {};
  bool blocked = false;               ///< By the hub: the stand-in does not serve them.
  std::vector<Uuid> promotions = {};  ///< By the hub: assigned and not claimed; rising.
  bool told = false;                  ///< The hub has told of them, and does of what changes.

  /// What of `balance`, PDI's, may be redeemed.
  Points spendable(Points balance) const {
    return Points{std::max<std::int64_t>(0, balance.count - std::max<std::int64_t>(0, owed.count))};
  }
  bool operator==(const Member&) const = default;
};

/// What the whole store redeemed without PDI, on the latest such day.
struct StoreDay {
  std::chrono::sys_days day = {};
  Points redeemed = {};
};

/// The members a store has met, in the journal's family `members`, under the SHA-256 of their customer id.
/// Changes go into the caller's batch, and are seen at once by whoever reads here: so that two sales at a
/// time never spend the same points. Reactor's thread.
class Members {
 public:
  /// `journal` must outlive it.
  explicit Members(journal::Journal& journal) : journal_(journal) {}

  /// nullopt: never met. Errors of all: corrupt, newer_format, io_failed.
  Result<std::optional<Member>> find(const CustomerId& customer) const;
  Result<StoreDay> store_day() const;

  /// Keeps what is being written in sight. To be held until the batch is committed; must not outlive Members.
  using Writing = std::shared_ptr<void>;
  Writing put(journal::Batch& batch, const CustomerId& customer, const Member& member);
  void put(journal::Batch& batch, const StoreDay& day);

  /// What the hub has told of a member, together with what is known here: PDI's figures where it heard later
  /// ones than this store, what is owed, whether they are blocked. `all_applied`: the hub has all that this
  /// store has told, so that its `owed` is the truth; else the higher one counts. `source`: whether it tells
  /// of changes too from now on. nullptr: it is nothing new.
  enum class Source : std::uint8_t { kept_up, asked_once };
  Result<Writing> merge(journal::Batch& batch, const sync::MemberSnapshot& snapshot, bool all_applied,
                        Source source);
  /// Nothing is known any more of whose hash that is, but what their sales not settled yet redeem. Errors: as
  /// find().
  Result<Writing> forget(journal::Batch& batch, const Digest& member);

 private:
  struct InFlight {
    Member member;
    std::size_t writers = 0;
  };
  Result<std::optional<Member>> find_at(const std::string& key) const;
  Writing put_at(journal::Batch& batch, std::string key, const Member& member);
  void written(const std::string& key);

  journal::Journal& journal_;
  std::unordered_map<std::string, InFlight> in_flight_;  ///< By their keys in the journal.
  mutable std::optional<StoreDay> store_day_;            ///< The latest put, or else as it was read.
};

/// One format byte, then member.proto.
std::string encode(const Member& member);
/// Errors: corrupt, newer_format.
Result<Member> decode_member(std::string_view record);

/// What counts against the limits on `today`.
Redeemed redeemed_so_far(const Member& member, const StoreDay& store, std::chrono::sys_days today);
/// Both after the member has redeemed `points` on `today`.
void note_redeemed(Member& member, StoreDay& store, std::chrono::sys_days today, Points points);

}  // namespace perkline::edge::standin
