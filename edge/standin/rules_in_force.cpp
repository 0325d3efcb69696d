#include "edge/standin/rules_in_force.hpp"

#include <algorithm>

namespace perkline::edge::standin {
namespace {

/// Beyond that a session of older rules goes on by those in force.
constexpr std::size_t rules_known_max = 8;

}  // namespace

RulesInForce::RulesInForce(rules::ChainRules rules) {
  use(std::move(rules));
}

std::shared_ptr<const rules::ChainRules> RulesInForce::of(std::string_view version) const {
  const auto found = std::ranges::find_if(
      known_, [&](const auto& rules) { return std::string_view(rules->rewards.version) == version; });
  return found == known_.end() ? now() : *found;
}

void RulesInForce::use(rules::ChainRules rules) {
  auto latest = std::make_shared<const rules::ChainRules>(std::move(rules));
  std::erase_if(known_,
                [&](const auto& earlier) { return earlier->rewards.version == latest->rewards.version; });
  known_.insert(known_.begin(), std::move(latest));
  if (known_.size() > rules_known_max) known_.pop_back();
}

}  // namespace perkline::edge::standin
