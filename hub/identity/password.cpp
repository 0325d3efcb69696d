#include "hub/identity/password.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <sodium.h>

#include "hub/identity/ascii.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::identity {
namespace {

/// The passwords of twelve characters and more that guessing lists begin with, in lower case; and our own
/// names.
constexpr std::array<std::string_view, 44> common_passwords{
    "000000000000",     "0123456789ab",
    "111111111111",     "112233445566",
    "121212121212",     "123123123123",
    "1234567890ab",     "123456789012",
    "1234567890123",    "123456789abc",
    "123qweasdzxc",     "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u8i", "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv", "aaaaaaaaaaaa",
    "abc123abc123",     "abcdefghijkl",
    "administrator",    "adminadminadmin",
    "changemechangeme", "correcthorsebatterystaple",
    "iloveyou1234",     "iloveyouforever",
    "letmeinletmein",   "letmein123456",
    "loyalty123456",    "mypassword123",
    "password1234",     "password12345",
    "password123456",   "passwordpassword",
    "perkline1234",     "perklineperkline",
    "q1w2e3r4t5y6",     "qazwsxedcrfv",
    "qwerty123456",     "qwertyqwerty",
    "qwertyuiop12",     "qwertyuiop123",
    "qwertyuiopasdf",   "welcome12345",
    "welcomewelcome",   "zaq12wsxcde3",
};
static_assert(std::ranges::all_of(common_passwords,
                                  [](auto text) { return text.size() >= password_characters_min; }),
              "a shorter one is refused for its length");

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
  if (std::ranges::find(common_passwords, ascii_lower(password)) != common_passwords.end()) {
    return fail(Errc::validation_failed, "is among the most common passwords");
  }
  return {};
}

Result<std::string> hash_password(const std::string& password, HashCost cost) {
  PERKLINE_ASSERT(sodium_init() >= 0);
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str(hash.data(), password.data(), password.size(), cost.operations, cost.memory_bytes) !=
      0) {
    return fail(Errc::overloaded, "no memory to hash a password");
  }
  return std::string(hash.data());
}

bool verify_password(const std::string& hash, const std::string& password) {
  PERKLINE_ASSERT(sodium_init() >= 0);
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

}  // namespace perkline::hub::identity
