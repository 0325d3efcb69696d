#pragma once

#include <string_view>

#include "edge/session/flows.hpp"

/// Bodies of the till's calls (contract.md §5), checked in full. Pure. `currency` is the store's.
/// Errors of all: malformed_json, validation_failed with every fault of the body.
namespace perkline::edge::api {

Result<session::IdentifyRequest> parse_identify(std::string_view body);
Result<session::CalculateRequest> parse_calculate(std::string_view body, Currency currency);
Result<session::FinalizeRequest> parse_finalize(std::string_view body, Currency currency);
Result<session::VoidRequest> parse_void(std::string_view body);
Result<session::ReturnRequest> parse_return(std::string_view body, Currency currency);

}  // namespace perkline::edge::api
