#include "shared/json/writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "shared/core/assert.hpp"
#include "shared/core/utf8.hpp"

namespace perkline::json {
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
