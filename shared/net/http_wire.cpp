#include "shared/net/http_wire.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include "shared/core/assert.hpp"
#include "shared/net/ascii.hpp"

namespace perkline::net {
namespace {

struct Field {
  std::string_view name;
  std::string_view value;
};
constexpr Field unsniffed{"X-Content-Type-Options", "nosniff"};
constexpr Field uncached{"Cache-Control", "no-store"};

void append_constant(std::string& out, const Field& field) {
  out.append(field.name).append(": ").append(field.value).append("\r\n");
}

bool is_token_char(char c) {
  return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  PERKLINE_ASSERT(error == std::errc{});
  out.append(digits.data(), end);
}

void append_status_line(std::string& out, int status) {
  PERKLINE_ASSERT(status >= 200 && status <= 599);
  if (status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
    return;
  }
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(status));
  out += ' ';
  out.append(reason.data(), reason.size());
  out += "\r\n";
}

}  // namespace

bool is_framing_field(std::string_view name) {
  constexpr std::array framing{"Content-Length", "Connection", "Transfer-Encoding"};
  return std::ranges::any_of(framing,
                             [&](std::string_view field) { return equal_ignoring_case(field, name); });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  PERKLINE_ASSERT(!name.empty() && std::ranges::all_of(name, is_token_char));
  out += name;
  out += ": ";
  const std::size_t start = out.size();
  out += value;
  std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(), is_control, ' ');
  out += "\r\n";
}

void append_answer_head(std::string& out, const AnswerHead& head) {
  const Response& response = head.response;
  append_status_line(out, response.status);
  append_constant(out, unsniffed);
  out += "Date: ";
  out += head.date;
  out += "\r\ntraceparent: ";
  out += head.traceparent;
  out += "\r\n";
  if (!response.headers.find(uncached.name)) append_constant(out, uncached);
  for (const auto& [name, value] : response.headers) {
    if (!is_framing_field(name)) append_field(out, name, value);
  }
  if (head.common != nullptr) {
    for (const auto& [name, value] : *head.common) {
      if (!response.headers.find(name)) append_field(out, name, value);
    }
  }
  const std::string_view content = response.content();
  if (!content.empty()) append_field(out, "Content-Type", response.content_type);
  // RFC 9110 §8.6: never in a 204.
  if (response.status != 204) {
    out += "Content-Length: ";
    append_number(out, content.size());
    out += "\r\n";
  }
  if (head.close) out += "Connection: close\r\n";
  out += "\r\n";
}

void add_common_fields(Headers& headers, const Headers& common) {
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!headers.find(name)) headers.add(std::string(name), std::string(value));
  };
  for (const Field& field : {unsniffed, uncached}) add(field.name, field.value);
  for (const auto& [name, value] : common) add(name, value);
}

std::string http_date(WallTime time) {
  constexpr std::array days_of_week{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<seconds>(time - day));
  return fmt::format(
      "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days_of_week.at(std::chrono::weekday(day).c_encoding()),
      static_cast<unsigned>(date.day()), months.at(static_cast<unsigned>(date.month()) - 1),
      static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace perkline::net
