#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What an event says, for people. Pure.
namespace perkline::hub::ingest {

/// Name and value, in the event's order; empty for bytes that are no event.
std::vector<std::pair<std::string_view, std::string>> fields_of_event(std::string_view bytes);

}  // namespace perkline::hub::ingest
