#pragma once

#include <string>

#include "pdi_client/pdi.hpp"

/// The bodies of PDI's calls. Pure. Amounts and quantities are JSON numbers with exactly the decimals they
/// have, never by way of floating point.
namespace perkline::pdi {

std::string request_body(const IdentifyCall& call);
std::string request_body(const CalculateCall& call);
std::string request_body(const FinalizeCall& call);

}  // namespace perkline::pdi
