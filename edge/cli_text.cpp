#include "edge/cli_text.hpp"

#include <algorithm>
#include <vector>

namespace perkline::edge {
namespace {

using json::Value;

constexpr std::string_view list_name = "items";
constexpr std::string_view gap = "  ";

std::string text_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return "-";
    case Value::Kind::boolean:
      return value.boolean() ? "yes" : "no";
    case Value::Kind::number:
    case Value::Kind::string:
      return std::string(value.text());
    case Value::Kind::array:
    case Value::Kind::object:
      break;
  }
  return {};
}

void add_lines(std::string& out, const Value& value, const std::string& path) {
  for (const json::Member& member : value.members()) {
    add_lines(out, member.value,
              path.empty() ? std::string(member.name) : path + '.' + std::string(member.name));
  }
  for (std::size_t i = 0; i < value.items().size(); ++i)
    add_lines(out, value.items()[i], path + '[' + std::to_string(i) + ']');
  const bool nested = value.is(Value::Kind::object) || value.is(Value::Kind::array);
  if (!nested) out += path + ": " + text_of(value) + '\n';
}

using Row = std::vector<std::string>;

/// In the order in which they come first; not every item has all.
Row columns_of(std::span<const Value> items) {
  Row columns;
  for (const Value& item : items) {
    for (const json::Member& member : item.members()) {
      if (std::ranges::find(columns, member.name) == columns.end()) columns.emplace_back(member.name);
    }
  }
  return columns;
}

std::string cell_of(const Value& item, const std::string& column) {
  const Value* value = item.find(column);
  return value == nullptr || text_of(*value).empty() ? "-" : text_of(*value);
}

/// In characters: UTF-8's further bytes of one do not count.
std::size_t width_of(const std::string& cell) {
  return static_cast<std::size_t>(
      std::ranges::count_if(cell, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void add_table(std::string& out, std::span<const Value> items) {
  std::vector<Row> rows{columns_of(items)};
  for (const Value& item : items) {
    Row row;
    for (const std::string& column : rows.front()) row.push_back(cell_of(item, column));
    rows.push_back(std::move(row));
  }
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      const bool last = i + 1 == row.size();
      out += last ? "\n" : std::string(widths[i] - width_of(row[i]), ' ').append(gap);
    }
  }
}

}  // namespace

std::string as_text(const Value& answer) {
  std::string out;
  const Value* list = answer.find(list_name);
  if (list == nullptr || !list->is(Value::Kind::array)) {
    add_lines(out, answer, "");
    return out;
  }
  for (const json::Member& member : answer.members()) {
    if (member.name != list_name) add_lines(out, member.value, std::string(member.name));
  }
  if (!list->items().empty()) add_table(out, list->items());
  return out;
}

}  // namespace perkline::edge
