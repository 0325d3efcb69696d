#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/ledger/ledger.hpp"

/// Transfers in two steps: what they would take is set aside, and later taken or given free.
///
///   (new) ──hold──▶ pending ──capture──▶ captured, and a posted transfer of the whole or a part
///                      │
///                      └──release, or its time──▶ released
namespace perkline::hub::ledger {

/// Writes transfers down that move nothing yet, and sets what they would take aside: an account that may not
/// be negative gives no more than its balance less that. Until Transfer::expires_at, where one is given. Once
/// pending, never posted under the same external id. Coming again with the same content it changes nothing,
/// whatever has become of it. As post_all otherwise, errors too.
Result<void> hold_all(db::Transaction& transaction, std::span<const Transfer> transfers);
Result<void> hold(db::Transaction& transaction, const Transfer& transfer);

/// Takes what a hold has set aside.
struct Capture {
  std::string hold;                    ///< The hold's external id.
  std::optional<std::int64_t> amount;  ///< > 0; nullopt: all of it. The rest is free again.
  Uuid id;                             ///< Of the transfer that is posted, as the next three.
  std::string external_id;
  std::string code;
  WallTime created_at;
  std::string meta = "{}";
};
/// Posts it between the hold's two accounts, and gives the amount. Once: again under the same external id it
/// changes nothing. Errors: not_found (no such hold); session_state (it was captured under another external
/// id, released, or its time is over); insufficient_funds or insufficient_points by unit (more than is held);
/// already_exists (the external id with other content); the database's.
Result<std::int64_t> capture(db::Transaction& transaction, const Capture& capture);

/// Takes back what is pending under these external ids. One that is not there, or not pending any more,
/// changes nothing. Errors: the database's.
Result<void> release(db::Transaction& transaction, std::span<const std::string> external_ids);
/// The same of one that somebody names; released already it changes nothing. Errors: not_found, session_state
/// (it was captured), the database's.
Result<void> release_hold(db::Transaction& transaction, const std::string& external_id);
/// Releases up to `count` holds whose time is over, the oldest first; gives their external ids, and fewer
/// than `count` once no more are due. For the job `release-holds`. Errors: the database's.
Result<std::vector<std::string>> release_overdue(db::Transaction& transaction, WallTime now,
                                                 std::int64_t count);

}  // namespace perkline::hub::ledger
