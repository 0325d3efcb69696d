#include "hub/identity/audit_chain.hpp"

#include <charconv>
#include <optional>

#include <sodium.h>

#include "shared/core/bytes.hpp"

namespace perkline::hub::identity {
namespace {

const std::string head_name = "audit_head";
constexpr std::string_view start = "perkline-audit-1";
constexpr std::size_t mismatches_max = 100;

const std::string columns = "sequence, id, at, actor, action, subject, detail, COALESCE(hash, '')";

std::string sha256_hex(std::string_view text) {
  Digest digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return to_hex(digest);
}

std::string text_of(const AuditHead& head) {
  return std::to_string(head.sequence) + ':' + head.hash;
}

std::optional<AuditHead> head_in(const std::string& text) {
  AuditHead head;
  const auto colon = std::min(text.find(':'), text.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, head.sequence);
  if (error != std::errc{} || end != text.data() + colon || colon == text.size() || head.sequence < 0)
    return std::nullopt;
  head.hash = text.substr(colon + 1);
  return head;
}

/// What a row says, in the order in which it is hashed.
struct Content {
  std::string id;
  std::int64_t at = 0;
  std::string actor;
  std::string action;
  std::string subject;
  std::string detail;
};

std::string hash_after(const AuditHead& head, const Content& row) {
  std::string text = head.hash;
  for (const std::string& part : {std::to_string(head.sequence + 1), row.id, std::to_string(row.at),
                                  row.actor, row.action, row.subject, row.detail}) {
    append_u32(text, static_cast<std::uint32_t>(part.size()));
    text += part;
  }
  return sha256_hex(text);
}

/// Of a row whose first column is its id.
Content content_of(const db::Row& row, std::size_t first) {
  return {.id = row.text(first),
          .at = row.integer(first + 1),
          .actor = row.text(first + 2),
          .action = row.text(first + 3),
          .subject = row.text(first + 4),
          .detail = row.text(first + 5)};
}

AuditHead beginning() {
  return {.sequence = 0, .hash = sha256_hex(start)};
}

/// Held until the end of the transaction: there is one appender.
Result<AuditHead> hold_head(db::Transaction& transaction) {
  auto made =
      transaction.execute("INSERT INTO hub_meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                          {head_name, text_of(beginning())});
  if (!made) return failure(made);
  auto rows = transaction.query(
      "SELECT value FROM hub_meta WHERE name = $1" + std::string(transaction.for_update()), {head_name});
  if (!rows) return failure(rows);
  auto head = rows->empty() ? std::nullopt : head_in(rows->front().text(0));
  if (!head) return fail(Errc::corrupt, "the audit's head is none");
  return std::move(*head);
}

/// Walks along the chain.
class Verifier {
 public:
  void take(const db::Row& row) {
    const std::int64_t sequence = row.integer(0);
    if (sequence != head_.sequence + 1) {
      note("audit: rows " + std::to_string(head_.sequence + 1) + " to " + std::to_string(sequence - 1) +
           " are missing");
      head_.sequence = sequence - 1;
    } else if (row.text(7) != hash_after(head_, content_of(row, 1))) {
      note("audit row " + std::to_string(sequence) + " is not as it was written");
    }
    // From its own hash on, so that one wrong row is told once.
    head_ = {.sequence = sequence, .hash = row.text(7)};
  }
  void end_at(const std::optional<AuditHead>& told) {
    if (!told) {
      if (head_.sequence > 0) note("audit: its head is missing");
    } else if (told->sequence != head_.sequence) {
      note("audit: it ends with row " + std::to_string(head_.sequence) + ", not with " +
           std::to_string(told->sequence));
    } else if (told->hash != head_.hash) {
      note("audit: its last row is not the one that was written last");
    }
  }
  std::int64_t at() const { return head_.sequence; }
  std::vector<std::string> take_mismatches() { return std::move(mismatches_); }

 private:
  void note(std::string mismatch) {
    if (mismatches_.size() < mismatches_max) mismatches_.push_back(std::move(mismatch));
  }

  AuditHead head_ = beginning();
  std::vector<std::string> mismatches_;
};

Result<std::optional<std::string>> newest_unchained(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT id FROM audit WHERE sequence IS NULL ORDER BY id DESC LIMIT 1");
  if (!rows) return failure(rows);
  return rows->empty() ? std::nullopt : std::optional(rows->front().text(0));
}

}  // namespace

Result<Chained> chain_audit(db::Transaction& transaction, std::int64_t limit) {
  auto head = hold_head(transaction);
  if (!head) return failure(head);
  auto rows = transaction.query(
      "SELECT id, at, actor, action, subject, detail FROM audit WHERE sequence IS NULL ORDER BY id LIMIT $1",
      {limit});
  if (!rows) return failure(rows);
  for (const db::Row& row : *rows) {
    const Content content = content_of(row, 0);
    *head = {.sequence = head->sequence + 1, .hash = hash_after(*head, content)};
    auto chained = transaction.execute("UPDATE audit SET sequence = $2, hash = $3 WHERE id = $1",
                                       {content.id, head->sequence, head->hash});
    if (!chained) return failure(chained);
  }
  if (!rows->empty()) {
    auto moved =
        transaction.execute("UPDATE hub_meta SET value = $2 WHERE name = $1", {head_name, text_of(*head)});
    if (!moved) return failure(moved);
  }
  return Chained{.head = std::move(*head),
                 .added = static_cast<std::int64_t>(rows->size()),
                 .last_id = rows->empty() ? "" : rows->back().text(0)};
}

Task<Result<Chained>> chain_waiting_audit(db::Database& database, std::int64_t at_once) {
  const auto newest = co_await db::read_for<std::optional<std::string>>(database, &newest_unchained);
  if (!newest) co_return std::unexpected(newest.error());
  Chained all;
  // Rows are chained in the order of their ids: what is written meanwhile comes behind.
  for (bool waits = newest->has_value(); waits;) {
    auto chained = co_await db::write_for<Chained>(
        database, [at_once](db::Transaction& transaction) { return chain_audit(transaction, at_once); });
    if (!chained) co_return failure(chained);
    waits = chained->added == at_once && chained->last_id < **newest;
    chained->added += all.added;
    all = std::move(*chained);
  }
  co_return all;
}

Result<std::vector<ChainedEntry>> list_audit(db::Transaction& transaction, std::int64_t before,
                                             std::int64_t limit) {
  auto rows = transaction.query(
      "SELECT " + columns + " FROM audit WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2",
      {before, limit});
  if (!rows) return failure(rows);
  std::vector<ChainedEntry> entries;
  for (const db::Row& row : *rows) {
    entries.push_back({.sequence = row.integer(0),
                       .id = row.text(1),
                       .entry = {.id = {},
                                 .at = WallTime{Millis{row.integer(2)}},
                                 .actor = row.text(3),
                                 .action = row.text(4),
                                 .subject = row.text(5),
                                 .detail = row.text(6)},
                       .hash = row.text(7)});
  }
  return entries;
}

Result<std::vector<std::string>> verify_audit(db::Transaction& transaction) {
  constexpr std::int64_t page_rows = 1'000;
  Verifier verifier;
  while (true) {
    auto rows =
        transaction.query("SELECT " + columns + " FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2",
                          {verifier.at(), page_rows});
    if (!rows) return failure(rows);
    for (const db::Row& row : *rows) verifier.take(row);
    if (rows->size() < static_cast<std::size_t>(page_rows)) break;
  }
  auto head = transaction.query("SELECT value FROM hub_meta WHERE name = $1", {head_name});
  if (!head) return failure(head);
  verifier.end_at(head->empty() ? std::nullopt : head_in(head->front().text(0)));
  return verifier.take_mismatches();
}

}  // namespace perkline::hub::identity
