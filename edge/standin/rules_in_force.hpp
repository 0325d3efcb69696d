#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "shared/rules/chain_rules.hpp"

namespace perkline::edge::standin {

/// The rules in force, and those that were lately: a sale goes on by the rules that priced it. What is given
/// out stays as it is while others come into force. Reactor's thread.
class RulesInForce {
 public:
  explicit RulesInForce(rules::ChainRules rules = {});

  std::shared_ptr<const rules::ChainRules> now() const { return known_.front(); }
  /// Those of that version while they are known, else those in force.
  std::shared_ptr<const rules::ChainRules> of(std::string_view version) const;
  /// From the next sale on. Earlier ones of the same version are forgotten.
  void use(rules::ChainRules rules);

 private:
  std::vector<std::shared_ptr<const rules::ChainRules>> known_;  ///< The latest first.
};

}  // namespace perkline::edge::standin
