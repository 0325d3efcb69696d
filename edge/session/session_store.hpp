#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "edge/journal/outbox.hpp"
#include "edge/session/session.hpp"
#include "shared/net/task.hpp"

namespace perkline::edge::session {

/// Sessions in the journal: one record a session in `sessions`, its name for the till in `by_transaction`,
/// and a place in `due` while PDI's word on it is out, so that a start finds those without reading every
/// session. Reactor's thread.
class SessionStore {
 public:
  /// Both must outlive the store.
  SessionStore(journal::Journal& journal, journal::Outbox& outbox);

  /// What is durable; nullopt: there is none. Errors: corrupt, newer_format, io_failed.
  Result<std::optional<Session>> find(const SessionId& id) const;
  Result<std::optional<Session>> find(const TransactionId& transaction) const;

  /// Commits `next` with `events` and `also` as one: durable when it returns. The first version also takes
  /// the transaction's name. Errors: version_conflict (the stored version is not next's less one, or a commit
  /// of that session is under way), corrupt, newer_format, io_failed.
  Task<Result<void>> commit(Session next, std::vector<journal::NewEvent> events = {},
                            journal::Batch also = {});

  struct Page {
    std::vector<SessionId> ids;
    std::string next;  ///< Where the next page begins; empty: there is none.
  };
  /// The sessions that have a place in `due`, the longest waiting first: up to `count_max` from where a page
  /// before ended (empty: from the first). Errors: corrupt, io_failed.
  Result<Page> waiting(std::string_view from, std::size_t count_max) const;
  /// How many there are, and how many in review, once count() has looked.
  std::size_t waiting_count() const { return waiting_; }
  std::size_t review_count() const { return reviews_; }
  /// Reads every place in `due`, but no session. Errors: io_failed.
  Result<void> count();
  /// When the one that waits longest began to; nullopt: none waits. Errors: corrupt, io_failed.
  Result<std::optional<WallTime>> waiting_since() const;

  /// The sessions opened at `since` or later, by their ids, the oldest first; pages as above.
  Result<Page> opened_since(WallTime since, std::string_view from, std::size_t count_max) const;
  /// The sessions in review, likewise, by id.
  Result<Page> reviews(std::string_view from, std::size_t count_max) const;

  /// Called after each commit with the status the session is in now.
  using OnStep = std::function<void(Status to)>;
  void on_step(OnStep observe) { observe_ = std::move(observe); }

 private:
  Result<Page> page_of(journal::Family family, std::string_view from, std::size_t count_max) const;
  Result<std::optional<Session>> predecessor(const Session& next) const;

  journal::Journal& journal_;
  journal::Outbox& outbox_;
  std::unordered_set<SessionId> committing_;
  std::size_t waiting_ = 0;
  std::size_t reviews_ = 0;
  OnStep observe_;
};

}  // namespace perkline::edge::session
