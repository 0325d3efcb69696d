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
  const HubProgramme& programme;
  Figures& figures;
};

/// Holds the tills' last words, the stores' journals, PDI's ledger and the hub's against one another.
void audit(Books books);

/// The same for spins and claims, and proves every draw, by the seeds as the hub reveals them in years.
void audit_programme(const Books& books);

}  // namespace perkline::simulation
