#include "shared/json/writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "shared/core/assert.hpp"
#include "shared/core/utf8.hpp"

namespace perkline::json {
namespace {

/// What most texts fit in: makes room once instead of as they grow.
constexpr std::size_t text_bytes_usual = 512;
constexpr std::size_t keys_usual = 16;
constexpr std::size_t brackets_usual = 4;

/// Whether a byte stands for itself within quotes.
constexpr std::array<bool, 256> stands_for_itself = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain.at(c) = c != '"' && c != '\\';
  return plain;
}();

std::size_t plain_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && stands_for_itself[static_cast<unsigned char>(text[length])]) ++length;
  return length;
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out.push_back('"');
  while (true) {
    const std::size_t plain = plain_length(text);
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
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
    } else {
      out.append("\\u00");
      out.push_back(hex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(hex[static_cast<unsigned char>(c) & 15]);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out.push_back('"');
}

Writer& Writer::key(std::string_view name) {
  PERKLINE_ASSERT(!open_.empty() && open_.back().bracket == '{' && !after_key_);
  if (!first_) text_.push_back(',');
  const std::size_t at = text_.size();
  append_quoted(text_, name);
  const Key added{.at = at, .length = text_.size() - at};
  for (std::size_t i = open_.back().keys_before; i < keys_.size(); ++i)
    PERKLINE_ASSERT(text_of(keys_[i]) != text_of(added));
  keys_.push_back(added);
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
  if (text_.empty()) {
    text_.reserve(text_bytes_usual);
    keys_.reserve(keys_usual);
    open_.reserve(brackets_usual);
  }
  separate();
  text_.push_back(bracket);
  open_.push_back({.bracket = bracket, .keys_before = keys_.size()});
  first_ = true;
  return *this;
}

Writer& Writer::close(char bracket) {
  PERKLINE_ASSERT(!open_.empty() && open_.back().bracket == (bracket == '}' ? '{' : '[') && !after_key_);
  keys_.resize(open_.back().keys_before);
  open_.pop_back();
  text_.push_back(bracket);
  first_ = false;
  return *this;
}

void Writer::separate() {
  PERKLINE_ASSERT(open_.empty() || open_.back().bracket == '[' || after_key_);
  if (!first_ && !after_key_) text_.push_back(',');
  first_ = false;
  after_key_ = false;
}

}  // namespace perkline::json
