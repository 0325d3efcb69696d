#include "hub/identity/login_name.hpp"

#include <algorithm>

#include "hub/identity/ascii.hpp"

namespace perkline::hub::identity {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Whether `text` is words of `fits` characters with a dot between any two; how many words there must be.
template <class Fits>
bool is_dotted(std::string_view text, std::size_t words_min, Fits fits) {
  std::size_t words = 0;
  while (true) {
    const std::string_view word = text.substr(0, text.find('.'));
    if (word.empty() || !fits(word)) return false;
    ++words;
    if (word.size() == text.size()) return words >= words_min;
    text.remove_prefix(word.size() + 1);
  }
}

bool is_atom(std::string_view word) {
  static constexpr std::string_view also = "!#$%&'*+-/=?^_`{|}~";
  return std::ranges::all_of(word, [](char c) { return is_alphanumeric(c) || also.contains(c); });
}

/// RFC 1123 §2.1.
bool is_label(std::string_view word) {
  constexpr std::size_t label_bytes_max = 63;
  return word.size() <= label_bytes_max && word.front() != '-' && word.back() != '-' &&
         std::ranges::all_of(word, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

}  // namespace

std::optional<std::string> email_key(std::string_view email) {
  constexpr std::size_t local_bytes_max = 64;
  constexpr std::size_t bytes_max = 254;
  const auto at = email.find('@');
  if (email.size() > bytes_max || at == std::string_view::npos || at > local_bytes_max) return std::nullopt;
  if (!is_dotted(email.substr(0, at), 1, is_atom) || !is_dotted(email.substr(at + 1), 2, is_label))
    return std::nullopt;
  return ascii_lower(email);
}

bool is_mobile(std::string_view mobile) {
  constexpr std::size_t digits_min = 7;
  constexpr std::size_t digits_max = 15;
  if (!mobile.starts_with('+')) return false;
  mobile.remove_prefix(1);
  return mobile.size() >= digits_min && mobile.size() <= digits_max && mobile.front() != '0' &&
         std::ranges::all_of(mobile, is_digit);
}

}  // namespace perkline::hub::identity
