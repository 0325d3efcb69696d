#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "hub/db/database.hpp"

namespace perkline::net {
class Reactor;
}

namespace perkline::hub::db {

struct PostgresOptions {
  std::size_t waiting_max = 4'096;  ///< Writes, and likewise reads, that may wait; more get overloaded.
  std::size_t writers = 8;          ///< Connections, each with a thread, as the next.
  std::size_t readers = 4;
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds statement_timeout{10'000};
  /// From the call on: so long work is tried again, and so long it may wait for its turn.
  std::chrono::milliseconds retry_for{8'000};
};

/// PostgreSQL, or what speaks its protocol, behind pooled connections on threads of their own: writes READ
/// COMMITTED, many at once; reads on snapshots. A conflict is run again, a lost connection made anew, a
/// commit that nobody heard of looked up before anything is tried again. While the database is away callers
/// hear of it at once.
class Postgres final : public Database {
 public:
  /// Connects with the first work; makes the database where the server has none of that name. `reactor` must
  /// outlive it; its thread is the one that calls. Errors: validation_failed (the URL), internal.
  static Result<std::unique_ptr<Postgres>> open(net::Reactor& reactor, const std::string& url,
                                                PostgresOptions options = {});
  /// Takes work in progress back; who still waits is never resumed. Reactor's thread, or after its end.
  ~Postgres() override;

  Engine engine() const override { return Engine::postgresql; }
  Task<Result<void>> write(std::function<Result<void>(Transaction&)> work) override;
  Task<Result<void>> read(std::function<Result<void>(Transaction&)> work) override;

 private:
  class Impl;
  explicit Postgres(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace perkline::hub::db
