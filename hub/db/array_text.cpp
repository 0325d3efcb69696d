#include "hub/db/array_text.hpp"

namespace perkline::hub::db {
namespace {

/// Always quoted, so that nothing in it means anything.
void append_text(std::string& array, std::string_view text) {
  array += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') array += '\\';
    array += c;
  }
  array += '"';
}

}  // namespace

std::optional<ArrayText> array_of(std::span<const Value> rows, std::size_t column, std::size_t columns) {
  ArrayText array{.type = {}, .text = "{"};
  for (; column < rows.size(); column += columns) {
    const Value& value = rows[column];
    if (array.text.size() > 1) array.text += ',';
    if (std::holds_alternative<std::nullptr_t>(value)) {
      array.text += "NULL";
      continue;
    }
    const auto* number = std::get_if<std::int64_t>(&value);
    const auto* text = std::get_if<std::string>(&value);
    const std::string_view type = number != nullptr ? "BIGINT[]" : text != nullptr ? "TEXT[]" : "";
    if (type.empty() || (!array.type.empty() && array.type != type)) return std::nullopt;
    array.type = type;
    if (number != nullptr) {
      array.text += std::to_string(*number);
    } else {
      append_text(array.text, *text);
    }
  }
  array.text += '}';
  return array;
}

}  // namespace perkline::hub::db
