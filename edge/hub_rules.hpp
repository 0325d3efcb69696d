#pragma once

#include <optional>

#include "shared/ops/standing_faults.hpp"
#include "shared/rules/chain_rules.hpp"
#include "shared/sync/catalogue.hpp"

namespace perkline::edge {

/// The chain's rules in the hub's catalogue; nullopt: it holds none, or such that this version cannot read,
/// which the log says then, as `faults` has it.
std::optional<rules::ChainRules> rules_in(const sync::Catalogue& catalogue, ops::StandingFaults& faults,
                                          MonoTime now);

}  // namespace perkline::edge
