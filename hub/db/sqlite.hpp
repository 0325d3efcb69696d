#pragma once

#include <memory>
#include <string>

#include "hub/db/database.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::hub::db {

/// SQLite with group commit: one writer thread runs all waiting writes in one transaction, each in a
/// savepoint of its own, and commits them together; readers work on snapshots beside it, on threads of their
/// own.
class Sqlite final : public Database {
 public:
  /// Makes the file if it is not there. `reactor` must outlive the database; its thread is the one that
  /// calls. Errors: database_unavailable.
  static Result<std::unique_ptr<Sqlite>> open(net::Reactor& reactor, const std::string& path);
  /// Finishes what waits; nobody is resumed any more.
  ~Sqlite() override;

  Engine engine() const override { return Engine::sqlite; }
  Task<Result<void>> write(std::function<Result<void>(Transaction&)> work) override;
  Task<Result<void>> read(std::function<Result<void>(Transaction&)> work) override;

 private:
  struct State;
  explicit Sqlite(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace perkline::hub::db
