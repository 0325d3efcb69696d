#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "edge/standin/receipt.hpp"
#include "shared/config/schema.hpp"
#include "shared/loyalty/rewards.hpp"

/// What a chain decides about the sales its stores take on (edge.md, "Stand-in"): `standin.rules_file`.
namespace perkline::edge::standin {

/// As built in, unless a file says otherwise.
struct ChainRules {
  loyalty::RewardRules rewards = loyalty::default_rules();
  ReceiptForm receipt = {};
};

/// Whether both price and print alike; whatever they are called.
bool same_content(const ChainRules& a, const ChainRules& b);

/// The rules file, key by key; what it leaves out is as built in, but for `version`, which it must have.
void describe(config::Schema& schema, ChainRules& rules);

/// The rules in force, and those that were lately: a sale goes on by the rules that priced it. What is given
/// out stays as it is while others come into force. Reactor's thread.
class RulesInForce {
 public:
  explicit RulesInForce(ChainRules rules = {});

  std::shared_ptr<const ChainRules> now() const { return known_.front(); }
  /// Those of that version while they are known, else those in force.
  std::shared_ptr<const ChainRules> of(std::string_view version) const;
  /// From the next sale on. Earlier ones of the same version are forgotten.
  void use(ChainRules rules);

 private:
  std::vector<std::shared_ptr<const ChainRules>> known_;  ///< The latest first.
};

}  // namespace perkline::edge::standin
