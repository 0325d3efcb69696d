#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "edge/session/session.hpp"
#include "pdi_client/pdi.hpp"

/// When a store's books and PDI's differ about a sale (edge.md, "Jobs"). Pure.
namespace perkline::edge::jobs {

/// Whether PDI is to be asked about a session in that state. What has yet to be settled may still become the
/// same on both sides, and what is no sale yet is not compared.
bool is_compared(session::Status ours);

/// What PDI says of a session: the status it has there, or `unknown` when PDI denies it. nullopt: it has not
/// said anything.
std::optional<std::string> word_of(const pdi::Reply<pdi::SessionStatus>& answer);

/// Whether PDI was asked, whatever came of it.
bool was_asked(const pdi::Reply<pdi::SessionStatus>& answer);

/// Ours is booked and PDI's is not, or the other way round.
bool differ(session::Status ours, std::string_view pdi);

}  // namespace perkline::edge::jobs
