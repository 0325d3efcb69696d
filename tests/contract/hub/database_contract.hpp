#pragma once

#include <gtest/gtest.h>

#include "tests/contract/hub/database_subject.hpp"

namespace perkline::test {

using hub::db::Blob;
using hub::db::Rows;
using hub::db::Transaction;
using hub::db::Value;
using Work = DatabaseSubject::Work;

/// One adapter, with two tables.
class DatabaseContract : public testing::TestWithParam<Adapter> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(run({"CREATE TABLE parent (id BIGINT NOT NULL PRIMARY KEY)",
                     "CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, name TEXT UNIQUE,"
                     " amount BIGINT CHECK (amount > 0), parent BIGINT REFERENCES parent (id))"}));
  }

  Result<void> run(std::vector<std::string> statements) {
    return subject_->write([statements](Transaction& transaction) -> Result<void> {
      for (const auto& sql : statements) {
        if (auto done = transaction.execute(sql); !done) return failure(done);
      }
      return {};
    });
  }

  Rows rows_of(std::string sql, std::vector<Value> parameters = {}) {
    Rows rows;
    auto done = subject_->read([&](Transaction& transaction) -> Result<void> {
      auto found = transaction.query(sql, parameters);
      if (!found) return failure(found);
      rows = std::move(*found);
      return {};
    });
    EXPECT_TRUE(done);
    return rows;
  }

  std::int64_t count() { return rows_of("SELECT COUNT(*) FROM item")[0].integer(0); }

  /// The error of one statement in a write of its own.
  Errc error_of(std::string sql, std::vector<Value> parameters = {}) {
    auto done = subject_->write([&](Transaction& transaction) -> Result<void> {
      auto executed = transaction.execute(sql, parameters);
      if (!executed) return failure(executed);
      return {};
    });
    EXPECT_FALSE(done) << sql;
    return done ? Errc{} : done.error().code;
  }

  static Work insert(std::int64_t id) {
    return [id](Transaction& transaction) -> Result<void> {
      auto done = transaction.execute("INSERT INTO item (id) VALUES ($1)", {id});
      if (!done) return failure(done);
      return {};
    };
  }

  std::unique_ptr<DatabaseSubject> subject_ = make_subject(GetParam());
};

}  // namespace perkline::test
