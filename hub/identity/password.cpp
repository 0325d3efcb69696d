#include "hub/identity/password.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "hub/identity/ascii.hpp"

namespace perkline::hub::identity {

/// Written by CMake.
extern const std::string_view common_passwords_text;

namespace {

/// One a line, in lower case; `#` begins a comment.
const std::set<std::string_view>& common_passwords() {
  static const std::set<std::string_view> passwords = [] {
    std::set<std::string_view> read;
    std::string_view rest = common_passwords_text;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (!line.empty() && line.front() != '#') read.insert(line);
    }
    return read;
  }();
  return passwords;
}

/// nullopt for what is not UTF-8 (RFC 3629: no overlong forms, no surrogates).
std::optional<std::size_t> characters_in(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || i + length > text.size()) return std::nullopt;
    for (std::size_t j = 1; j < length; ++j) {
      const auto byte = static_cast<unsigned char>(text[i + j]);
      if (byte < 0x80 || byte > 0xbf) return std::nullopt;
      const bool bad_second = (lead == 0xe0 && byte < 0xa0) || (lead == 0xed && byte > 0x9f) ||
                              (lead == 0xf0 && byte < 0x90) || (lead == 0xf4 && byte > 0x8f);
      if (j == 1 && bad_second) return std::nullopt;
    }
    i += length;
  }
  return count;
}

}  // namespace

Result<void> check_password(std::string_view password) {
  const auto characters = characters_in(password);
  if (!characters || password.contains('\0')) return fail(Errc::validation_failed, "must be text in UTF-8");
  if (*characters < password_characters_min || *characters > password_characters_max) {
    return fail(Errc::validation_failed, "must be " + std::to_string(password_characters_min) + " to " +
                                             std::to_string(password_characters_max) + " characters long");
  }
  if (common_passwords().contains(ascii_lower(password))) {
    return fail(Errc::validation_failed, "is among the most common passwords");
  }
  return {};
}

}  // namespace perkline::hub::identity
