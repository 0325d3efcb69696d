#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perkline::pdi {

/// RFC 4648 §4, padded, without line breaks.
std::string base64_encode(std::string_view bytes);
/// nullopt for anything else.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace perkline::pdi
