#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/money.hpp"
#include "shared/core/result.hpp"
#include "shared/loyalty/rewards.hpp"
#include "shared/rules/chain_rules.hpp"

/// What baskets would earn at a till that PDI does not answer. Pure.
namespace perkline::hub::rules {

inline constexpr std::size_t dry_run_baskets_max = 100;

struct TrialItem {
  Quantity quantity;
  std::optional<Money> unit_price;
  std::string category;
};
struct TrialBasket {
  std::string tier;
  Money amount;
  Money paid;
  std::chrono::sys_days day;
  std::vector<TrialItem> items;
};
struct DryRun {
  std::optional<perkline::rules::ChainRules> draft;  ///< nullopt: by those in force.
  std::vector<TrialBasket> baskets;
};

/// What a request asks: `{rules?, baskets: [{transactionAmount, finalAmount?, tier?, day?, items?}]}`;
/// amounts in `currency`, `day` today where none is named. Errors: malformed_json, validation_failed with
/// every fault.
Result<DryRun> read_dry_run(std::string_view body, Currency currency, std::chrono::sys_days today);

/// A draft and nothing else. Errors: malformed_json, validation_failed with every fault.
Result<perkline::rules::ChainRules> read_rules(std::string_view body);

/// Each basket's points, in order, as a JSON object; with `notes` where rules that know categories do not
/// name an item's. Errors: validation_failed naming the baskets that earn more than points_max, or are of a
/// tier that the rules do not name: at a till it would add nothing, without a word.
Result<std::string> run_dry(const perkline::rules::ChainRules& rules,
                            const std::vector<TrialBasket>& baskets);

}  // namespace perkline::hub::rules
