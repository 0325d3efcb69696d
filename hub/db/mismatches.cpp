#include "hub/db/mismatches.hpp"

namespace perkline::hub::db {

Result<std::vector<std::string>> find_mismatches(Transaction& transaction, std::span<const Rule> rules) {
  std::vector<std::string> mismatches;
  for (const Rule& rule : rules) {
    auto rows = transaction.query(rule.sql);
    if (!rows) return failure(rows);
    for (const Row& row : *rows)
      mismatches.push_back(std::string(rule.what) + row.text(0) + std::string(rule.says));
  }
  return mismatches;
}

}  // namespace perkline::hub::db
