#include "edge/session/session_store.hpp"

#include <algorithm>

#include "edge/session/session_record.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::edge::session {
namespace {

using journal::Batch;
using journal::Family;

constexpr std::size_t time_bytes = 8;

/// (when, who): sorted by time. Times before 1970 sort as 1970.
std::string due_key(WallTime when, const SessionId& id) {
  std::string key;
  append_u64(key, static_cast<std::uint64_t>(std::max<std::int64_t>(0, when.time_since_epoch().count())));
  return key + id.str();
}

/// Ids are UUIDv7, so they sort by the time they were made: no earlier one is behind this.
SessionId first_id_of(WallTime time) {
  Uuid id;
  const auto millis = static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.time_since_epoch().count()));
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(millis >> (8 * (5 - i)));
  return SessionId("sess_" + id.str());
}

/// Adds what `next` changes.
Batch changes(const std::optional<Session>& before, const Session& next, Batch batch) {
  if (!before) batch.put(Family::by_transaction, next.transaction.str(), next.id.str());
  batch.put(Family::sessions, next.id.str(), encode(next));
  const auto was_due = before ? before->next_attempt_at : std::nullopt;
  if (was_due != next.next_attempt_at) {
    if (was_due) batch.erase(Family::due, due_key(*was_due, next.id));
    if (next.next_attempt_at) batch.put(Family::due, due_key(*next.next_attempt_at, next.id), "");
  }
  const bool was_review = before && before->status == Status::review;
  const bool is_review = next.status == Status::review;
  if (is_review && !was_review) batch.put(Family::dead_letters, next.id.str(), "");
  if (was_review && !is_review) batch.erase(Family::dead_letters, next.id.str());
  return batch;
}

}  // namespace

SessionStore::SessionStore(journal::Journal& journal, journal::Outbox& outbox)
    : journal_(journal), outbox_(outbox) {}

Result<std::optional<Session>> SessionStore::find(const SessionId& id) const {
  auto record = journal_.get(Family::sessions, id.str());
  if (!record) return failure(record);
  if (!*record) return std::nullopt;
  auto session = decode(**record);
  if (!session) return failure(session);
  return std::move(*session);
}

Result<std::optional<Session>> SessionStore::find(const TransactionId& transaction) const {
  auto id = journal_.get(Family::by_transaction, transaction.str());
  if (!id) return failure(id);
  if (!*id) return std::nullopt;
  auto session = find(SessionId(**id));
  if (session && !*session) return fail(Errc::corrupt, "a transaction's session is missing");
  return session;
}

Result<std::optional<Session>> SessionStore::predecessor(const Session& next) const {
  if (committing_.contains(next.id))
    return fail(Errc::version_conflict, "a commit of the session is under way");
  auto before = find(next.id);
  if (!before) return before;
  const std::uint64_t stored = *before ? (*before)->version : 0;
  if (next.version != stored + 1) {
    return fail(Errc::version_conflict, "version " + std::to_string(stored) + " is stored, version " +
                                            std::to_string(next.version) + " was to follow");
  }
  return before;
}

Task<Result<void>> SessionStore::commit(Session next, std::vector<journal::NewEvent> events, Batch also) {
  auto before = predecessor(next);
  if (!before) co_return failure(before);
  committing_.insert(next.id);
  co_await outbox_.commit(changes(*before, next, std::move(also)), std::move(events));
  committing_.erase(next.id);
  if (*before && (*before)->next_attempt_at) --waiting_;
  if (next.next_attempt_at) ++waiting_;
  if (*before && (*before)->status == Status::review) --reviews_;
  if (next.status == Status::review) ++reviews_;
  if (observe_) observe_(next.status);
  co_return Result<void>{};
}

Result<SessionStore::Page> SessionStore::waiting(std::string_view from, std::size_t count_max) const {
  Page page;
  bool whole = true;
  auto scanned = journal_.scan(Family::due, from, [&](std::string_view key, std::string_view) {
    whole = key.size() > time_bytes;
    if (!whole || page.ids.size() == count_max) {
      page.next = key;
      return false;
    }
    page.ids.emplace_back(std::string(key.substr(time_bytes)));
    return true;
  });
  if (!scanned) return failure(scanned);
  if (!whole) return fail(Errc::corrupt, "a due entry without a session");
  return page;
}

Result<void> SessionStore::count() {
  const auto count_of = [this](Family family, std::size_t& count) {
    count = 0;
    return journal_.scan(family, "", [&](std::string_view, std::string_view) {
      ++count;
      return true;
    });
  };
  if (auto counted = count_of(Family::due, waiting_); !counted) return counted;
  return count_of(Family::dead_letters, reviews_);
}

Result<std::optional<WallTime>> SessionStore::waiting_since() const {
  std::optional<WallTime> since;
  auto scanned = journal_.scan(Family::due, "", [&](std::string_view key, std::string_view) {
    if (key.size() > time_bytes) since = WallTime{Millis{static_cast<std::int64_t>(read_u64(key))}};
    return false;
  });
  if (!scanned) return failure(scanned);
  return since;
}

Result<SessionStore::Page> SessionStore::page_of(Family family, std::string_view from,
                                                 std::size_t count_max) const {
  Page page;
  auto scanned = journal_.scan(family, from, [&](std::string_view key, std::string_view) {
    if (page.ids.size() == count_max) {
      page.next = key;
      return false;
    }
    page.ids.emplace_back(std::string(key));
    return true;
  });
  if (!scanned) return failure(scanned);
  return page;
}

Result<SessionStore::Page> SessionStore::opened_since(WallTime since, std::string_view from,
                                                      std::size_t count_max) const {
  const std::string first = first_id_of(since).str();
  return page_of(Family::sessions, std::max<std::string_view>(first, from), count_max);
}

Result<SessionStore::Page> SessionStore::reviews(std::string_view from, std::size_t count_max) const {
  return page_of(Family::dead_letters, from, count_max);
}

}  // namespace perkline::edge::session
