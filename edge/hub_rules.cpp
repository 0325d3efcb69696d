#include "edge/hub_rules.hpp"

#include "shared/ops/log.hpp"

namespace perkline::edge {

std::optional<rules::ChainRules> rules_in(const sync::Catalogue& catalogue, ops::StandingFaults& faults,
                                          MonoTime now) {
  const auto found = catalogue.find(sync::name_of(sync::ItemKind::reward_rules));
  if (found == catalogue.end()) return std::nullopt;
  rules::ChainRules rules;
  const auto read =
      config::read_json(found->second, [&](config::Schema& schema) { rules::describe(schema, rules); });
  if (read) {
    faults.over();
    return rules;
  }
  for (const FieldFault& fault : read.error().faults) {
    if (!faults.is_news(fault.field + ' ' + fault.message, now)) continue;
    ops::log(ops::Level::error, "downlink", "the hub's rules have a fault: is this store's version too old?",
             {{"key", fault.field}, {"reason", fault.message}});
  }
  return std::nullopt;
}

}  // namespace perkline::edge
