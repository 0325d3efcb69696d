#pragma once

#include <string_view>

#include "edge/programme/claims.hpp"
#include "edge/programme/spins.hpp"

/// Bodies of the till's calls at the wheel and for promotions, as requests.hpp's. Pure.
namespace perkline::edge::api {

Result<programme::SpinRequest> parse_spin(std::string_view body);
Result<programme::ClaimRequest> parse_claim(std::string_view body);

}  // namespace perkline::edge::api
