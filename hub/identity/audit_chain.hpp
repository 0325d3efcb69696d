#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/audit.hpp"

/// What makes the audit show what was changed in it: rows are numbered and chained by hash, by one appender
/// at a time, after the commit of what they tell of. hash 0 = SHA-256("perkline-audit-1"); hash n =
/// SHA-256(hash n−1 in hex ‖ each of number, id, time, actor, action, subject, detail as text, its length as
/// u32 big-endian before it). The last number and hash stand in hub_meta, so that an end cut off is seen too;
/// who can write the whole database can write another chain: the log tells the hashes as they come.
namespace perkline::hub::identity {

/// The end of the chain.
struct AuditHead {
  std::int64_t sequence = 0;
  std::string hash;  ///< In hex.
};

struct Chained {
  AuditHead head;
  std::int64_t added = 0;
  std::string last_id = {};  ///< Of the rows that were added.
};
/// Chains rows that are committed and not chained yet, the oldest first, up to `limit` of them. Replicas wait
/// for one another. Errors: corrupt (the head), the database's.
Result<Chained> chain_audit(db::Transaction& transaction, std::int64_t limit = 500);

/// Chains all rows that are committed by now, so many a transaction, and ends however many are written
/// meanwhile. The head is the last chained row's; empty when none waited. Errors: as chain_audit.
Task<Result<Chained>> chain_waiting_audit(db::Database& database, std::int64_t at_once = 500);

struct ChainedEntry {
  std::int64_t sequence = 0;
  std::string id;
  AuditEntry entry;
  std::string hash;
};
/// The newest first, from below `before` on. Errors: the database's.
Result<std::vector<ChainedEntry>> list_audit(db::Transaction& transaction, std::int64_t before,
                                             std::int64_t limit);

/// Recomputes the whole chain: what does not agree, for people; at most the first hundred. Rows that wait to
/// be chained are none of it. Errors: the database's.
Result<std::vector<std::string>> verify_audit(db::Transaction& transaction);

}  // namespace perkline::hub::identity
