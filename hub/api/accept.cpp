#include "hub/api/accept.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "hub/identity/ascii.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/money.hpp"

namespace perkline::hub::api {
namespace {

/// Cuts off what is before the next `mark`, without the blanks around it.
std::string_view next_part(std::string_view& text, char mark) {
  const std::size_t end = std::min(text.find(mark), text.size());
  std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  while (part.starts_with(' ') || part.starts_with('\t')) part.remove_prefix(1);
  while (part.ends_with(' ') || part.ends_with('\t')) part.remove_suffix(1);
  return part;
}

/// In thousandths; a weight that is none counts as 1.
std::int64_t weight_in(std::string_view parameters) {
  constexpr std::int64_t whole = 1000;
  while (!parameters.empty()) {
    const std::string parameter = identity::ascii_lower(next_part(parameters, ';'));
    if (!parameter.starts_with("q=")) continue;
    return std::min(parse_decimal(std::string_view(parameter).substr(2), 3).value_or(whole), whole);
  }
  return whole;
}

/// How closely a range names the type; nullopt: not at all.
std::optional<int> closeness(std::string_view range, std::string_view type) {
  if (range == type) return 2;
  const std::size_t slash = type.find('/') + 1;
  if (range.size() == slash + 1 && range.ends_with('*') && range.substr(0, slash) == type.substr(0, slash))
    return 1;
  return range == "*/*" ? std::optional(0) : std::nullopt;
}

/// What the closest of the ranges says of the type; 0: it is not taken.
std::int64_t weight_of(std::string_view accept, std::string_view type) {
  std::int64_t weight = 0;
  int closest = -1;
  while (!accept.empty()) {
    std::string_view parameters = next_part(accept, ',');
    const std::string range = identity::ascii_lower(next_part(parameters, ';'));
    const auto close = closeness(range, type);
    if (!close || *close <= closest) continue;
    closest = *close;
    weight = weight_in(parameters);
  }
  return weight;
}

}  // namespace

std::string_view preferred_type(const net::Headers& headers, std::span<const std::string_view> offered) {
  PERKLINE_ASSERT(!offered.empty());
  const auto accept = headers.find("Accept");
  if (!accept) return offered.front();
  return *std::ranges::max_element(offered, {},
                                   [&accept](std::string_view type) { return weight_of(*accept, type); });
}

}  // namespace perkline::hub::api
