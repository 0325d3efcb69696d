#include "hub/db/bulk_statement.hpp"

#include <algorithm>
#include <iterator>

#include "shared/core/assert.hpp"

namespace perkline::hub::db {

BulkStatement::BulkStatement(std::string_view head, std::string_view row, std::string_view tail,
                             std::size_t leading)
    : columns_(static_cast<std::size_t>(std::ranges::count(row, '?'))), leading_(leading) {
  PERKLINE_ASSERT(columns_ > 0);
  for (std::size_t piece = 0; piece < piece_rows.size(); ++piece) {
    std::size_t number = leading;
    std::string& text = texts_[piece];
    text = head;
    for (std::size_t i = 0; i < piece_rows[piece]; ++i) {
      if (i > 0) text += ", ";
      for (const char c : row) {
        if (c == '?') {
          text += '$' + std::to_string(++number);
        } else {
          text += c;
        }
      }
    }
    text += tail;
  }
}

Result<Rows> BulkStatement::run(Transaction& transaction, std::vector<Value> values,
                                std::vector<Value> leading) const {
  PERKLINE_ASSERT(values.size() % columns_ == 0 && leading.size() == leading_);
  std::vector<Statement> statements;
  auto next = values.begin();
  while (next != values.end()) {
    const auto left = static_cast<std::size_t>(values.end() - next) / columns_;
    std::size_t piece = 0;
    while (piece_rows[piece] > left) ++piece;
    const auto end = next + static_cast<std::ptrdiff_t>(piece_rows[piece] * columns_);
    std::vector<Value> parameters = leading;
    parameters.insert(parameters.end(), std::make_move_iterator(next), std::make_move_iterator(end));
    statements.push_back({.sql = texts_[piece], .parameters = std::move(parameters)});
    next = end;
  }
  return transaction.query_all(std::move(statements));
}

}  // namespace perkline::hub::db
