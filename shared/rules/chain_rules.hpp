#pragma once

#include <string>
#include <string_view>

#include "shared/config/schema.hpp"
#include "shared/loyalty/rewards.hpp"
#include "shared/rules/receipt.hpp"

/// What a chain decides about the sales its stores take on (edge.md, "Stand-in"): `standin.rules_file`.
namespace perkline::rules {

/// As built in, unless a file says otherwise.
struct ChainRules {
  loyalty::RewardRules rewards = loyalty::default_rules();
  ReceiptForm receipt = {};
};

/// Whether both price and print alike; whatever they are called.
bool same_content(const ChainRules& a, const ChainRules& b);

/// The rules file, key by key; what it leaves out is as built in, but for `version`, which it must have.
void describe(config::Schema& schema, ChainRules& rules);

}  // namespace perkline::rules
