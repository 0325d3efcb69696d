#include "hub/billing/csv.hpp"

#include <algorithm>
#include <string_view>

namespace perkline::hub::billing {
namespace {

/// `-12.50`: digits with at most one point among them, behind at most one minus.
bool is_plain_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && is_digit(text.front()) && is_digit(text.back()) &&
         std::ranges::count(text, '.') <= 1 &&
         std::ranges::all_of(text, [&](char c) { return is_digit(c) || c == '.'; });
}

bool is_taken_for_a_formula(std::string_view text) {
  constexpr std::string_view starts = "=+-@\t\r";
  return !text.empty() && starts.contains(text.front()) && !is_plain_number(text);
}

void append_cell(std::string& out, std::string_view text) {
  const bool guarded = is_taken_for_a_formula(text);
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    if (guarded) out += '\'';
    out += text;
    return;
  }
  out += '"';
  if (guarded) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

void append_csv_line(std::string& out, const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    append_cell(out, cells[i]);
  }
  out += "\r\n";
}

}  // namespace perkline::hub::billing
