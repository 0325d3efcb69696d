#pragma once

#include <optional>
#include <string_view>

#include "pdi_client/pdi.hpp"

/// PDI's bodies, held to what they must be (edge.md, "PDI client"). Pure. A points value that is negative,
/// fractional, absurd, a string or missing, or another session's id, makes an answer malformed: nullopt.
namespace perkline::pdi {

std::optional<Identified> read_identified(std::string_view body);
std::optional<Rewards> read_rewards(std::string_view body, const ProviderSessionId& session);
std::optional<Finalized> read_finalized(std::string_view body, const FinalizeCall& call);
std::optional<SessionStatus> read_status(std::string_view body, const ProviderSessionId& session);

/// PDI's own words for a refusal, up to limits::text_bytes_max each, control characters made spaces; both may
/// be empty.
ProviderFault read_refusal(std::string_view body);

/// What an HTTP status means for the caller (edge.md's table); nullopt: success. What no table names (a
/// redirect, a 405) is as good as no answer.
std::optional<Outcome> outcome_of(int status);

}  // namespace perkline::pdi
