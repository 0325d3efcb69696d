// What every database adapter does alike.
#include <limits>

#include "tests/contract/hub/database_contract.hpp"

namespace perkline::test {
namespace {

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
