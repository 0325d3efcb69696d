#include "edge/session/session_store.hpp"

#include <algorithm>

#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::edge::session {
namespace {

using journal::Batch;
using journal::Family;

constexpr std::size_t time_bytes = 8;

/// (when, who): sorted by time. Times before 1970 sort as 1970.
std::string time_key(WallTime when, const SessionId& id) {
  std::string key;
  append_u64(key, static_cast<std::uint64_t>(std::max<std::int64_t>(0, when.time_since_epoch().count())));
  return key + id.str();
}

/// No UUIDv7 made at `time` or later sorts before it.
Uuid first_uuid_of(WallTime time) {
  Uuid id;
  const auto millis = static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.time_since_epoch().count()));
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(millis >> (8 * (5 - i)));
  return id;
}

/// What lies in a place: the session's status.
std::string place_value(Status status) {
  return std::string(1, static_cast<char>(status));
}

/// A session's place in a family that is sorted by time.
struct Place {
  std::optional<WallTime> when;
  Status status;
  bool operator==(const Place&) const = default;
};

/// Adds a session's move from one place to another; `from` nullopt: it is new.
void move_place(Batch& batch, Family family, const SessionId& id, const std::optional<Place>& from,
                const Place& to) {
  if (from == to) return;
  if (from && from->when && from->when != to.when) batch.erase(family, time_key(*from->when, id));
  if (to.when) batch.put(family, time_key(*to.when, id), place_value(to.status));
}
Place due_of(const Predecessor& session) {
  return {.when = session.next_attempt_at, .status = session.status};
}
Place lapse_of(const Predecessor& session) {
  return {.when = session.lapses_at, .status = session.status};
}

/// Adds what `next` changes.
Batch changes(const std::optional<Predecessor>& before, const Session& next, Batch batch) {
  const Predecessor after = predecessor_of(next);
  if (!before) batch.put(Family::by_transaction, next.transaction.str(), next.id.str());
  for (std::size_t i = before ? before->returns : 0; i < next.returns.size(); ++i)
    batch.put(Family::by_transaction, next.returns[i].transaction.str(), next.id.str());
  if (before && before->archived_at) {
    batch.put(Family::archive, next.id.str(), encode_archived(next, *before->archived_at));
  } else {
    batch.put(Family::sessions, next.id.str(), encode(next));
  }
  move_place(batch, Family::due, next.id, before ? std::optional(due_of(*before)) : std::nullopt,
             due_of(after));
  move_place(batch, Family::expiry, next.id, before ? std::optional(lapse_of(*before)) : std::nullopt,
             lapse_of(after));
  const bool was_review = before && before->status == Status::review;
  const bool is_review = next.status == Status::review;
  if (is_review && !was_review) batch.put(Family::dead_letters, next.id.str(), "");
  if (was_review && !is_review) batch.erase(Family::dead_letters, next.id.str());
  return batch;
}

}  // namespace

SessionId first_id_of(WallTime time) {
  return SessionId("sess_" + first_uuid_of(time).str());
}

SessionStore::SessionStore(journal::Journal& journal, journal::Outbox& outbox)
    : journal_(journal), outbox_(outbox) {}

Result<std::optional<Session>> SessionStore::find(const SessionId& id) const {
  auto kept = look_up(id);
  if (!kept) return failure(kept);
  if (!*kept) return std::nullopt;
  return std::move((*kept)->session);
}

Result<std::optional<Kept>> SessionStore::look_up(const SessionId& id) const {
  if (const SharedSession known = at_work_.find(id)) return Kept{.session = *known};
  auto record = journal_.get(Family::sessions, id.str());
  if (!record) return failure(record);
  if (*record) {
    auto session = decode(**record);
    if (!session) return failure(session);
    return Kept{.session = std::move(*session)};
  }
  auto archived = journal_.get(Family::archive, id.str());
  if (!archived) return failure(archived);
  if (!*archived) return std::nullopt;
  auto kept = decode_archived(**archived);
  if (!kept) return failure(kept);
  return std::move(*kept);
}

Result<SharedSession> SessionStore::share(const SessionId& id) {
  if (auto known = at_work_.find(id)) return known;
  auto kept = look_up(id);
  if (!kept) return failure(kept);
  if (!*kept) return nullptr;
  // What is kept in memory has its place in `sessions`, and is not about to be another.
  if ((*kept)->archived_at || committing_.contains(id))
    return std::make_shared<const Session>(std::move((*kept)->session));
  return at_work_.keep(std::move((*kept)->session));
}

Result<std::optional<Session>> SessionStore::take(const SessionId& id) {
  if (auto known = at_work_.take(id)) return known;
  return find(id);
}

/// What of a session's stored version its next one is held against; nullopt: there is none.
Result<std::optional<Predecessor>> SessionStore::stored(const SessionId& id) const {
  if (const Predecessor* known = at_work_.predecessor(id); known != nullptr) return *known;
  const auto kept = look_up(id);
  if (!kept) return std::unexpected(kept.error());
  if (!*kept) return std::nullopt;
  return predecessor_of((*kept)->session, (*kept)->archived_at);
}

Result<std::optional<SessionStore::Named>> SessionStore::find(const TransactionId& transaction) const {
  auto id = journal_.get(Family::by_transaction, transaction.str());
  if (!id) return failure(id);
  if (!*id) return std::nullopt;
  if (is_return_id(**id)) {
    auto record = journal_.get(Family::sessions, **id);
    if (!record) return failure(record);
    if (!*record) return fail(Errc::corrupt, "a transaction's return is missing");
    auto foreign = decode_foreign_return(**record);
    if (!foreign) return failure(foreign);
    return Named(std::move(*foreign));
  }
  if (is_claim_record_id(**id)) return Named(ClaimName{.record = std::move(**id)});
  auto session = find(SessionId(**id));
  if (!session) return failure(session);
  if (!*session) return fail(Errc::corrupt, "a transaction's session is missing");
  return Named(std::move(**session));
}

Task<void> SessionStore::add(ForeignReturn foreign, journal::NewEvent event) {
  const Return& goods = foreign.goods;
  Batch batch;
  batch.put(Family::sessions, goods.id.str(), encode(foreign));
  batch.put(Family::by_transaction, goods.transaction.str(), goods.id.str());
  std::vector<journal::NewEvent> events;
  events.push_back(std::move(event));
  co_await outbox_.commit(std::move(batch), std::move(events));
}

Result<std::optional<Predecessor>> SessionStore::predecessor(const Session& next) const {
  if (committing_.contains(next.id))
    return fail(Errc::version_conflict, "a commit of the session is under way");
  auto before = stored(next.id);
  if (!before) return before;
  const std::uint64_t version = *before ? (*before)->version : 0;
  if (next.version != version + 1) {
    return fail(Errc::version_conflict, "version " + std::to_string(version) + " is stored, version " +
                                            std::to_string(next.version) + " was to follow");
  }
  return before;
}

Task<Result<SharedSession>> SessionStore::commit(Session next, std::vector<journal::NewEvent> events,
                                                 Batch also) {
  auto before = predecessor(next);
  if (!before) co_return failure(before);
  co_return co_await follow(*before, std::move(next), std::move(events), std::move(also));
}

Task<Result<SharedSession>> SessionStore::open(Session session, Batch also) {
  PERKLINE_ASSERT(session.version == 1 && at_work_.predecessor(session.id) == nullptr &&
                  !committing_.contains(session.id));
  return follow(std::nullopt, std::move(session), {}, std::move(also));
}

/// Commits what follows `before`; nullopt: nothing is stored yet.
Task<Result<SharedSession>> SessionStore::follow(std::optional<Predecessor> before, Session next,
                                                 std::vector<journal::NewEvent> events, Batch also) {
  committing_.insert(next.id);
  at_work_.forget(next.id);
  co_await outbox_.commit(changes(before, next, std::move(also)), std::move(events));
  committing_.erase(next.id);
  count_step(before, next);
  place_taken(next);
  if (observe_) observe_(next.status);
  if (may_expire(next) || next.status == Status::finalizing) co_return at_work_.keep(std::move(next));
  co_return std::make_shared<const Session>(std::move(next));
}

Result<SessionStore::Page> SessionStore::waiting(std::string_view from, std::size_t count_max) const {
  if (!from.empty()) return page_by_time({.family = Family::due, .from = std::string(from)}, count_max);
  const auto first = first_due();
  if (!first) return std::unexpected(first.error());
  if (!*first) return Page{};
  return page_by_time({.family = Family::due, .from = **first}, count_max);
}

/// The place of the one that waits longest; nullopt: none waits.
Result<std::optional<std::string>> SessionStore::first_due() const {
  std::optional<std::string> first;
  auto scanned = journal_.scan(Family::due, due_from_, [&](std::string_view key, std::string_view) {
    first = key;
    return false;
  });
  if (!scanned) return failure(scanned);
  if (first) due_from_ = *first;
  return first;
}

/// After its commit, so that it lies there for whoever looks from now on.
void SessionStore::place_taken(const Session& next) {
  if (!next.next_attempt_at) return;
  std::string key = time_key(*next.next_attempt_at, next.id);
  const bool alone = counted_ && waiting_ == 1;
  if (alone || key < due_from_) due_from_ = std::move(key);
}

Result<SessionStore::Page> SessionStore::lapsing(const Period& period, std::string_view from,
                                                 std::size_t count_max) const {
  return page_by_time({.family = Family::expiry,
                       .from = std::max(time_key(period.since, SessionId()), std::string(from)),
                       .before = time_key(period.until, SessionId())},
                      count_max);
}

void SessionStore::count_step(const std::optional<Predecessor>& before, const Session& next) {
  if (before && before->next_attempt_at) --waiting_;
  if (next.next_attempt_at) ++waiting_;
  // One that had no place yet, being an earlier version's, was never counted.
  if (before && !is_end(before->status)) {
    std::size_t& count = open_[static_cast<std::size_t>(before->status)];
    count -= std::min<std::size_t>(count, 1);
  }
  if (!is_end(next.status)) ++open_[static_cast<std::size_t>(next.status)];
}

Result<void> SessionStore::count() {
  open_ = {};
  for (const Family family : {Family::due, Family::expiry}) {
    if (auto counted = count_places(family); !counted) return counted;
  }
  counted_ = true;
  std::size_t& reviews = open_[static_cast<std::size_t>(Status::review)];
  reviews = 0;
  return journal_.scan(Family::dead_letters, "", [&](std::string_view, std::string_view) {
    ++reviews;
    return true;
  });
}

/// Of a family whose keys are times and ids.
Result<void> SessionStore::count_places(Family family) {
  std::size_t places = 0;
  Result<void> readable;
  auto scanned = journal_.scan(family, "", [&](std::string_view key, std::string_view value) {
    ++places;
    std::size_t status = value.empty() ? 0 : static_cast<unsigned char>(value.front());
    if (status == 0 && key.size() > time_bytes) {
      const auto session = find(SessionId(std::string(key.substr(time_bytes))));
      if (!session) readable = std::unexpected(session.error());
      if (session && *session) status = static_cast<std::size_t>((*session)->status);
    }
    if (status > status_count) readable = fail(Errc::newer_format, "a status this version does not know");
    if (readable) ++open_[status];
    return readable.has_value();
  });
  if (!scanned) return scanned;
  if (family == Family::due) waiting_ = places;
  return readable;
}

Result<std::optional<WallTime>> SessionStore::waiting_since() const {
  const auto first = first_due();
  if (!first) return std::unexpected(first.error());
  if (!*first || (*first)->size() <= time_bytes) return std::nullopt;
  return WallTime{Millis{static_cast<std::int64_t>(read_u64(**first))}};
}

/// Of a family whose keys are ids.
Result<SessionStore::Page> SessionStore::page_of(const Range& range, std::size_t count_max) const {
  Page page;
  auto scanned = journal_.scan(range.family, range.from, [&](std::string_view key, std::string_view) {
    if (!range.before.empty() && key >= range.before) return false;
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

/// Of a family whose keys are times and ids.
Result<SessionStore::Page> SessionStore::page_by_time(const Range& range, std::size_t count_max) const {
  Page page;
  bool whole = true;
  auto scanned = journal_.scan(range.family, range.from, [&](std::string_view key, std::string_view) {
    if (!range.before.empty() && key >= range.before) return false;
    whole = key.size() > time_bytes;
    if (!whole || page.ids.size() == count_max) {
      page.next = key;
      return false;
    }
    page.ids.emplace_back(std::string(key.substr(time_bytes)));
    return true;
  });
  if (!scanned) return failure(scanned);
  if (!whole) return fail(Errc::corrupt, "a place in time without a session");
  return page;
}

Result<SessionStore::Page> SessionStore::opened_since(WallTime since, std::string_view from,
                                                      std::size_t count_max) const {
  return page_of({.family = Family::sessions, .from = std::max(first_id_of(since).str(), std::string(from))},
                 count_max);
}

SessionStore::Range SessionStore::range_of(Family family, const Period& period, std::string_view from) {
  return {.family = family,
          .from = std::max(first_id_of(period.since).str(), std::string(from)),
          .before = first_id_of(period.until).str()};
}

Result<SessionStore::Page> SessionStore::opened_in(const Period& period, std::string_view from,
                                                   std::size_t count_max) const {
  return page_of(range_of(Family::sessions, period, from), count_max);
}

Result<SessionStore::Page> SessionStore::archived_of(const Period& period, std::string_view from,
                                                     std::size_t count_max) const {
  return page_of(range_of(Family::archive, period, from), count_max);
}

Result<SessionStore::Page> SessionStore::reviews(std::string_view from, std::size_t count_max) const {
  return page_of({.family = Family::dead_letters, .from = std::string(from)}, count_max);
}

// ---- age

Task<Result<void>> SessionStore::index_expiry(SessionId id) {
  auto session = find(id);
  if (!session) co_return failure(session);
  if (!*session || !may_expire(**session)) co_return Result<void>{};
  const auto there = journal_.get(Family::expiry, time_key((*session)->expires_at, id));
  if (!there) co_return std::unexpected(there.error());
  if (*there) co_return Result<void>{};
  Batch batch;
  move_place(batch, Family::expiry, id, std::nullopt, lapse_of(predecessor_of(**session)));
  const Status status = (*session)->status;
  auto indexed = co_await rewrite({std::move(**session)}, std::move(batch));
  if (indexed) ++open_[static_cast<std::size_t>(status)];
  co_return indexed;
}

Task<Result<void>> SessionStore::archive(std::vector<Session> sessions, WallTime now) {
  Batch batch;
  for (const Session& session : sessions) {
    batch.erase(Family::sessions, session.id.str());
    batch.put(Family::archive, session.id.str(), encode_archived(session, now));
  }
  co_return co_await rewrite(std::move(sessions), std::move(batch));
}

Task<Result<void>> SessionStore::remove(std::vector<Session> sessions) {
  Batch batch;
  for (const Session& session : sessions) {
    batch.erase(Family::archive, session.id.str());
    std::vector<TransactionId> names{session.transaction};
    for (const Return& goods : session.returns) names.push_back(goods.transaction);
    for (const TransactionId& name : names) {
      const auto named = journal_.get(Family::by_transaction, name.str());
      if (!named) co_return std::unexpected(named.error());
      if (*named == session.id.str()) batch.erase(Family::by_transaction, name.str());
    }
  }
  co_return co_await rewrite(std::move(sessions), std::move(batch));
}

Task<Result<void>> SessionStore::replace(std::vector<Kept> kept) {
  Batch batch;
  std::vector<Session> sessions;
  for (Kept& each : kept) {
    const std::string id = each.session.id.str();
    if (each.archived_at) {
      batch.put(Family::archive, id, encode_archived(each.session, *each.archived_at));
    } else {
      batch.put(Family::sessions, id, encode(each.session));
    }
    sessions.push_back(std::move(each.session));
  }
  co_return co_await rewrite(std::move(sessions), std::move(batch));
}

Task<Result<std::size_t>> SessionStore::remove_foreign_returns(WallTime until, std::size_t count_max) {
  const std::string end = "ret_" + first_uuid_of(until).str();
  Batch batch;
  std::size_t count = 0;
  Result<void> sound;
  const auto scanned =
      journal_.scan(Family::sessions, "ret_", [&](std::string_view key, std::string_view record) {
        if (key >= end || count == count_max) return false;
        const auto foreign = decode_foreign_return(record);
        if (!foreign) return sound = std::unexpected(foreign.error()), false;
        batch.erase(Family::sessions, std::string(key));
        batch.erase(Family::by_transaction, foreign->goods.transaction.str());
        ++count;
        return true;
      });
  if (!scanned) co_return std::unexpected(scanned.error());
  if (!sound) co_return failure(sound);
  co_await journal_.commit(std::move(batch));
  co_return count;
}

/// Commits what changes no session, only where it lies, while nobody else commits one of them.
Task<Result<void>> SessionStore::rewrite(std::vector<Session> sessions, Batch batch) {
  for (const Session& session : sessions) {
    if (committing_.contains(session.id))
      co_return fail(Errc::version_conflict, "a commit of the session is under way");
  }
  for (const Session& session : sessions) {
    committing_.insert(session.id);
    at_work_.forget(session.id);
  }
  co_await journal_.commit(std::move(batch));
  for (const Session& session : sessions) committing_.erase(session.id);
  co_return Result<void>{};
}

}  // namespace perkline::edge::session
