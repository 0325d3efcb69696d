#include "hub/notifications/kinds.hpp"

#include <algorithm>

namespace perkline::hub::notifications {
namespace {

constexpr std::array all{
    Kind{.name = "welcome",
         .event = "PLAYER_REGISTERED",
         .type = "welcome",
         .event_type = "PLAYER_REGISTERED",
         .names = {"registeredAt"},
         .title = "Welcome{{#memberName}}, {{memberName}}{{/memberName}}!",
         .body = "Your account is open. What you collect and what you are offered shows up here.",
         .subject = "Welcome!"},
    Kind{.name = "promotion_assigned",
         .event = "PROMOTION_ASSIGNED",
         .type = "promotion",
         .event_type = "PROMOTION",
         .names = {"promotionId", "title", "description", "type", "amount", "currency", "startDate",
                   "endDate"},
         .title = "{{title}}",
         .body = "A promotion for you: {{#amount}}{{amount}} {{currency}}{{/amount}}, yours to claim"
                 "{{#endDate}} until {{endDate}}{{/endDate}}.",
         .in_masses = true},
    Kind{.name = "promotion_claimed",
         .event = "PROMOTION_CLAIMED",
         .type = "promotion",
         .event_type = "PROMOTION",
         .names = {"promotionId", "title", "description", "type", "amount", "currency", "startDate",
                   "transactionId", "channel"},
         .title = "{{title}}",
         .body = "You have claimed it: {{amount}} {{currency}} are in your wallet."},
    Kind{.name = "promotion_claim_refused",
         .event = "PROMOTION_CLAIM_REFUSED",
         .type = "promotion",
         .event_type = "PROMOTION",
         .names = {"promotionId", "title", "type", "amount", "currency", "reason", "storeId", "claimedAt"},
         .title = "{{title}}",
         .body = "What you claimed at a till was claimed before, or not yours to claim any more: nothing"
                 " has come into your wallet for it."},
    Kind{.name = "prize_won",
         .event = "PRIZE_AWARDED",
         .type = "prize",
         .event_type = "PRIZE_AWARDED",
         .names = {"spinId", "prizeId", "prizeName", "prizeType", "points", "pointsInWords", "channel"},
         .title = "You have won: {{prizeName}}",
         .body = "The wheel was kind to you: {{prizeName}}{{#points}}, {{pointsInWords}}{{/points}}."},
    Kind{.name = "payment_started",
         .event = "PAYMENT_INITIATED",
         .type = "payment",
         .event_type = "PAYMENT_INITIATED",
         .names = {"paymentId", "reference", "amount", "currency", "payTo"},
         .title = "Payment of {{amount}} {{currency}} started",
         .body = "Your payment of {{amount}} {{currency}} is on its way. Reference: {{reference}}."},
    Kind{.name = "payment_completed",
         .event = "PAYMENT_COMPLETED",
         .type = "payment",
         .event_type = "PAYMENT_COMPLETED",
         .names = {"paymentId", "reference", "amount", "currency", "payTo"},
         .title = "Payment of {{amount}} {{currency}} completed",
         .body = "Your payment of {{amount}} {{currency}} is complete. Reference: {{reference}}."},
    Kind{.name = "payment_failed",
         .event = "PAYMENT_FAILED",
         .type = "payment",
         .event_type = "PAYMENT_FAILED",
         .names = {"paymentId", "reference", "amount", "currency", "payTo", "reason", "toGiveBack"},
         .title = "Payment of {{amount}} {{currency}} failed",
         .body = "Your payment of {{amount}} {{currency}} could not be completed{{#reason}}: {{reason}}"
                 "{{/reason}}. {{#toGiveBack}}What was taken will be given back.{{/toGiveBack}}"
                 "{{^toGiveBack}}Nothing was taken.{{/toGiveBack}} Reference: {{reference}}."},
    Kind{.name = "wallet_created",
         .event = "WALLET_CREATED",
         .type = "wallet",
         .event_type = "WALLET_CREATED",
         .names = {"currency"},
         .title = "Your {{currency}} wallet is ready",
         .body = "You have a wallet in {{currency}} now."},
    Kind{.name = "wallet_credited",
         .event = "WALLET_CREDITED",
         .type = "wallet",
         .event_type = "WALLET_CREDITED",
         .names = {"amount", "currency", "reason", "reasonInWords", "transferId"},
         .title = "{{amount}} {{currency}} received",
         .body = "{{amount}} {{currency}} have come into your wallet{{#reasonInWords}}: {{reasonInWords}}"
                 "{{/reasonInWords}}."},
    Kind{.name = "wallet_debited",
         .event = "WALLET_DEBITED",
         .type = "wallet",
         .event_type = "WALLET_DEBITED",
         .names = {"amount", "currency", "reason", "reasonInWords", "transferId"},
         .title = "{{amount}} {{currency}} spent",
         .body = "{{amount}} {{currency}} have left your wallet{{#reasonInWords}}: {{reasonInWords}}"
                 "{{/reasonInWords}}."},
    Kind{.name = "points_expiring",
         .event = "POINTS_EXPIRING",
         .type = "points",
         .event_type = "POINTS_EXPIRING",
         .names = {"points", "pointsInWords", "expiresAt"},
         .title = "About to expire: {{pointsInWords}}",
         .body = "Spend your {{pointsInWords}} before {{expiresAt}}.",
         .in_masses = true},
    Kind{.name = "tier_changed",
         .event = "TIER_CHANGED",
         .type = "tier",
         .event_type = "TIER_CHANGED",
         .names = {"customerId", "previousTier", "tier"},
         .title = "Your tier is {{tier}} now",
         .body = "Your tier has changed{{#previousTier}} from {{previousTier}}{{/previousTier}} to {{tier}}.",
         .in_masses = true},
};
static_assert(std::ranges::all_of(all,
                                  [](const Kind& kind) {
                                    return std::ranges::find(types, kind.type) != types.end();
                                  }),
              "a type that nobody can ask for");

}  // namespace

std::span<const Kind> kinds() {
  return all;
}

const Kind* kind_of_event(std::string_view event_type) {
  const auto* found = std::ranges::find(all, event_type, &Kind::event);
  return found == all.end() ? nullptr : found;
}

const Kind* kind_named(std::string_view name) {
  const auto* found = std::ranges::find(all, name, &Kind::name);
  return found == all.end() ? nullptr : found;
}

}  // namespace perkline::hub::notifications
