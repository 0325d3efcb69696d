#include "hub/notifications/mail_text.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "shared/core/utf8.hpp"

namespace perkline::hub::notifications {
namespace {

constexpr std::size_t line_bytes_max = 76;         ///< Of quoted-printable; a soft break included.
constexpr std::size_t plain_line_bytes_max = 900;  ///< RFC 5322 allows 998.
constexpr std::size_t word_bytes_max = 39;         ///< Of UTF-8 an encoded word: 75 letters with its frame.

bool is_plain(char c) {
  return c >= ' ' && c <= '~';
}

/// One header's value: control characters become blanks.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return line;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8U | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? letters[bits >> (18 - 6 * k) & 0x3fU] : '=';
  }
  return text;
}

/// Encoded words of whole characters, folded one a line; plain ASCII as it is.
std::string header_text(std::string_view text) {
  const std::string line = one_line(text);
  const bool looks_encoded = line.find("=?") != std::string::npos;
  if (!looks_encoded && line.size() <= plain_line_bytes_max && std::ranges::all_of(line, is_plain))
    return line;
  std::string encoded;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) encoded += (encoded.empty() ? "" : "\r\n ") + ("=?UTF-8?B?" + base64(word) + "?=");
    word.clear();
  };
  for (std::string_view rest = line; !rest.empty();) {
    const std::size_t length = std::max<std::size_t>(utf8_length(rest), 1);
    if (word.size() + length > word_bytes_max) end_word();
    word += rest.substr(0, length);
    rest.remove_prefix(length);
  }
  end_word();
  return encoded;
}

/// `Name <address>`: a name beyond ASCII is encoded, the address stays.
std::string address_field(std::string_view text) {
  const std::size_t open = text.rfind('<');
  if (open == std::string_view::npos || open == 0) return one_line(text);
  std::string_view name = text.substr(0, open);
  while (name.ends_with(' ')) name.remove_suffix(1);
  return header_text(name) + ' ' + one_line(text.substr(open));
}

bool goes_as_it_is(std::string_view body) {
  std::size_t length = 0;
  for (const char c : body) {
    length = c == '\n' ? 0 : length + 1;
    if ((c != '\n' && !is_plain(c)) || length > plain_line_bytes_max) return false;
  }
  return true;
}

std::string with_line_ends(std::string_view body) {
  std::string text;
  for (const char c : body) c == '\n' ? text.append("\r\n") : text.append(1, c);
  if (!text.ends_with('\n')) text += "\r\n";
  return text;
}

std::string quoted_printable(std::string_view body) {
  std::string text;
  std::size_t column = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\n') {
      text += "\r\n";
      column = 0;
      continue;
    }
    const bool at_end = i + 1 == body.size() || body[i + 1] == '\n';
    const bool literal = is_plain(c) && c != '=' && !(c == ' ' && at_end);
    const std::size_t width = literal ? 1 : 3;
    if (column + width >= line_bytes_max) {
      text += "=\r\n";
      column = 0;
    }
    literal ? text.append(1, c) : text.append(fmt::format("={:02X}", static_cast<unsigned char>(c)));
    column += width;
  }
  if (!text.ends_with('\n')) text += "\r\n";
  return text;
}

std::string_view domain_of(std::string_view address) {
  const std::size_t at = address.rfind('@');
  return at == std::string_view::npos ? "localhost" : address.substr(at + 1);
}

}  // namespace

std::string mail_date(WallTime time) {
  constexpr std::array<const char*, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<seconds>(time - day));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
                     weekdays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                     months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<std::string> envelope_address(std::string_view address) {
  const bool clean = std::ranges::all_of(address, [](char c) {
    return c > ' ' && c <= '~' && std::string_view("<>\",").find(c) == std::string_view::npos;
  });
  const std::size_t at = address.find('@');
  if (!clean || at == std::string_view::npos || at == 0 || at + 1 == address.size()) return std::nullopt;
  return std::string(address);
}

std::optional<std::string> sender_address(std::string_view from) {
  const std::size_t open = from.rfind('<');
  if (open == std::string_view::npos || !from.ends_with('>')) return envelope_address(from);
  return envelope_address(from.substr(open + 1, from.size() - open - 2));
}

std::string message_of(const Mail& mail, std::string_view from) {
  const bool plain = goes_as_it_is(mail.body);
  std::string message;
  const auto field = [&message](std::string_view name, std::string_view value) {
    message.append(name).append(": ").append(value).append("\r\n");
  };
  field("Date", mail_date(mail.date));
  field("From", address_field(from));
  field("To", one_line(mail.to));
  field("Subject", header_text(mail.subject));
  field("Message-ID",
        fmt::format("<{}@{}>", one_line(mail.id), domain_of(sender_address(from).value_or(""))));
  field("Auto-Submitted", "auto-generated");
  field("MIME-Version", "1.0");
  field("Content-Type", "text/plain; charset=utf-8");
  field("Content-Transfer-Encoding", plain ? "7bit" : "quoted-printable");
  return message + "\r\n" + (plain ? with_line_ends(mail.body) : quoted_printable(mail.body));
}

}  // namespace perkline::hub::notifications
