#include "shared/core/clock.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace perkline {

WallTime SystemClock::wall_now() const {
  return std::chrono::floor<Millis>(std::chrono::system_clock::now());
}

MonoTime SystemClock::mono_now() const {
  return std::chrono::steady_clock::now();
}

std::string format_time(WallTime time) {
  using namespace std::chrono;
  constexpr WallTime first{};
  constexpr WallTime last = sys_days{year{9999} / December / 31} + hours{24} - Millis{1};
  time = std::clamp(time, first, last);
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss<Millis> clock{time - day};
  std::array<char, 32> text{};
  const int written = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(written)};
}

std::optional<WallTime> parse_time(std::string_view text) {
  using namespace std::chrono;
  std::size_t at = 0;
  const auto number = [&](std::size_t digits) -> std::optional<int> {
    if (text.size() < at + digits) return std::nullopt;
    int value = 0;
    for (const char c : text.substr(at, digits)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    at += digits;
    return value;
  };
  const auto literal = [&](char c) {
    if (at >= text.size() || text[at] != c) return false;
    ++at;
    return true;
  };

  const auto y = number(4);
  if (!y || !literal('-')) return std::nullopt;
  const auto mo = number(2);
  if (!mo || !literal('-')) return std::nullopt;
  const auto d = number(2);
  if (!d || !literal('T')) return std::nullopt;
  const auto h = number(2);
  if (!h || !literal(':')) return std::nullopt;
  const auto mi = number(2);
  if (!mi || !literal(':')) return std::nullopt;
  const auto s = number(2);
  if (!s) return std::nullopt;
  int millis = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    int scale = 100;
    const std::size_t start = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
      millis += (text[at] - '0') * scale;
    if (at == start || at - start > 9) return std::nullopt;
  }
  if (!literal('Z') || at != text.size()) return std::nullopt;

  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
  if (*y < 1970 || !date.ok() || *h > 23 || *mi > 59 || *s > 59) return std::nullopt;
  return sys_days{date} + hours{*h} + minutes{*mi} + seconds{*s} + Millis{millis};
}

std::string format_day(std::chrono::sys_days day) {
  return format_time(WallTime{day}).substr(0, std::string_view("2026-03-01").size());
}

std::optional<std::chrono::sys_days> parse_day(std::string_view text) {
  return parse_time(std::string(text) + "T00:00:00Z").transform(utc_day);
}

std::chrono::sys_days utc_day(WallTime time) {
  return std::chrono::floor<days>(time);
}

}  // namespace perkline
