#pragma once

#include <chrono>
#include <memory>
#include <mutex>

#include "hub/db/postgres_connection.hpp"
#include "shared/core/random.hpp"

namespace perkline::hub::db {

/// Whether it makes sense to connect: after a failure nobody tries for a while, then one alone. Shared by all
/// connections to a database; any thread.
class PostgresGate {
 public:
  enum class Pass : std::uint8_t {
    no,     ///< Not now.
    open,   ///< As far as anybody knows it is there.
    alone,  ///< It was not, a while ago.
  };
  Pass enter();
  /// What came of it.
  void leave(bool connected);

 private:
  std::mutex mutex_;
  bool closed_ = false;
  bool trying_ = false;
  std::chrono::steady_clock::time_point closed_until_{};
  std::chrono::milliseconds pause_{};
  SystemRng rng_;
};

/// One connection, made when it is needed and anew when it was lost, and what it takes to bring a piece of
/// work to its end there: again after a conflict or a loss, and a commit that nobody heard of looked up
/// first. One thread.
class PostgresRunner {
 public:
  using Access = PostgresConnection::Access;
  using Work = PostgresConnection::Work;
  using Deadline = PostgresWire::Deadline;

  /// `gate` must outlive it.
  PostgresRunner(PostgresTarget target, Access access, PostgresGate& gate)
      : target_(std::move(target)), access_(access), gate_(gate) {}

  /// Connects, unless it is connected. Errors: database_unavailable, not_found (no such database), internal.
  Result<void> connect();
  /// Tries no more after `give_up`; a statement in progress then has a second left, and a commit is looked up
  /// once. Errors:
  /// those of `work`; database_unavailable, overloaded (conflicts until `give_up`).
  Result<void> run(const Work& work, Deadline give_up);
  /// For whoever has nothing to run at once: leaves nothing open.
  void settle();

 private:
  Result<std::unique_ptr<PostgresConnection>> open(bool is_known_away) const;
  Result<bool> look_up(const CommitMark& mark, Deadline give_up);
  /// Sleeps up to `at_most`, a random part of it. False: interrupted, or past `give_up` by then.
  bool rest(std::chrono::milliseconds at_most, Deadline give_up);

  const PostgresTarget target_;
  const Access access_;
  PostgresGate& gate_;
  std::unique_ptr<PostgresConnection> connection_;
  SystemRng rng_;
};

}  // namespace perkline::hub::db
