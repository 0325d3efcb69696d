#include "hub/promotions/claim.hpp"

#include "hub/downlink/member_changes.hpp"
#include "hub/events/event_log.hpp"
#include "hub/ledger/history.hpp"
#include "hub/promotions/down.hpp"
#include "hub/promotions/promotions.hpp"

namespace perkline::hub::promotions {
namespace {

/// What the member has of it: the promotion, and whether it is claimed already.
struct Assigned {
  Promotion promotion;
  bool claimed = false;
};

Result<Assigned> find_assigned(db::Transaction& transaction, const ClaimOrder& order) {
  auto rows = transaction.query("SELECT " + std::string(promotion_columns) +
                                    ", mine.claimed_at FROM promotion_assignment mine"
                                    " JOIN promotion ON promotion.id = mine.promotion_id"
                                    " WHERE mine.promotion_id = $1 AND mine.user_id = $2",
                                {order.promotion.str(), order.user.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::not_found, "no such promotion of this member");
  auto promotion = promotion_in(rows->front());
  if (!promotion) return failure(promotion);
  return Assigned{.promotion = std::move(*promotion),
                  .claimed = !rows->front().is_null(promotion_columns_count)};
}

std::unexpected<Error> already_claimed() {
  return fail(Errc::already_claimed, "the promotion was claimed before");
}

/// Of the wallet's credit.
std::string external_id(const Uuid& promotion, const UserId& user) {
  return "promotion:" + promotion.str() + ':' + user.str();
}

std::string description_of(const Promotion& promotion) {
  return "Claimed '" + promotion.title + "' promotion";
}

/// Of any number that come at once one does.
Result<void> mark_claimed(db::Transaction& transaction, const wallet::Cause& cause, const ClaimOrder& order) {
  db::Value till_claim = nullptr;
  if (order.till_claim) till_claim = order.till_claim->str();
  auto marked = transaction.execute(
      "UPDATE promotion_assignment SET claimed_at = $3, channel = $4, transfer_id = $5, claim_id = $6"
      " WHERE promotion_id = $1 AND user_id = $2 AND claimed_at IS NULL",
      {order.promotion.str(), order.user.str(), order.claimed_at.time_since_epoch().count(),
       std::string(name_of(order.channel)), cause.id.str(), std::move(till_claim)});
  if (!marked) return failure(marked);
  if (*marked == 0) return already_claimed();
  return {};
}

Result<void> tell_claimed(db::Transaction& transaction, const wallet::Cause& cause, const ClaimOrder& order,
                          const Promotion& promotion) {
  json::Writer data;
  data.begin_object().field("promotionId", promotion.id.str()).field("userId", order.user.str());
  data.field("title", promotion.title).field("description", promotion.description);
  data.field("type", name_of(promotion.type)).field("startDate", format_day(promotion.term.first));
  data.field("amount", format_amount(promotion.amount)).field("currency", promotion.amount.currency.code());
  data.field("transactionId", cause.id.str()).field("channel", name_of(order.channel));
  data.field("claimedAt", format_time(order.claimed_at)).end_object();
  return events::append(transaction, {.id = order.event,
                                      .type = "PROMOTION_CLAIMED",
                                      .occurred_at = cause.at,
                                      .traceparent = cause.traceparent,
                                      .data = data.take()});
}

}  // namespace

std::string_view name_of(Channel channel) {
  switch (channel) {
    case Channel::web:
      return "web";
    case Channel::till:
      return "till";
  }
  return {};
}

Result<Claim> claim(db::Transaction& transaction, const wallet::Cause& cause, const ClaimOrder& order) {
  if (auto held = hold(transaction, order.promotion); !held) return failure(held);
  auto assigned = find_assigned(transaction, order);
  if (!assigned) return failure(assigned);
  if (assigned->claimed) return already_claimed();
  Promotion& promotion = assigned->promotion;
  if (!loyalty::runs_on(promotion.term, utc_day(order.claimed_at)))
    return fail(Errc::promotion_not_active, "the promotion is not running");
  auto as_told = promotion_as_told(transaction, promotion, order.terms);
  if (!as_told) return failure(as_told);
  promotion = std::move(*as_told);
  // The card first, as who applies a store's events holds it before anything else.
  if (auto noted = downlink::note_members_changed(transaction, {order.user.str()}); !noted)
    return failure(noted);
  if (auto marked = mark_claimed(transaction, cause, order); !marked) return failure(marked);
  auto booked = wallet::give(transaction, cause,
                             {.user = order.user,
                              .amount = promotion.amount,
                              .from = "promotions",
                              .external_id = external_id(promotion.id, order.user),
                              .code = "promotion",
                              .meta = R"({"promotionId":")" + promotion.id.str() + R"("})"});
  if (!booked) return failure(booked);
  if (auto told = tell_claimed(transaction, cause, order, promotion); !told) return failure(told);
  std::string description = description_of(promotion);
  return Claim{.promotion = std::move(promotion),
               .user = order.user,
               .claimed_at = order.claimed_at,
               .booked = std::move(*booked),
               .description = std::move(description)};
}

Result<std::optional<Claim>> find_till_claim(db::Transaction& transaction, const Uuid& promotion,
                                             const UserId& user, const Uuid& till_claim) {
  auto rows =
      transaction.query("SELECT " + std::string(promotion_columns) +
                            ", mine.claimed_at FROM promotion_assignment mine"
                            " JOIN promotion ON promotion.id = mine.promotion_id"
                            " WHERE mine.promotion_id = $1 AND mine.user_id = $2 AND mine.claim_id = $3",
                        {promotion.str(), user.str(), till_claim.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  auto claimed = promotion_in(rows->front());
  if (!claimed) return failure(claimed);
  const auto transfer = ledger::find_transfer(transaction, external_id(promotion, user));
  if (!transfer) return std::unexpected(transfer.error());
  if (!*transfer) return fail(Errc::corrupt, "a claim without its transfer");
  const auto currency = wallet::currency_in(**transfer);
  if (!currency) return fail(Errc::corrupt, "a claim's transfer is of no money");
  const auto balance = wallet::balance_in(transaction, user, *currency);
  if (!balance) return std::unexpected(balance.error());
  std::string description = description_of(*claimed);
  return Claim{.promotion = std::move(*claimed),
               .user = user,
               .claimed_at = WallTime{Millis{rows->front().integer(promotion_columns_count)}},
               .booked = {.id = (*transfer)->id,
                          .user = user,
                          .amount = Money{(*transfer)->amount, *currency},
                          .balance = *balance,
                          .at = (*transfer)->created_at},
               .description = std::move(description)};
}

void write_claim(json::Writer& out, const Claim& claim) {
  const std::string promotion = claim.promotion.id.str();
  const Money& amount = claim.booked.amount;
  out.begin_object().key("claim").begin_object();
  out.field("promotionId", promotion).field("userId", claim.user.str()).field("claimed", true);
  out.field("claimedAt", format_time(claim.claimed_at)).end_object();
  out.key("transaction").begin_object();
  out.field("id", claim.booked.id).field("userId", claim.user.str()).field("amount", format_amount(amount));
  out.field("currency", amount.currency.code()).field("transactionType", "CREDIT");
  out.field("description", claim.description).key("additionalData").begin_object();
  out.field("promotionId", promotion).end_object();
  out.field("createdAt", format_time(claim.booked.at)).end_object();
  out.key("balance");
  write_balance(out, claim.booked.balance);
  out.end_object();
}

}  // namespace perkline::hub::promotions
