#pragma once

#include "hub/wheel/prizes.hpp"
#include "shared/json/fields.hpp"

/// The bodies of the wheel's calls, every fault of each at once. Pure.
namespace perkline::hub::api {

/// `{name, type, weight, oneTimePerUser?, stock?, active?, points?}`; the id is the caller's to set.
wheel::Prize read_prize(json::Fields& fields, const json::Value& root);
/// Any of the same; a `stock` of null is without limit, `points` of null are what the programme gives.
/// `prize`: what it is now, where there is one, so that what does not go with that is told along with the
/// rest.
wheel::PrizeChange read_prize_change(json::Fields& fields, const json::Value& root,
                                     const std::optional<wheel::Prize>& prize);
/// `{clientSeed?}`
std::string read_client_seed(json::Fields& fields, const json::Value& root);

}  // namespace perkline::hub::api
