#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hub/ledger/ledger.hpp"

/// What the parts of verify() share.
namespace perkline::hub::ledger {

/// What does not agree; the first hundred.
class Findings {
 public:
  explicit Findings(std::vector<std::string>& mismatches) : mismatches_(mismatches) {}
  void mismatch(std::string what) {
    constexpr std::size_t mismatches_max = 100;
    if (mismatches_.size() < mismatches_max) mismatches_.push_back(std::move(what));
  }

 private:
  std::vector<std::string>& mismatches_;
};

inline constexpr std::int64_t verify_page_rows = 4'096;

/// Calls `take` with each row of `sql`, whose first column is the key it is ordered by and paged on: greater
/// than `$1`, `$2` rows at a time. Errors: the database's.
template <class Take>
Result<void> for_each_row(db::Transaction& transaction, std::string_view sql, Take&& take) {
  std::int64_t after = -1;
  while (true) {
    auto rows = transaction.query(sql, {after, verify_page_rows});
    if (!rows) return failure(rows);
    for (const db::Row& row : *rows) take(row);
    if (rows->size() < static_cast<std::size_t>(verify_page_rows)) return {};
    after = rows->back().integer(0);
  }
}

/// Holds captures, reversals and lapses against what they are of. Errors: the database's.
Result<void> verify_links(db::Transaction& transaction, Findings& findings);
/// Spends the lots of each account along its history again, and holds what is left against what is stored.
/// Errors: the database's.
Result<void> verify_lots(db::Transaction& transaction, Findings& findings);

}  // namespace perkline::hub::ledger
