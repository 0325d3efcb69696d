#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/db/database.hpp"

namespace perkline::hub::db {

/// Adds one row's parameters to `values`.
template <class... Columns>
void append_row(std::vector<Value>& values, Columns&&... columns) {
  (values.emplace_back(std::forward<Columns>(columns)), ...);
}

/// A statement over many rows at a time: a VALUES list or an IN list is far cheaper than as many statements,
/// and on an engine behind a socket one round trip instead of many. Where the engine takes arrays three rows
/// and more go as one of each column, which is far cheaper again. Made once, as a constant; run from any
/// thread.
///
///     const BulkStatement insert_member("INSERT INTO member (id, tier) VALUES ", "(?, ?)");
///     append_row(values, id, tier); … insert_member.run(transaction, std::move(values));
///     const BulkStatement find_member("SELECT tier FROM member WHERE id IN (", "?", ")");
///     const BulkStatement find_by_name("SELECT tier FROM member WHERE id IN (",
///                                      "(SELECT id FROM member WHERE name = ?)", ")");
class BulkStatement {
 public:
  /// `row`: the text of one row with a `?` for each of its parameters. `leading`: how many parameters, `$1`
  /// and on, `head` itself holds.
  BulkStatement(std::string_view head, std::string_view row, std::string_view tail = {},
                std::size_t leading = 0);

  /// `values`: the rows' parameters, row after row. Runs in pieces of 64, 8, 2 and 1 rows, or of
  /// array_rows_max, in order; gives the rows of all. Errors: Transaction::query's; then some pieces may have
  /// taken effect.
  Result<Rows> run(Transaction& transaction, std::vector<Value> values,
                   std::vector<Value> leading = {}) const;
  /// The same by Transaction::defer: nobody asks for the rows.
  Result<void> defer(Transaction& transaction, std::vector<Value> values,
                     std::vector<Value> leading = {}) const;

  /// What run() runs, for Transaction::query_all() together with others.
  std::vector<Statement> statements(const Transaction& transaction, std::vector<Value> values,
                                    const std::vector<Value>& leading = {}) const;

  /// So many rows are one statement where the engine takes arrays.
  static constexpr std::size_t array_rows_max = 1'024;

 private:
  /// How `row` is repeated in the text.
  enum class Shape : std::uint8_t { values, list, lookup, other };
  using Rest = std::span<Value>;

  Statement of_some(Rest& rest, const std::vector<Value>& leading) const;
  /// nullopt: there are columns that no array takes.
  std::optional<Statement> of_arrays(Rest rows, const std::vector<Value>& leading) const;

  /// Entries come in pairs.
  static constexpr std::array<std::size_t, 4> piece_rows{64, 8, 2, 1};
  std::size_t columns_;
  std::size_t leading_;
  std::array<std::string, piece_rows.size()> texts_;
  // For arrays: what stands around them, and what is made of a row's values.
  Shape shape_ = Shape::other;
  std::string head_;
  std::string tail_;
  std::vector<std::string> items_;
};

}  // namespace perkline::hub::db
