#pragma once

#include <cstddef>
#include <string_view>

namespace perkline {

/// The length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none (Unicode 15, table
/// 3-7).
std::size_t utf8_length(std::string_view text);

}  // namespace perkline
