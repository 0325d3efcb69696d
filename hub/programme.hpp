#pragma once

#include "hub/billing/statement.hpp"
#include "hub/config.hpp"
#include "hub/points/terms.hpp"
#include "hub/wheel/terms.hpp"

namespace perkline::hub {

/// What the configuration, which was checked, grants.
points::Terms terms_of(const HubConfig::Programme& programme);
billing::Rates rates_of(const HubConfig::Programme& programme);
wheel::Terms wheel_terms_of(const HubConfig& config);

}  // namespace perkline::hub
