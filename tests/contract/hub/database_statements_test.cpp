// What every database adapter does alike with many rows and many statements at a time.
#include <set>

#include "hub/db/bulk_statement.hpp"
#include "tests/contract/hub/database_contract.hpp"

namespace perkline::test {
namespace {

using hub::db::BulkStatement;

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

}  // namespace
}  // namespace perkline::test
