#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shared/core/random.hpp"

/// W3C Trace Context, level 1.
namespace perkline::ops {

/// Whether `text` is a valid version-00 traceparent.
bool is_traceparent(std::string_view text);
/// A new trace.
std::string new_traceparent(Rng& rng);
/// The same trace with a new span id; a new trace when `parent` is not valid.
std::string child_traceparent(std::string_view parent, Rng& rng);
/// The 32 hex digits of the trace id; empty when `traceparent` is not valid.
std::string_view trace_id_of(std::string_view traceparent);
std::string_view span_id_of(std::string_view traceparent);

}  // namespace perkline::ops
