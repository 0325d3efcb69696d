#include "hub/db/bulk_statement.hpp"

#include <algorithm>
#include <iterator>

#include "hub/db/array_text.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::db {
namespace {

constexpr std::string_view values_end = "VALUES ";
constexpr std::string_view list_end = "IN (";
constexpr std::string_view lookup_begin = "(SELECT ";
/// Fewer are as cheap as parameters of their own.
constexpr std::size_t array_rows_min = 3;

/// `(a, f(b, c))` is `a` and `f(b, c)`.
std::vector<std::string> items_in(std::string_view row) {
  std::vector<std::string> items(1);
  int depth = 0;
  for (const char c : row.substr(1, row.size() - 2)) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) {
      items.emplace_back();
    } else if (c != ' ' || !items.back().empty()) {
      items.back() += c;
    }
  }
  return items;
}

std::string number_of(std::size_t number) {
  return '$' + std::to_string(number);
}

}  // namespace

BulkStatement::BulkStatement(std::string_view head, std::string_view row, std::string_view tail,
                             std::size_t leading)
    : columns_(static_cast<std::size_t>(std::ranges::count(row, '?'))),
      leading_(leading),
      head_(head),
      tail_(tail) {
  PERKLINE_ASSERT(columns_ > 0);
  for (std::size_t piece = 0; piece < piece_rows.size(); ++piece) {
    std::size_t number = leading;
    std::string& text = texts_[piece];
    text = head;
    for (std::size_t i = 0; i < piece_rows[piece]; ++i) {
      if (i > 0) text += ", ";
      for (const char c : row) {
        if (c == '?') {
          text += number_of(++number);
        } else {
          text += c;
        }
      }
    }
    text += tail;
  }
  if (head.ends_with(values_end) && row.starts_with('(') && row.ends_with(')')) {
    shape_ = Shape::values;
    head_.erase(head_.size() - values_end.size());
    items_ = items_in(row);
  } else if (head.ends_with(list_end) && (row == "?" || row.starts_with(lookup_begin))) {
    shape_ = row == "?" ? Shape::list : Shape::lookup;
    head_.erase(head_.size() - list_end.size());
    items_ = {std::string(row)};
  }
}

std::optional<Statement> BulkStatement::of_arrays(Rest rows, const std::vector<Value>& leading) const {
  Statement statement{.sql = {}, .parameters = leading};
  std::vector<std::string> casts;  // One a column; empty: there are only nulls.
  for (std::size_t column = 0; column < columns_; ++column) {
    auto array = array_of(rows, column, columns_);
    if (!array) return std::nullopt;
    if (array->type.empty()) {
      casts.emplace_back();
      continue;
    }
    statement.parameters.emplace_back(std::move(array->text));
    casts.push_back("CAST(" + number_of(statement.parameters.size()) + " AS " + std::string(array->type) +
                    ")");
  }
  if (statement.parameters.size() == leading.size()) return std::nullopt;
  std::string& text = statement.made;
  if (shape_ == Shape::list) {
    text = head_ + "= ANY (" + casts.front() + tail_;
    return statement;
  }
  text = head_ + (shape_ == Shape::lookup ? "= ANY (ARRAY(SELECT " : "SELECT ");
  std::size_t column = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (i > 0) text += ", ";
    for (const char c : items_[i]) {
      if (c != '?') {
        text += c;
      } else {
        text += casts[column].empty() ? "NULL" : "bulk.v" + std::to_string(column);
        ++column;
      }
    }
    // As both engines name those of a VALUES list.
    if (shape_ == Shape::values) text += " AS column" + std::to_string(i + 1);
  }
  std::string arrays;
  std::string names;
  for (std::size_t i = 0; i < columns_; ++i) {
    if (casts[i].empty()) continue;
    arrays += (arrays.empty() ? "" : ", ") + casts[i];
    names += (names.empty() ? "v" : ", v") + std::to_string(i);
  }
  text += " FROM unnest(" + arrays + ") AS bulk (" + names + ")";
  text += (shape_ == Shape::lookup ? ")" : "") + tail_;
  return statement;
}

Statement BulkStatement::of_some(Rest& rest, const std::vector<Value>& leading) const {
  std::size_t piece = 0;
  while (piece_rows[piece] * columns_ > rest.size()) ++piece;
  const std::size_t count = piece_rows[piece] * columns_;
  Statement statement{.sql = texts_[piece], .parameters = leading};
  const auto end = rest.begin() + static_cast<std::ptrdiff_t>(count);
  statement.parameters.insert(statement.parameters.end(), std::make_move_iterator(rest.begin()),
                              std::make_move_iterator(end));
  rest = rest.subspan(count);
  return statement;
}

std::vector<Statement> BulkStatement::statements(const Transaction& transaction, std::vector<Value> values,
                                                 const std::vector<Value>& leading) const {
  PERKLINE_ASSERT(values.size() % columns_ == 0 && leading.size() == leading_);
  const bool by_arrays = transaction.has_arrays() && shape_ != Shape::other;
  std::vector<Statement> all;
  Rest rest(values);
  while (!rest.empty()) {
    if (by_arrays && rest.size() >= array_rows_min * columns_) {
      const std::size_t count = std::min(rest.size(), array_rows_max * columns_);
      if (auto statement = of_arrays(rest.first(count), leading)) {
        all.push_back(std::move(*statement));
        rest = rest.subspan(count);
        continue;
      }
    }
    all.push_back(of_some(rest, leading));
  }
  return all;
}

Result<Rows> BulkStatement::run(Transaction& transaction, std::vector<Value> values,
                                std::vector<Value> leading) const {
  return transaction.query_all(statements(transaction, std::move(values), leading));
}

Result<void> BulkStatement::defer(Transaction& transaction, std::vector<Value> values,
                                  std::vector<Value> leading) const {
  for (Statement& each : statements(transaction, std::move(values), leading)) {
    if (auto done = transaction.defer(std::move(each)); !done) return done;
  }
  return {};
}

}  // namespace perkline::hub::db
