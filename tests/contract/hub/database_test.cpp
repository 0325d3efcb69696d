// What every database adapter does alike.
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "hub/db/bulk_statement.hpp"
#include "tests/contract/hub/database_subject.hpp"

namespace perkline::test {
namespace {

using hub::db::Blob;
using hub::db::BulkStatement;
using hub::db::Rows;
using hub::db::Transaction;
using hub::db::Value;
using Work = DatabaseSubject::Work;

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

TEST_P(DatabaseContract, WhatWasWrittenIsReadAfterwards) {
  ASSERT_TRUE(subject_->write(insert(7)));
  EXPECT_EQ(rows_of("SELECT id FROM item")[0].integer(0), 7);
}

TEST_P(DatabaseContract, AnErrorOfTheWorkRollsBackAllItDidAndIsReturned) {
  auto done = subject_->write([](Transaction& transaction) -> Result<void> {
    if (auto first = insert(1)(transaction); !first) return first;
    return fail(Errc::insufficient_points, "on purpose");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::insufficient_points);
  EXPECT_EQ(count(), 0);
}

TEST_P(DatabaseContract, AFailedWriteTakesNothingFromThoseCommittedWithIt) {
  std::vector<Work> works;
  for (std::int64_t i = 0; i < 40; ++i) {
    works.push_back([i](Transaction& transaction) -> Result<void> {
      if (auto done = insert(i)(transaction); !done) return done;
      if (i % 2 == 1) return fail(Errc::forbidden);
      return {};
    });
  }
  const auto results = subject_->write_all(std::move(works));
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i].has_value(), i % 2 == 0) << i;
  EXPECT_EQ(count(), 20);
  EXPECT_EQ(rows_of("SELECT COUNT(*) FROM item WHERE id % 2 = 1")[0].integer(0), 0);
}

TEST_P(DatabaseContract, AnAttemptThatFailsTakesBackWhatItDidAndTheWorkGoesOn) {
  ASSERT_TRUE(subject_->write(insert(1)));
  ASSERT_TRUE(subject_->write([](Transaction& transaction) -> Result<void> {
    EXPECT_TRUE(insert(2)(transaction));
    const auto refused = transaction.attempt([&]() -> Result<void> {
      EXPECT_TRUE(insert(3)(transaction));
      return insert(1)(transaction);
    });
    EXPECT_EQ(refused.error().code, Errc::already_exists);
    return transaction.attempt([&] { return insert(4)(transaction); });
  }));
  EXPECT_EQ(count(), 3);
  EXPECT_EQ(rows_of("SELECT COUNT(*) FROM item WHERE id = 3")[0].integer(0), 0);
}

TEST_P(DatabaseContract, AttemptsNest) {
  ASSERT_TRUE(subject_->write([](Transaction& transaction) -> Result<void> {
    return transaction.attempt([&]() -> Result<void> {
      EXPECT_TRUE(insert(1)(transaction));
      EXPECT_FALSE(transaction.attempt([&]() -> Result<void> {
        EXPECT_TRUE(insert(2)(transaction));
        return fail(Errc::forbidden);
      }));
      return insert(3)(transaction);
    });
  }));
  EXPECT_EQ(count(), 2);
  EXPECT_EQ(rows_of("SELECT COUNT(*) FROM item WHERE id = 2")[0].integer(0), 0);
}

TEST_P(DatabaseContract, AnAttemptAroundOneThatFailedTakesBackAllOfItself) {
  ASSERT_TRUE(subject_->write([](Transaction& transaction) -> Result<void> {
    EXPECT_TRUE(insert(1)(transaction));
    EXPECT_FALSE(transaction.attempt([&]() -> Result<void> {
      EXPECT_TRUE(insert(2)(transaction));
      EXPECT_FALSE(transaction.attempt([&]() -> Result<void> {
        EXPECT_TRUE(insert(3)(transaction));
        return insert(1)(transaction);
      }));
      return fail(Errc::forbidden);
    }));
    EXPECT_TRUE(transaction.attempt([] { return Result<void>(); }));
    return insert(4)(transaction);
  }));
  const auto rows = rows_of("SELECT id FROM item ORDER BY id");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].integer(0), 1);
  EXPECT_EQ(rows[1].integer(0), 4);
}

TEST_P(DatabaseContract, CommittedRowsAreThereAfterReopening) {
  ASSERT_TRUE(subject_->write(insert(1)));
  subject_->reopen();
  EXPECT_EQ(count(), 1);
}

TEST_P(DatabaseContract, AReaderSeesOneSnapshotWhileOthersWrite) {
  ASSERT_TRUE(subject_->write(insert(1)));
  std::int64_t before = 0;
  std::int64_t after = 0;
  ASSERT_TRUE(subject_->read([&](Transaction& transaction) -> Result<void> {
    before = transaction.query("SELECT COUNT(*) FROM item")->front().integer(0);
    EXPECT_TRUE(subject_->write_from_outside(insert(2)));
    after = transaction.query("SELECT COUNT(*) FROM item")->front().integer(0);
    return {};
  }));
  EXPECT_EQ(before, 1);
  EXPECT_EQ(after, 1);
  EXPECT_EQ(count(), 2);
}

TEST_P(DatabaseContract, AReaderThatWritesIsRefused) {
  auto done = subject_->read(insert(1));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::internal);
  EXPECT_EQ(count(), 0);
}

TEST_P(DatabaseContract, ValuesComeBackAsTheyWent) {
  const std::vector<Value> values{
      Value(nullptr),
      Value(std::numeric_limits<std::int64_t>::min()),
      Value(std::numeric_limits<std::int64_t>::max()),
      Value(std::string()),
      Value(std::string("Zoë 东京 '\"; --")),
      Value(Blob{}),
      Value(Blob{std::string("\0\xff\x80", 3)}),
  };
  for (const Value& value : values) {
    const auto row = rows_of("SELECT $1", {value});
    if (const auto* text = std::get_if<std::string>(&value)) {
      EXPECT_EQ(row[0].text(0), *text);
    } else if (const auto* blob = std::get_if<Blob>(&value)) {
      EXPECT_EQ(row[0].blob(0), blob->bytes);
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      EXPECT_EQ(row[0].integer(0), *integer);
      EXPECT_EQ(row[0].optional_integer(0), *integer);
    } else {
      EXPECT_TRUE(row[0].is_null(0));
      EXPECT_EQ(row[0].optional_text(0), std::nullopt);
    }
  }
}

TEST_P(DatabaseContract, ATextWithANulIsRefusedAndHarmsNothing) {
  const std::string text("a\0b", 3);
  ASSERT_TRUE(subject_->write([&](Transaction& transaction) -> Result<void> {
    const auto refused = transaction.execute("INSERT INTO item (id, name) VALUES (1, $1)", {text});
    EXPECT_EQ(refused.error().code, Errc::validation_failed);
    return insert(2)(transaction);
  }));
  EXPECT_EQ(count(), 1);
}

TEST_P(DatabaseContract, AColumnTakesNullAndValueByTheSameStatement) {
  const std::string sql = "INSERT INTO item (id, name, amount) VALUES ($1, $2, $3)";
  ASSERT_TRUE(subject_->write([&](Transaction& transaction) -> Result<void> {
    EXPECT_TRUE(transaction.execute(sql, {std::int64_t{1}, nullptr, nullptr}));
    EXPECT_TRUE(transaction.execute(sql, {std::int64_t{2}, std::string("b"), std::int64_t{5}}));
    EXPECT_TRUE(transaction.execute(sql, {std::int64_t{3}, nullptr, std::int64_t{6'000'000'000}}));
    // As small as it is, the constant must not make the parameter so.
    EXPECT_EQ(transaction.query("SELECT 1 + $1", {std::int64_t{6'000'000'000}})->at(0).integer(0),
              6'000'000'001);
    return {};
  }));
  EXPECT_EQ(rows_of("SELECT amount FROM item WHERE id = 3")[0].integer(0), 6'000'000'000);
  EXPECT_TRUE(rows_of("SELECT name FROM item WHERE id = 3")[0].is_null(0));
}

TEST_P(DatabaseContract, ParametersAreBoundByTheirNumber) {
  const auto rows = rows_of("SELECT $2, $1, $2", {std::string("one"), std::string("two")});
  EXPECT_EQ(rows[0].text(0), "two");
  EXPECT_EQ(rows[0].text(1), "one");
  EXPECT_EQ(rows[0].text(2), "two");
}

TEST_P(DatabaseContract, KeepsNoMoreStatementsThanItMayAndServesAllTheSame) {
  ASSERT_TRUE(subject_->write([](Transaction& transaction) -> Result<void> {
    for (std::int64_t i = 0; i < 1'100; ++i) {
      const auto rows = transaction.query("SELECT $1 + " + std::to_string(i), {i});
      if (!rows) return std::unexpected(rows.error());
      EXPECT_EQ(rows->at(0).integer(0), 2 * i);
    }
    return insert(1)(transaction);
  }));
  ASSERT_TRUE(subject_->write(insert(2)));
  EXPECT_EQ(count(), 2);
}

TEST_P(DatabaseContract, TellsHowManyRowsChanged) {
  ASSERT_TRUE(run({"INSERT INTO item (id) VALUES (1), (2), (3)"}));
  ASSERT_TRUE(subject_->write([](Transaction& transaction) -> Result<void> {
    EXPECT_EQ(*transaction.execute("UPDATE item SET amount = 5 WHERE id <= $1", {std::int64_t{2}}), 2);
    EXPECT_EQ(*transaction.execute("CREATE TABLE other (id BIGINT)"), 0);
    EXPECT_EQ(*transaction.execute("DELETE FROM item WHERE id = 99"), 0);
    EXPECT_EQ(*transaction.execute("DELETE FROM item"), 3);
    return {};
  }));
}

TEST_P(DatabaseContract, RowsCanBeReturnedByWhatWritesThem) {
  Rows rows;
  ASSERT_TRUE(subject_->write([&](Transaction& transaction) -> Result<void> {
    rows = *transaction.query(
        "INSERT INTO item (id, name) VALUES ($1, $2), ($3, $4) ON CONFLICT (id) DO NOTHING RETURNING id, "
        "name",
        {std::int64_t{1}, std::string("a"), std::int64_t{2}, std::string("b")});
    return {};
  }));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].text(1), "b");
  EXPECT_EQ(count(), 2);
}

TEST_P(DatabaseContract, ErrorsAreTranslated) {
  ASSERT_TRUE(run({"INSERT INTO item (id, name) VALUES (1, 'taken')"}));
  EXPECT_EQ(error_of("INSERT INTO item (id) VALUES (1)"), Errc::already_exists);
  EXPECT_EQ(error_of("INSERT INTO item (id, name) VALUES (2, 'taken')"), Errc::already_exists);
  EXPECT_EQ(error_of("INSERT INTO item (id, amount) VALUES (2, 0)"), Errc::validation_failed);
  EXPECT_EQ(error_of("INSERT INTO item (id, parent) VALUES (2, 99)"), Errc::validation_failed);
  EXPECT_EQ(error_of("INSERT INTO item (id) VALUES (NULL)"), Errc::validation_failed);
  EXPECT_EQ(count(), 1);
}

TEST_P(DatabaseContract, AWrongStatementIsOurOwnFault) {
  const std::int64_t one = 1;
  EXPECT_EQ(error_of("SELEC 1"), Errc::internal);
  EXPECT_EQ(error_of("SELECT * FROM nowhere"), Errc::internal);
  EXPECT_EQ(error_of(""), Errc::internal);
  EXPECT_EQ(error_of("SELECT 1; SELECT 2"), Errc::internal);
  EXPECT_EQ(error_of("SELECT $1"), Errc::internal);
  EXPECT_EQ(error_of("SELECT 1", {one}), Errc::internal);
  EXPECT_EQ(error_of("SELECT ?", {one}), Errc::internal);
  // The second time it comes out of the cache, if it got there.
  EXPECT_EQ(error_of("SELECT ?", {one}), Errc::internal);
}

TEST_P(DatabaseContract, AFloatingPointColumnIsRefused) {
  auto done = subject_->read([](Transaction& transaction) -> Result<void> {
    auto rows = transaction.query("SELECT 0.5");
    if (!rows) return failure(rows);
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::internal);
}

TEST_P(DatabaseContract, ABulkStatementWritesEveryRowOnce) {
  const BulkStatement insert_items("INSERT INTO item (id, name) VALUES ", "(?, ?)");
  const BulkStatement find_items("SELECT id FROM item WHERE amount IS NULL AND id > $1 AND id IN (", "?", ")",
                                 1);
  const BulkStatement find_by_name("SELECT id FROM item WHERE id IN (",
                                   "(SELECT id FROM item WHERE id > $1 AND name = ?)", ") ORDER BY id DESC",
                                   1);
  constexpr std::int64_t rows = 64 + 3 * 8 + 5;
  std::vector<Value> values;
  std::vector<Value> ids;
  const std::vector<Value> names{"name 8", "name 9", "name 12", "name 11", "nobody"};
  for (std::int64_t id = 1; id <= rows; ++id) {
    values.emplace_back(id);
    values.emplace_back("name " + std::to_string(id));
    ids.emplace_back(id);
  }
  ASSERT_TRUE(subject_->write([&](Transaction& transaction) -> Result<void> {
    auto done = insert_items.run(transaction, values);
    if (!done) return failure(done);
    EXPECT_EQ(find_items.run(transaction, ids, {std::int64_t{10}})->size(), rows - 10);
    const auto named = find_by_name.run(transaction, names, {std::int64_t{8}});
    if (!named) return std::unexpected(named.error());
    // In pieces, or as one array: each of those above 8 once.
    std::set<std::int64_t> found;
    for (const auto& row : *named) found.insert(row.integer(0));
    EXPECT_EQ(named->size(), 3u);
    EXPECT_EQ(found, (std::set<std::int64_t>{9, 11, 12}));
    return {};
  }));
  EXPECT_EQ(count(), rows);
  EXPECT_EQ(rows_of("SELECT name FROM item WHERE id = 70")[0].text(0), "name 70");
}

TEST_P(DatabaseContract, ABulkStatementTakesEveryTextAndNullsAndMoreRowsThanGoIntoOneArray) {
  const BulkStatement insert("INSERT INTO item (id, name, amount) VALUES ", "(?, ?, ?)",
                             " ON CONFLICT (id) DO NOTHING RETURNING id");
  const BulkStatement change(
      "UPDATE item SET amount = told.column2, name = COALESCE(told.column3, name)"
      " FROM (VALUES ",
      "(CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT))", ") AS told WHERE item.id = told.column1");
  const std::vector<std::string> texts{"", "a,b", "{x}", "\"quoted\"", "back\\slash", "NULL", "'", "日本"};
  constexpr std::int64_t rows = 2'500;
  const auto name_for = [&](std::int64_t id) {
    return texts[static_cast<std::size_t>(id) % texts.size()] + std::to_string(id / 8);
  };
  ASSERT_TRUE(subject_->write([&](Transaction& transaction) -> Result<void> {
    std::vector<Value> values;
    for (std::int64_t id = 1; id <= rows; ++id) hub::db::append_row(values, id, name_for(id), nullptr);
    const auto made = insert.run(transaction, values);
    if (!made) return std::unexpected(made.error());
    EXPECT_EQ(made->size(), static_cast<std::size_t>(rows));
    EXPECT_EQ(made->back().integer(0), rows) << "in order";
    EXPECT_TRUE(insert.run(transaction, std::move(values))->empty());
    // A column of some nulls, and one of nothing else.
    values.clear();
    for (std::int64_t id = 1; id <= 5; ++id)
      hub::db::append_row(values, id, id % 2 == 0 ? Value(nullptr) : Value(id), nullptr);
    return change.defer(transaction, std::move(values));
  }));
  const auto all = rows_of("SELECT id, name, amount FROM item ORDER BY id");
  ASSERT_EQ(all.size(), static_cast<std::size_t>(rows));
  for (const auto& row : all) {
    const std::int64_t id = row.integer(0);
    EXPECT_EQ(row.text(1), name_for(id));
    EXPECT_EQ(row.optional_integer(2), id <= 5 && id % 2 != 0 ? std::optional(id) : std::nullopt);
  }
}

hub::db::Statement item_named(std::int64_t id, const std::string& name) {
  return {.sql = "INSERT INTO item (id, name) VALUES ($1, $2)", .parameters = {id, name}};
}

TEST_P(DatabaseContract, WhatIsPutOffIsThereForTheNextStatementAndAtTheEnd) {
  ASSERT_TRUE(subject_->write([&](Transaction& transaction) -> Result<void> {
    if (auto put = transaction.defer(item_named(1, "a")); !put) return put;
    EXPECT_EQ(transaction.query("SELECT name FROM item")->at(0).text(0), "a");
    auto tried = transaction.attempt([&]() -> Result<void> {
      if (auto put = transaction.defer(item_named(2, "b")); !put) return put;
      return fail(Errc::insufficient_points, "no");
    });
    EXPECT_EQ(tried.error().code, Errc::insufficient_points);
    tried = transaction.attempt([&] { return transaction.defer(item_named(3, "c")); });
    EXPECT_TRUE(tried);
    return transaction.defer(item_named(4, "d"));
  }));
  EXPECT_EQ(rows_of("SELECT id FROM item WHERE id <> 2").size(), 3U);
  EXPECT_EQ(count(), 3);
  // Nothing but that.
  ASSERT_TRUE(
      subject_->write([](Transaction& transaction) { return transaction.defer(item_named(5, "e")); }));
  EXPECT_EQ(count(), 4);
}

TEST_P(DatabaseContract, WhatIsWrongWithWhatWasPutOffTakesItsWorkBack) {
  ASSERT_TRUE(
      subject_->write([](Transaction& transaction) { return transaction.defer(item_named(1, "a")); }));
  const auto refused = subject_->write([](Transaction& transaction) -> Result<void> {
    if (auto put = transaction.defer(item_named(2, "b")); !put) return put;
    return transaction.defer(item_named(1, "again"));
  });
  EXPECT_EQ(refused.error().code, Errc::already_exists);
  EXPECT_EQ(count(), 1);
  // Within an attempt it is the attempt's, and no other's.
  ASSERT_TRUE(subject_->write([](Transaction& transaction) -> Result<void> {
    if (auto put = transaction.defer(item_named(2, "b")); !put) return put;
    const auto tried = transaction.attempt([&] { return transaction.defer(item_named(1, "again")); });
    EXPECT_EQ(tried.error().code, Errc::already_exists);
    return transaction.defer(item_named(3, "c"));
  }));
  EXPECT_EQ(count(), 3);
}

TEST_P(DatabaseContract, SeveralStatementsAtOnceAreRunInTheirOrderUntilOneFails) {
  const auto item = [](std::int64_t id) {
    return hub::db::Statement{.sql = "INSERT INTO item (id, name) VALUES ($1, $2) RETURNING id",
                              .parameters = {id, "name " + std::to_string(id)}};
  };
  const hub::db::Statement all{.sql = "SELECT id FROM item ORDER BY id"};
  ASSERT_TRUE(subject_->write([&](Transaction& transaction) -> Result<void> {
    const auto rows = transaction.query_all({item(1), item(2), all});
    if (!rows) return std::unexpected(rows.error());
    EXPECT_EQ(rows->size(), 4U);
    EXPECT_EQ(rows->back().integer(0), 2);
    const auto refused = transaction.attempt([&]() -> Result<void> {
      const auto done = transaction.query_all({item(3), item(2), item(4)});
      if (!done) return std::unexpected(done.error());
      return {};
    });
    EXPECT_EQ(refused.error().code, Errc::already_exists);
    EXPECT_TRUE(transaction.query_all({})->empty());
    const auto after = transaction.query_all({item(5), all});
    EXPECT_EQ(after->size(), 1U + 3U);
    return {};
  }));
  EXPECT_EQ(count(), 3);
  const auto wrong = subject_->write([&](Transaction& transaction) -> Result<void> {
    auto done = transaction.query_all({item(6), {.sql = "SELECT $1 FROM item"}});
    if (!done) return failure(done);
    return {};
  });
  EXPECT_EQ(wrong.error().code, Errc::internal) << "a parameter is missing";
  EXPECT_EQ(count(), 3);
}

TEST_P(DatabaseContract, MoreStatementsAtOnceThanAreKeptAreRunAllTheSame) {
  std::vector<std::string> texts;
  for (int i = 0; i < 600; ++i) texts.push_back("SELECT COUNT(*) + " + std::to_string(i) + " FROM item");
  EXPECT_TRUE(subject_->read([&](Transaction& transaction) -> Result<void> {
    std::vector<hub::db::Statement> statements;
    for (const std::string& text : texts) statements.push_back({.sql = text});
    const auto rows = transaction.query_all(std::move(statements));
    if (!rows) return std::unexpected(rows.error());
    EXPECT_EQ(rows->size(), 600U);
    EXPECT_EQ(rows->at(599).integer(0), 599);
    return {};
  }));
}

std::string name_of(const testing::TestParamInfo<Adapter>& info) {
  switch (info.param) {
    case Adapter::sqlite:
      return "Sqlite";
    case Adapter::sqlite_inline:
      return "SqliteInline";
    case Adapter::postgres:
      return "Postgres";
    case Adapter::postgres_inline:
      return "PostgresInline";
  }
  return {};
}

INSTANTIATE_TEST_SUITE_P(Adapters, DatabaseContract,
                         testing::Values(Adapter::sqlite, Adapter::sqlite_inline, Adapter::postgres,
                                         Adapter::postgres_inline),
                         name_of);

}  // namespace
}  // namespace perkline::test
