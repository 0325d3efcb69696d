#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/db/migrate.hpp"
#include "hub/db/sqlite_inline.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::test {

/// A migrated database in memory, unless a file is named, with short ways to ask it.
class HubDatabase {
 public:
  explicit HubDatabase(const std::string& path = ":memory:") : path_(path) {
    reopen();
    EXPECT_TRUE(run_task(world_, hub::db::migrate(*database_, clock, uuids)));
  }

  hub::db::Database& port() { return *database_; }
  SimWorld& world() { return world_; }
  /// As after a restart; only for a file.
  void reopen() {
    database_.reset();
    database_ = std::move(hub::db::SqliteInline::open(path_).value());
  }

  template <class Work>
  Result<void> write(Work&& work) {
    return database_->write_now(std::forward<Work>(work));
  }
  template <class Work>
  Result<void> read(Work&& work) {
    return database_->read_now(std::forward<Work>(work));
  }
  /// The rows changed.
  std::int64_t execute(std::string sql, std::vector<hub::db::Value> parameters = {}) {
    std::int64_t changed = 0;
    EXPECT_TRUE(write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto done = transaction.execute(sql, parameters);
      if (!done) return failure(done);
      changed = *done;
      return {};
    })) << sql;
    return changed;
  }
  hub::db::Rows rows(std::string sql, std::vector<hub::db::Value> parameters = {}) {
    hub::db::Rows found;
    EXPECT_TRUE(read([&](hub::db::Transaction& transaction) -> Result<void> {
      auto rows = transaction.query(sql, parameters);
      if (!rows) return failure(rows);
      found = std::move(*rows);
      return {};
    })) << sql;
    return found;
  }
  std::int64_t number(std::string sql, std::vector<hub::db::Value> parameters = {}) {
    return rows(std::move(sql), std::move(parameters)).at(0).integer(0);
  }

  ManualClock clock;
  SeededRng rng{1};
  UuidMaker uuids{clock, rng};

 private:
  std::string path_;
  VirtualTime time_;
  SimWorld world_{time_};
  std::unique_ptr<hub::db::SqliteInline> database_;
};

}  // namespace perkline::test
