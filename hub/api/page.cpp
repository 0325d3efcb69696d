#include "hub/api/page.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "shared/core/bytes.hpp"
#include "shared/core/limits.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::api {
namespace {

constexpr std::size_t limit_max = 200;
constexpr std::size_t sort_key_bytes_max = limits::text_bytes_max;

std::optional<std::size_t> limit_in(std::string_view text) {
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc{} || end != text.data() + text.size() || limit < 1 || limit > limit_max)
    return std::nullopt;
  return limit;
}

std::string prefix_of(std::string_view list) {
  return std::string(list) + ":";
}

std::optional<std::string> sort_key_in(std::string_view cursor, std::string_view list) {
  const std::string prefix = prefix_of(list);
  if (cursor.size() > 2 * (prefix.size() + sort_key_bytes_max)) return std::nullopt;
  const auto text = from_hex(cursor);
  if (!text || !text->starts_with(prefix) || text->size() == prefix.size()) return std::nullopt;
  // Anybody can write a cursor: what goes on to a query is text that could be a sort key.
  if (std::ranges::any_of(*text, [](char c) { return c < ' ' || c > '~'; })) return std::nullopt;
  return text->substr(prefix.size());
}

}  // namespace

std::int64_t Page::below() const {
  if (after.empty()) return std::numeric_limits<std::int64_t>::max();
  std::int64_t place = 0;
  const auto [end, error] = std::from_chars(after.data(), after.data() + after.size(), place);
  return error == std::errc{} && end == after.data() + after.size() ? place : 0;
}

Result<Page> read_page(const net::Request& request, std::string_view list) {
  Page page;
  std::vector<FieldFault> faults;
  if (const auto text = request.query_value("limit")) {
    const auto limit = limit_in(*text);
    if (!limit) faults.push_back({"limit", "must be a whole number from 1 to " + std::to_string(limit_max)});
    page.limit = limit.value_or(page.limit);
  }
  if (const auto text = request.query_value("cursor")) {
    auto key = sort_key_in(*text, list);
    if (!key) faults.push_back({"cursor", "must be the nextCursor of an earlier answer"});
    page.after = std::move(key).value_or("");
  }
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return page;
}

std::string cursor_after(std::string_view list, std::string_view sort_key) {
  return to_hex(prefix_of(list) + std::string(sort_key));
}

}  // namespace perkline::hub::api
