#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perkline::hub::identity {

/// RFC 4648 §5 without padding.
std::string base64url(std::string_view bytes);

/// nullopt for padding, a foreign character or bits behind the last byte: one text for each content, so that
/// a token cannot be written in two ways.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace perkline::hub::identity
