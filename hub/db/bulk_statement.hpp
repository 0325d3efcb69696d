#pragma once

#include <array>
#include <cstddef>
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
/// and on an engine behind a socket one round trip instead of many. Made once, as a constant; run from any
/// thread.
///
///     const BulkStatement insert_member("INSERT INTO member (id, tier) VALUES ", "(?, ?)");
///     append_row(values, id, tier); … insert_member.run(transaction, std::move(values));
///     const BulkStatement find_member("SELECT tier FROM member WHERE id IN (", "?", ")");
class BulkStatement {
 public:
  /// `row`: the text of one row with a `?` for each of its parameters. `leading`: how many parameters, `$1`
  /// and on, `head` itself holds.
  BulkStatement(std::string_view head, std::string_view row, std::string_view tail = {},
                std::size_t leading = 0);

  /// `values`: the rows' parameters, row after row. Runs in pieces of 64, 8, 2 and 1 rows, in order; gives
  /// the rows of all. Errors: Transaction::query's; then some pieces may have taken effect.
  Result<Rows> run(Transaction& transaction, std::vector<Value> values,
                   std::vector<Value> leading = {}) const;

 private:
  /// Entries come in pairs.
  static constexpr std::array<std::size_t, 4> piece_rows{64, 8, 2, 1};
  std::size_t columns_;
  std::size_t leading_;
  std::array<std::string, piece_rows.size()> texts_;
};

}  // namespace perkline::hub::db
