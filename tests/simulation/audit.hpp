#pragma once

#include <memory>
#include <vector>

#include "tests/simulation/chain.hpp"

namespace perkline::simulation {

/// Everybody's books, once all is at rest.
struct Books {
  const Scenario& scenario;
  Trace& trace;
  const Provider& provider;
  Hub& hub;
  const std::vector<std::unique_ptr<Store>>& stores;
  const std::vector<TillSale>& sales;
  Figures& figures;
};

/// Holds the tills' last words, the stores' journals, PDI's ledger and the hub's against one another.
void audit(Books books);

}  // namespace perkline::simulation
