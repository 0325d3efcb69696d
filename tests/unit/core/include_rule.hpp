#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace perkline::test {

struct Source {
  std::string path;  ///< From the repository's root.
  std::string text;
};

/// What `sources` include against the rules: which folder may use which, what a header may name, and that
/// network libraries stay in shared/net (ARCHITECTURE.md, "Folders"). A header of shared/net that names one,
/// itself or through another, is that folder's own: no other may include it. A line for each breach:
/// `edge/main.cpp:3: hub/config.hpp: why`.
std::vector<std::string> include_breaches(const std::vector<Source>& sources);

}  // namespace perkline::test
