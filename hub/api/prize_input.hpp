#pragma once

#include "hub/wheel/prizes.hpp"
#include "shared/json/fields.hpp"

/// The bodies of the wheel's calls, every fault of each at once. Pure.
namespace perkline::hub::api {

/// `{name, type, weight, oneTimePerUser?, stock?, active?, points?}`; the id is the caller's to set.
wheel::Prize read_prize(json::Fields& fields, const json::Value& root);
/// Any of the same; a `stock` of null is without limit, `points` of null are what the programme gives.
wheel::PrizeChange read_prize_change(json::Fields& fields, const json::Value& root);
/// `{clientSeed?}`
std::string read_client_seed(json::Fields& fields, const json::Value& root);

}  // namespace perkline::hub::api
