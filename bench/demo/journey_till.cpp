// The journey's steps that lead through a store.
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "bench/demo/journey.hpp"
#include "bench/fleet/web.hpp"
#include "shared/core/money.hpp"

namespace perkline::bench {
namespace {

constexpr const char* basket = "150.00";
constexpr std::int64_t basket_minor = 15'000;
constexpr const char* till_bonus = "5.00";
constexpr const char* after_till_bonus = "25.00";
constexpr std::int64_t purchase_points = 2;  ///< As journey_hub_yaml has it.

/// Two for each unit of the currency, and what the tier adds.
Result<std::int64_t> points_for_basket(const std::string& tier) {
  const std::int64_t base = 2 * basket_minor / 100;
  if (tier == "Base") return base;
  if (tier == "Silver") return base + base / 4;
  if (tier == "Gold") return base + base / 2;
  if (tier == "Platinum") return 2 * base;
  return fail(Errc::io_failed, "there is no tier " + tier);
}

}  // namespace

Result<void> Journey::ben_buys_at_a_till() {
  auto card = new_card();
  if (!card) return failure(card);
  card_ = std::move(*card);
  month_ = day(0).substr(0, 7);
  const auto issued = statement_issued();
  if (!issued) return std::unexpected(issued.error());
  issued_before_ = std::strtoll(issued->c_str(), nullptr, 10);

  const auto identified = calls_.till(
      {.method = "POST",
       .path = "identify",
       .body = object_of(
           {{"customerId", card_}, {"channelId", "POS-001"}, {"transactionId", sale_.transaction}})});
  if (!identified) return std::unexpected(identified.error());
  sale_.session = shown(*identified, "sessionId");
  const std::string priced =
      fmt::format(R"({{"sessionId":"{}","transactionAmount":"{}","items":[]}})", sale_.session, basket);
  if (const auto calculated = calls_.till({.method = "POST", .path = "calculateRewards", .body = priced});
      !calculated)
    return std::unexpected(calculated.error());
  const auto finalized =
      calls_.till({.method = "POST",
                   .path = "finalize",
                   .body = fmt::format(
                       R"({{"sessionId":"{}","transactionId":"{}","finalAmount":"{}","applyRewards":true}})",
                       sale_.session, sale_.transaction, basket)});
  if (!finalized) return std::unexpected(finalized.error());
  sale_.earned = number(*finalized, "earnedPoints");
  sale_.balance = number(*finalized, "newBalance");
  sale_.receipt = shown(*finalized, "receiptId");
  const auto wanted = points_for_basket(shown(*identified, "tier"));
  if (!wanted) return std::unexpected(wanted.error());
  if (auto right = expect("points for the sale", sale_.earned, *wanted); !right) return right;
  if (auto right =
          expect("points at PDI", sale_.balance, number(*identified, "currentPoints") + sale_.earned);
      !right)
    return right;
  sold_.push_back({.edge = Calls::store,
                   .transaction = TransactionId(sale_.transaction),
                   .amount = {basket_minor, find_currency("USD").value()},
                   .earned = Points{sale_.earned},
                   .redeemed = {},
                   .session = sale_.session});
  tell(fmt::format("Ben buys for {} USD at {}'s till with card {} ({}): {} points from PDI, {} in all there",
                   basket, calls_.store_id(), card_, shown(*identified, "tier"), sale_.earned,
                   sale_.balance));
  return {};
}

Result<void> Journey::ben_shows_his_receipt() {
  const auto taken_in = once("the sale at the hub", stop_, [&] {
    const auto balance = call(
        {.origin = fleet_.hub_url(), .path = "/api/v1/points/balance?customerId=" + card_, .bearer = staff_});
    return balance && balance->status == 200 &&
           shown(balance->json(), "rewards.net") == std::to_string(sale_.earned);
  });
  if (!taken_in) return taken_in;
  const auto linked = calls_.hub({.method = "POST",
                                  .path = "auth/me/loyalty",
                                  .token = ben_.token,
                                  .body = object_of({{"loyaltyId", card_}, {"receiptId", sale_.receipt}})});
  if (!linked) return std::unexpected(linked.error());
  if (auto his = expect("the card is verified", shown(*linked, "loyaltyVerified"), "true"); !his) return his;
  const auto has = calls_.hub({.path = "points/balance", .token = ben_.token});
  if (!has) return std::unexpected(has.error());
  if (auto right = expect("Ben's rewards", number(*has, "rewards.net"), sale_.earned); !right) return right;
  if (auto right = expect("PDI's balance at the hub", number(*has, "rewards.pdiBalance"), sale_.balance);
      !right)
    return right;
  points_ += purchase_points;
  if (auto right = points_are(ben_, points_); !right) return right;
  tell(fmt::format(
      "Ben shows receipt {}: the card is his, its {} reward points too, and {} points for a sale of "
      "100 USD or more: {}",
      sale_.receipt, sale_.earned, purchase_points, points_));
  return {};
}

/// One for the sale, at no cost, drawn by the store itself.
Result<void> Journey::ben_spins_at_the_till() {
  const auto spun = calls_.till(
      {.method = "POST",
       .path = "spin",
       .body = object_of(
           {{"customerId", card_}, {"transactionId", sale_.transaction}, {"clientSeed", "Ben's"}})});
  if (!spun) return std::unexpected(spun.error());
  const auto won = points_for_prize(shown(*spun, "prize.type"));
  if (!won) return std::unexpected(won.error());
  json::Document listed;
  const auto booked = once("the till's spin at the hub", stop_, [&] {
    auto spins = calls_.hub({.path = "spins", .token = ben_.token});
    if (!spins || shown(*spins, "items.0.spinId") != shown(*spun, "spinId")) return false;
    listed = std::move(*spins);
    return true;
  });
  if (!booked) return booked;
  if (auto right = expect("where he span", shown(listed, "items.0.storeId"), calls_.store_id()); !right)
    return right;
  if (auto right = expect("the till's prize", number(listed, "items.0.pointsAwarded"), *won); !right)
    return right;
  points_ += *won;
  if (auto right = points_are(ben_, points_); !right) return right;
  tell(fmt::format("Ben spins at the till for nothing and wins \"{}\": {}, and he has {}",
                   shown(*spun, "prize.name"), points_text(*won), points_));
  return {};
}

Result<void> Journey::ben_claims_at_the_till() {
  const auto made = calls_.hub({.method = "POST",
                                .path = "promotions",
                                .token = staff_,
                                .body = object_of({{"title", "Thank you"},
                                                   {"type", "BONUS"},
                                                   {"amount", till_bonus},
                                                   {"startDate", day(0)},
                                                   {"endDate", day(30)}}),
                                .status = 201});
  if (!made) return std::unexpected(made.error());
  const std::string promotion = shown(*made, "id");
  const auto assigned = calls_.hub({.method = "POST",
                                    .path = "promotions/" + promotion + "/assign",
                                    .token = staff_,
                                    .body = fmt::format(R"({{"userIds":["{}"]}})", ben_.id)});
  if (!assigned) return std::unexpected(assigned.error());
  const auto offered = once("the promotion at the till", stop_, [&] {
    const auto promotions = calls_.till({.path = "promotions?customerId=" + card_});
    return promotions && shown(*promotions, "items.0.id") == promotion;
  });
  if (!offered) return offered;
  const auto claimed = calls_.till({.method = "POST",
                                    .path = "promotions/claim",
                                    .body = object_of({{"customerId", card_},
                                                       {"promotionId", promotion},
                                                       {"transactionId", sale_.transaction + "-CLAIM"}})});
  if (!claimed) return std::unexpected(claimed.error());
  if (auto right = expect("the balance at the till", shown(*claimed, "balance.available"), after_till_bonus);
      !right)
    return right;
  if (auto right = wallet_is(ben_, after_till_bonus); !right) return right;
  tell(fmt::format("staff give him {} USD more, he claims it at the till: {} USD in his wallet", till_bonus,
                   after_till_bonus));
  return {};
}

Result<void> Journey::the_statement_shows_the_points() {
  const auto issued = statement_issued();
  if (!issued) return std::unexpected(issued.error());
  const std::int64_t now = std::strtoll(issued->c_str(), nullptr, 10);
  if (auto right = expect("points issued by the statement", now, issued_before_ + sale_.earned); !right)
    return right;
  tell(fmt::format("{}'s statement of {}: {} points issued, {} before Ben's sale", calls_.store_id(), month_,
                   now, issued_before_));
  return {};
}

Result<std::string> Journey::statement_issued() const {
  return calls_.hub_value("billing/statements?storeId=" + calls_.store_id() + "&month=" + month_, staff_,
                          "items.0.issuedPoints");
}

Result<std::string> Journey::new_card() const {
  constexpr int first = 4000;
  constexpr int last = 5000;
  for (int number = first; number <= last; ++number) {
    std::string card = fmt::format("CUST-{:05}", number);
    const auto known = call(
        {.origin = fleet_.hub_url(), .path = "/api/v1/points/balance?customerId=" + card, .bearer = staff_});
    if (known && known->status == 404) return card;
  }
  return fail(Errc::io_failed, "every card has been used");
}

}  // namespace perkline::bench
