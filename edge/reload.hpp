#pragma once

#include <string>
#include <vector>

#include "edge/config.hpp"

/// What a running daemon takes over of a configuration that is read again. Pure.
namespace perkline::edge {

/// The keys that differ.
struct ConfigChange {
  std::vector<std::string> at_once;   ///< In effect from now on.
  std::vector<std::string> at_start;  ///< In effect from the next start on.
};
ConfigChange change_of(const EdgeConfig& running, const EdgeConfig& fresh);

/// `running` with all of `fresh` that takes effect at once, and nothing else.
EdgeConfig taken_over(EdgeConfig running, const EdgeConfig& fresh);

}  // namespace perkline::edge
