#pragma once

#include <functional>

#include "hub/db/database.hpp"

namespace perkline::hub::db {

/// A database without threads: work runs at once on the caller's. For command-line tools, which have no
/// reactor and use the `_now` calls, and for the simulation, where one thread must do everything. One thread.
class InlineDatabase : public Database {
 public:
  using Work = std::function<Result<void>(Transaction&)>;

  /// As write() and read(), without a coroutine.
  virtual Result<void> write_now(const Work& work) = 0;
  virtual Result<void> read_now(const Work& work) = 0;

  Task<Result<void>> write(Work work) final { co_return write_now(work); }
  Task<Result<void>> read(Work work) final { co_return read_now(work); }
};

}  // namespace perkline::hub::db
