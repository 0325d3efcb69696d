#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/postgres_database.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::test {

/// A place for a database of the engine that this run is told to test on; nothing is there yet, but for a
/// schema where one is copied.
class DatabasePlace {
 public:
  /// On SQLite in memory, or the file that is named; on PostgreSQL always one of its own.
  explicit DatabasePlace(const std::string& path = ":memory:", Schema schema = Schema::copied)
      : url_("sqlite:" + path) {
    if (!on_postgres()) return;
    postgres_.emplace(schema);
    url_ = postgres_->url();
  }
  const std::string& url() const { return url_; }
  std::unique_ptr<hub::db::InlineDatabase> open() const {
    return std::move(hub::db::open_for_tool(url_, hub::db::IfMissing::make).value());
  }

 private:
  std::optional<PostgresDatabase> postgres_;
  std::string url_;
};

/// A migrated one, with short ways to ask it.
class HubDatabase {
 public:
  explicit HubDatabase(const std::string& path = ":memory:") : place_(path), database_(place_.open()) {
    const auto migrated = run_task(world_, hub::db::migrate(*database_, clock, uuids));
    EXPECT_TRUE(migrated) << migrated.error().detail;
  }

  hub::db::Database& port() { return *database_; }
  SimWorld& world() { return world_; }
  /// As after a restart; only for a file.
  void reopen() {
    database_.reset();
    database_ = place_.open();
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
  /// From here on the schema's checks and references are held to no more.
  void forget_checks() {
    if (!on_postgres()) {
      execute("PRAGMA ignore_check_constraints = ON");
      return;
    }
    for (const auto& row : rows("SELECT CAST(conrelid AS regclass)::text, conname FROM pg_constraint"
                                " WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace")) {
      execute("ALTER TABLE " + row.text(0) + " DROP CONSTRAINT " + row.text(1));
    }
  }
  std::int64_t number(std::string sql, std::vector<hub::db::Value> parameters = {}) {
    return rows(std::move(sql), std::move(parameters)).at(0).integer(0);
  }

  ManualClock clock;
  SeededRng rng{1};
  UuidMaker uuids{clock, rng};

 private:
  DatabasePlace place_;
  VirtualTime time_;
  SimWorld world_{time_};
  std::unique_ptr<hub::db::InlineDatabase> database_;
};

}  // namespace perkline::test
