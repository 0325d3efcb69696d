#include "hub/programme.hpp"

#include "shared/core/assert.hpp"

namespace perkline::hub {

points::Terms terms_of(const HubConfig::Programme& programme) {
  const auto currency = find_currency(programme.currency);
  PERKLINE_ASSERT(currency.has_value());
  points::Terms terms{.currency = *currency,
                      .signup = programme.signup,
                      .referral = programme.referral,
                      .expiry = days{programme.expiry_days},
                      .tiers = programme.tiers,
                      .purchase_rule = {}};
  for (const HubConfig::PurchaseStep& step : programme.purchase_rule) {
    const auto from = parse_amount(step.from, *currency);
    PERKLINE_ASSERT(from.has_value());
    terms.purchase_rule.push_back({.from = from->minor, .points = step.points});
  }
  return terms;
}

billing::Rates rates_of(const HubConfig::Programme& programme) {
  const auto currency = find_currency(programme.currency);
  PERKLINE_ASSERT(currency.has_value());
  return {.currency = *currency, .issue = programme.issue_rate, .redeem = programme.redeem_rate};
}

wheel::Terms wheel_terms_of(const HubConfig& config) {
  const HubConfig::Programme::PrizePoints& points = config.programme.prize_points;
  return {.cost = config.wheel.cost,
          .prize_points = {.cash = points.cash,
                           .coupon = points.coupon,
                           .lottery_ticket = points.lottery_ticket,
                           .none = points.none},
          .programme = terms_of(config.programme)};
}

}  // namespace perkline::hub
