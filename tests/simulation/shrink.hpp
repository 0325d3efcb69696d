#pragma once

#include <string>

#include "tests/simulation/chain.hpp"

namespace perkline::simulation {

/// The least of a seed's scenario that still breaks the same invariant.
struct Shrunk {
  Cut cut;
  Outcome outcome;  ///< With its lines.
  std::size_t runs = 0;
};
/// `seed` fails as it is. Tries fewer sales, stores and tills, and one trouble less at a time.
Shrunk shrink(const Scenario& scenario);

/// For people: seed, invariant, what is needed for it, and how to run it again.
std::string report(const Scenario& scenario, const Shrunk& shrunk);

}  // namespace perkline::simulation
