#pragma once

#include <string>

#include "bench/load/journey_csv.hpp"
#include "bench/load/replay.hpp"

namespace perkline::bench {

/// What of a file was used, and what was left out and why.
std::string to_text(const JourneyFile& file);
/// What was sold, how fast, and what failed and why.
std::string to_text(const ReplaySummary& summary);
/// Both as one JSON object.
std::string to_json(const JourneyFile& file, const ReplaySummary& summary, const ReplayOptions& options);
/// Adds `more` to `total`; the durations add up too.
void add(ReplaySummary& total, ReplaySummary more);

}  // namespace perkline::bench
