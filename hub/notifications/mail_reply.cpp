#include "hub/notifications/mail_reply.hpp"

#include <algorithm>

#include "shared/net/ascii.hpp"

namespace perkline::hub::notifications {
namespace {

constexpr std::string_view blot = "***";
/// What stands between words, also where it may stand in an address: rather a dot too much goes than a name
/// stays.
constexpr std::string_view between_words = " \t<>()[]{}\"',;:";
constexpr std::size_t code_digits = 3;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// `5.1.1`: a class, a subject and a detail.
bool is_enhanced(std::string_view word) {
  return word.size() > 1 && is_digit(word.front()) && std::ranges::count(word, '.') == 2 &&
         std::ranges::all_of(word, [](char c) { return is_digit(c) || c == '.'; });
}

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find_first_of(" -"));
}

}  // namespace

std::string status_of_reply(std::string_view reply) {
  const std::string_view code = reply.substr(0, code_digits);
  std::string status(code.size() == code_digits && std::ranges::all_of(code, is_digit) ? code : "");
  if (status.empty() || reply.size() <= code_digits + 1) return status;
  const std::string_view next = first_word(reply.substr(code_digits + 1));
  if (is_enhanced(next)) status.append(" ").append(next);
  return status;
}

std::string without_addresses(std::string_view reply, std::string_view recipient) {
  const std::string_view name = recipient.substr(0, recipient.find('@'));
  const auto is_personal = [&](std::string_view word) {
    while (word.ends_with('.')) word.remove_suffix(1);
    return word.contains('@') || (!name.empty() && net::equal_ignoring_case(word, name));
  };
  std::string kept;
  while (!reply.empty()) {
    const std::size_t end = std::min(reply.find_first_of(between_words), reply.size());
    kept += is_personal(reply.substr(0, end)) ? blot : reply.substr(0, end);
    reply.remove_prefix(end);
    const std::size_t next = std::min(reply.find_first_not_of(between_words), reply.size());
    kept += reply.substr(0, next);
    reply.remove_prefix(next);
  }
  return kept;
}

}  // namespace perkline::hub::notifications
