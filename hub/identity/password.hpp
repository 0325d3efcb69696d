#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "shared/core/result.hpp"

namespace perkline::hub::identity {

inline constexpr std::size_t password_characters_min = 12;
inline constexpr std::size_t password_characters_max = 128;
/// A character takes up to four bytes in UTF-8.
inline constexpr std::size_t password_bytes_max = 4 * password_characters_max;

/// Whether `password` may be chosen: valid UTF-8, 12 to 128 characters of any kind, none of the common ones
/// (NIST SP 800-63B §5.1.1.2: length and a list, no composition rules). Errors: validation_failed, its detail
/// fit for the field's fault and without the password. Pure.
Result<void> check_password(std::string_view password);

}  // namespace perkline::hub::identity
