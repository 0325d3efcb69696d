#pragma once

#include <string>
#include <string_view>

namespace perkline {

/// `text` as it may stand in an HTML element or in an attribute between double quotes: `<`, `>`, `&` and `"`
/// by their names. Pure.
std::string html_escaped(std::string_view text);

}  // namespace perkline
