#include "shared/json/writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "shared/core/assert.hpp"

namespace perkline::json {
namespace {

/// The length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none (Unicode 15, table
/// 3-7).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = lead == 0xed ? 0x9f : 0xbf;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out.push_back('"');
  while (!text.empty()) {
    const char c = text.front();
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out.append("\xef\xbf\xbd");
    } else if (length > 1) {
      out.append(text.substr(0, length));
    } else if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out.append("\\n");
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("\\u00");
      out.push_back(hex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(hex[static_cast<unsigned char>(c) & 15]);
    } else {
      out.push_back(c);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out.push_back('"');
}

Writer& Writer::key(std::string_view name) {
  PERKLINE_ASSERT(!open_.empty() && open_.back() == '{' && !after_key_);
  if (!first_) text_.push_back(',');
  append_quoted(text_, name);
  text_.push_back(':');
  after_key_ = true;
  return *this;
}

Writer& Writer::value(std::string_view text) {
  separate();
  append_quoted(text_, text);
  return *this;
}

Writer& Writer::value(double number) {
  PERKLINE_ASSERT(std::isfinite(number));
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  std::string_view shortest{digits.data(), static_cast<std::size_t>(end - digits.data())};
  raw(shortest);
  if (shortest.find_first_of(".e") == std::string_view::npos) text_.append(".0");
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  separate();
  text_.append(json);
  return *this;
}

std::string Writer::take() {
  PERKLINE_ASSERT(open_.empty() && !after_key_);
  first_ = true;
  return std::exchange(text_, {});
}

Writer& Writer::open(char bracket) {
  separate();
  text_.push_back(bracket);
  open_.push_back(bracket);
  first_ = true;
  return *this;
}

Writer& Writer::close(char bracket) {
  PERKLINE_ASSERT(!open_.empty() && open_.back() == (bracket == '}' ? '{' : '[') && !after_key_);
  open_.pop_back();
  text_.push_back(bracket);
  first_ = false;
  return *this;
}

void Writer::separate() {
  PERKLINE_ASSERT(open_.empty() || open_.back() == '[' || after_key_);
  if (!first_ && !after_key_) text_.push_back(',');
  first_ = false;
  after_key_ = false;
}

}  // namespace perkline::json
