#pragma once

#include <span>
#include <string_view>

#include "shared/net/http.hpp"

namespace perkline::hub::api {

/// Which of these media types the caller would rather have (RFC 9110 §12.5.1): of those it takes equally, and
/// where it says nothing or takes none of them, the first. Pure.
std::string_view preferred_type(const net::Headers& headers, std::span<const std::string_view> offered);

}  // namespace perkline::hub::api
