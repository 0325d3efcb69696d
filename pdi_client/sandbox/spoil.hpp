#pragma once

#include <string>

#include "pdi_client/sandbox/faults.hpp"

namespace perkline::pdi::sandbox {

/// How many ways of spoiling an endpoint's answers there are.
std::size_t spoilings(Endpoint endpoint);

/// A good answer's body made malformed in the `turn`th way, counted from 0: cut in half, empty, not JSON, no
/// object, without its members, over 1 MiB; then, by endpoint, points that are negative, fractional, absurd,
/// a string or null, another session's id, an unknown status, a token that is none. Pure.
std::string spoil(Endpoint endpoint, const std::string& body, std::size_t turn);

}  // namespace perkline::pdi::sandbox
