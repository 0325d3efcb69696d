#pragma once

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/db/postgres_statements.hpp"
#include "hub/db/postgres_wire.hpp"
#include "tests/contract/hub/database_subject.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {

using hub::db::PostgresOptions;
using hub::db::Transaction;
using Work = DatabaseSubject::Work;

inline Work execute(std::string sql, std::vector<hub::db::Value> parameters = {}) {
  return
      [sql = std::move(sql), parameters = std::move(parameters)](Transaction& transaction) -> Result<void> {
        auto done = transaction.execute(sql, parameters);
        if (!done) return failure(done);
        return {};
      };
}

/// One statement outside of any transaction, as an administrator's; its rows' first column.
inline std::vector<std::string> administer(const std::string& url, const std::string& sql) {
  const auto wire = hub::db::PostgresWire::connect({.url = url});
  EXPECT_TRUE(wire) << url;
  if (!wire) return {};
  const std::array steps{hub::db::WireStep{.text = sql}};
  const auto done = (*wire)->exchange(steps, std::chrono::steady_clock::now() + minutes(1));
  EXPECT_TRUE(done && !hub::db::has_failed(done->front().get())) << sql;
  std::vector<std::string> rows;
  for (int row = 0; done && row < hub::db::row_count(done->front().get()); ++row)
    rows.push_back(std::get<std::string>(hub::db::columns_of(done->front().get(), row)->front()));
  return rows;
}

inline std::int64_t number_in(DatabaseSubject& subject, const std::string& sql) {
  std::int64_t number = -1;
  const auto read = subject.read([&](Transaction& transaction) -> Result<void> {
    auto rows = transaction.query(sql);
    if (!rows) return failure(rows);
    number = rows->at(0).integer(0);
    return {};
  });
  EXPECT_TRUE(read) << sql;
  return number;
}

/// Reads, thinks, and writes what it has thought of.
inline Work add_one(std::string_view row) {
  return [row = std::string(row)](Transaction& transaction) -> Result<void> {
    auto rows = transaction.query(
        "SELECT n FROM counter WHERE name = $1" + std::string(transaction.for_update()), {row});
    if (!rows) return failure(rows);
    auto done =
        transaction.execute("UPDATE counter SET n = $2 WHERE name = $1", {row, rows->at(0).integer(0) + 1});
    if (!done) return failure(done);
    return {};
  };
}

inline void make_counters(DatabaseSubject& subject) {
  ASSERT_TRUE(
      subject.write(execute("CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")));
  ASSERT_TRUE(subject.write(execute("INSERT INTO counter (name, n) VALUES ('a', 0), ('b', 0)")));
}

/// Ends whoever is at a COMMIT, once somebody is.
inline void cut_off_a_commit(const std::string& url, const std::string& waiting_for) {
  const std::string there =
      " FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT' AND wait_event = '" +
      waiting_for + "'";
  EXPECT_TRUE(eventually([&] { return !administer(url, "SELECT pid::text" + there).empty(); }));
  administer(url, "SELECT pg_terminate_backend(pid)::text" + there);
}

}  // namespace perkline::test
