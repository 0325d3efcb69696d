#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <variant>
#include <vector>

#include "edge/journal/outbox.hpp"
#include "edge/session/session_record.hpp"
#include "edge/session/sessions_at_work.hpp"
#include "shared/net/task.hpp"

namespace perkline::edge::session {

/// Ids are UUIDv7, so they sort by the time they were made: no session made at `time` or later is before
/// this.
SessionId first_id_of(WallTime time);

/// Sessions in the journal: one record a session in `sessions`, and after some time in `archive`; its name
/// for the till in `by_transaction`, as those of its returns; a place in `due` while PDI's word on it is out
/// and one in `expiry` while it may lapse, so that nobody reads every session to find those. Returns of other
/// stores' sales lie beside the sessions. Reactor's thread.
class SessionStore {
 public:
  /// Both must outlive the store.
  SessionStore(journal::Journal& journal, journal::Outbox& outbox);

  /// What is durable, archived or not; nullopt: there is none. Errors: corrupt, newer_format, io_failed.
  Result<std::optional<Session>> find(const SessionId& id) const;
  Result<std::optional<Kept>> look_up(const SessionId& id) const;
  /// The same as find(), uncopied; for those who will ask for it again in a moment: it stays in memory.
  Result<SharedSession> share(const SessionId& id);
  /// The same as find(), for whoever is about to commit its next version.
  Result<std::optional<Session>> take(const SessionId& id);
  /// Whose the till's name is: a sale's, that of a return of this sale, of a return of another store's, or of
  /// a claim.
  using Named = std::variant<Session, ForeignReturn, ClaimName>;
  Result<std::optional<Named>> find(const TransactionId& transaction) const;

  /// Commits `next`, where the session lies, with `events` and `also` as one: durable when it returns. The
  /// first version also takes the transaction's name, as every one takes those of the returns it adds.
  /// Gives what was committed. Errors: version_conflict (the stored version is not next's less one, or a
  /// commit of that session is under way), corrupt, newer_format, io_failed.
  Task<Result<SharedSession>> commit(Session next, std::vector<journal::NewEvent> events = {},
                                     journal::Batch also = {});

  /// Commits the first version of a session whose id has just been made: nothing is stored under that, and
  /// nobody looks. Otherwise as above.
  Task<Result<SharedSession>> open(Session session, journal::Batch also);

  /// Commits a return that nobody has heard of, with its event: durable when it returns.
  Task<void> add(ForeignReturn foreign, journal::NewEvent event);

  struct Page {
    std::vector<SessionId> ids;
    std::string next;  ///< Where the next page begins; empty: there is none.
  };
  /// The sessions that have a place in `due`, the longest waiting first: up to `count_max` from where a page
  /// before ended (empty: from the first). Errors: corrupt, io_failed.
  Result<Page> waiting(std::string_view from, std::size_t count_max) const;
  /// How many there are, and how many in review, once count() has looked.
  std::size_t waiting_count() const { return waiting_; }
  std::size_t review_count() const { return open_count(Status::review); }
  /// How many are in that status, which is no end, once count() has looked.
  std::size_t open_count(Status status) const { return open_[static_cast<std::size_t>(status)]; }
  /// Reads every place of a session that is open, but no session: the place tells its status. (One that an
  /// earlier version has made does not: that session is read.) Errors: corrupt, newer_format, io_failed.
  Result<void> count();
  /// When the one that waits longest began to; nullopt: none waits. Errors: corrupt, io_failed.
  Result<std::optional<WallTime>> waiting_since() const;

  /// The sessions opened at `since` or later and not archived, by their ids, the oldest first; pages as
  /// above.
  Result<Page> opened_since(WallTime since, std::string_view from, std::size_t count_max) const;
  struct Period {
    WallTime since = {};
    WallTime until;  ///< Not itself.
  };
  /// Those opened in a period, likewise: not archived, and archived.
  Result<Page> opened_in(const Period& period, std::string_view from, std::size_t count_max) const;
  Result<Page> archived_of(const Period& period, std::string_view from, std::size_t count_max) const;
  /// The sessions in review, likewise, by id.
  Result<Page> reviews(std::string_view from, std::size_t count_max) const;

  /// The sessions that may lapse and whose time is over in a period, the oldest first; pages as above.
  Result<Page> lapsing(const Period& period, std::string_view from, std::size_t count_max) const;
  /// Gives a session that may lapse its place in `expiry`, if it has none. As the next two for SessionWriter,
  /// who sees to it that the session is not being changed meanwhile: version_conflict if it is. Other errors:
  /// find's.
  Task<Result<void>> index_expiry(SessionId id);
  /// Moves sessions, which must be as they are stored, into the archive; forgets archived ones and frees
  /// their transactions' names. Each as one batch, durable when it returns. Errors: version_conflict,
  /// io_failed.
  Task<Result<void>> archive(std::vector<Session> sessions, WallTime now);
  Task<Result<void>> remove(std::vector<Session> sessions);
  /// Writes what is kept anew, where it lies, as one batch: its content may be another, its version, status
  /// and places are not. Durable when it returns. Errors: version_conflict.
  Task<Result<void>> replace(std::vector<Kept> kept);
  /// Forgets returns of other stores' sales that were taken before `until`, with their transactions' names,
  /// the oldest first and at most so many, as one batch. Gives how many went, durably. Errors: corrupt,
  /// newer_format, io_failed.
  Task<Result<std::size_t>> remove_foreign_returns(WallTime until, std::size_t count_max);

  /// Called after each commit with the status the session is in now.
  using OnStep = std::function<void(Status to)>;
  void on_step(OnStep observe) { observe_ = std::move(observe); }

 private:
  /// What of an ordered family a page may hold.
  struct Range {
    journal::Family family;
    std::string from;
    std::string before = {};  ///< Empty: to the end.
  };
  static Range range_of(journal::Family family, const Period& period, std::string_view from);
  Result<std::optional<std::string>> first_due() const;
  void place_taken(const Session& next);
  Result<Page> page_of(const Range& range, std::size_t count_max) const;
  Result<Page> page_by_time(const Range& range, std::size_t count_max) const;
  Result<void> count_places(journal::Family family);
  void count_step(const std::optional<Predecessor>& before, const Session& next);
  Result<std::optional<Predecessor>> stored(const SessionId& id) const;
  Result<std::optional<Predecessor>> predecessor(const Session& next) const;
  Task<Result<SharedSession>> follow(std::optional<Predecessor> before, Session next,
                                     std::vector<journal::NewEvent> events, journal::Batch also);
  Task<Result<void>> rewrite(std::vector<Session> sessions, journal::Batch batch);

  journal::Journal& journal_;
  journal::Outbox& outbox_;
  std::unordered_set<SessionId> committing_;
  /// None of them is being committed: between two commits nobody else changes the journal's record.
  SessionsAtWork at_work_{sessions_at_work_max};
  std::size_t waiting_ = 0;
  bool counted_ = false;
  /// Nothing lies in `due` before it. Settled sales leave their erased places there, of which a long queue
  /// has many: to come by all of them again and again would take the reactor's time.
  mutable std::string due_from_;
  std::array<std::size_t, status_count + 1> open_{};  ///< By status; only of those that are no end.
  OnStep observe_;
};

}  // namespace perkline::edge::session
