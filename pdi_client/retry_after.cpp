#include "pdi_client/retry_after.hpp"

#include <algorithm>
#include <array>

namespace perkline::pdi {
namespace {

constexpr seconds cap{600};
constexpr double stretch_max = 0.2;
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> number(std::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
std::optional<std::chrono::sys_seconds> imf_date(std::string_view text) {
  using namespace std::chrono;
  if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' ||
      text[16] != ' ' || text[19] != ':' || text[22] != ':' || text.substr(25) != " GMT") {
    return std::nullopt;
  }
  const auto day_number = number(text.substr(5, 2));
  const auto month_place = std::ranges::find(months, text.substr(8, 3)) - months.begin();
  const auto year_number = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2));
  const auto minute = number(text.substr(20, 2));
  const auto second = number(text.substr(23, 2));
  if (!day_number || month_place == std::ssize(months) || !year_number || !hour || !minute || !second)
    return std::nullopt;
  const year_month_day date{year{*year_number}, month{static_cast<unsigned>(month_place + 1)},
                            day{static_cast<unsigned>(*day_number)}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return sys_days{date} + hours{*hour} + minutes{*minute} + seconds{*second};
}

}  // namespace

std::optional<Millis> parse_retry_after(std::string_view value, std::string_view date) {
  const bool digits =
      !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  if (digits) return std::min<Millis>(cap, seconds{number(value).value_or(static_cast<int>(cap.count()))});
  const auto until = imf_date(value);
  const auto now = imf_date(date);
  if (!until || !now) return std::nullopt;
  return std::clamp<Millis>(*until - *now, Millis{0}, cap);
}

Millis stretched(Millis asked, Rng& rng) {
  return std::chrono::ceil<Millis>(asked * (1 + stretch_max * rng.unit()));
}

}  // namespace perkline::pdi
