#include "hub/promotions/till_claim.hpp"

#include <array>

#include "hub/events/event_log.hpp"
#include "hub/ledger/account_book.hpp"
#include "hub/points/card_owners.hpp"
#include "hub/promotions/promotions.hpp"

namespace perkline::hub::promotions {
namespace {

using sync::ClaimOutcome;

/// nullopt: the card is nobody's, or of no active member.
Result<std::optional<UserId>> claimer_of(db::Transaction& transaction, const CustomerId& card) {
  const std::array cards{card};
  const auto owners = points::owners_of_cards(transaction, cards);
  if (!owners) return std::unexpected(owners.error());
  const auto owner = owners->find(card);
  if (owner == owners->end()) return std::nullopt;
  auto active = transaction.query("SELECT 1 FROM users WHERE id = $1 AND active = 1 AND role = 'member'",
                                  {owner->second.str()});
  if (!active) return failure(active);
  if (active->empty()) return std::nullopt;
  return owner->second;
}

/// What an error of claim() comes to; nullopt: it is the database's.
std::optional<ClaimOutcome> outcome_of(const Error& error) {
  switch (error.code) {
    case Errc::not_found:
      return ClaimOutcome::not_assigned;
    case Errc::already_claimed:
      return ClaimOutcome::already_claimed;
    case Errc::promotion_not_active:
      return ClaimOutcome::not_active;
    case Errc::balance_limit:
      return ClaimOutcome::balance_limit;
    default:
      return std::nullopt;
  }
}

std::string reason_of(ClaimOutcome outcome) {
  switch (outcome) {
    case ClaimOutcome::claimed:
      break;
    case ClaimOutcome::already_claimed:
      return "already_claimed";
    case ClaimOutcome::not_assigned:
      return "not_assigned";
    case ClaimOutcome::not_active:
      return "not_active";
    case ClaimOutcome::balance_limit:
      return "balance_limit";
  }
  return {};
}

/// What was decided before of this very claim, which is told of again; nullopt: it was never refused.
Result<std::optional<ClaimOutcome>> refused_before(db::Transaction& transaction, const Uuid& claim) {
  auto rows =
      transaction.query("SELECT reason FROM promotion_claim_refused WHERE claim_id = $1", {claim.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  for (const auto outcome : {ClaimOutcome::already_claimed, ClaimOutcome::not_active}) {
    if (rows->front().text(0) == reason_of(outcome)) return outcome;
  }
  return ClaimOutcome::not_assigned;
}

/// nullopt: there is no such promotion, so that there is nothing to tell the member of.
Result<std::optional<Promotion>> find_any(db::Transaction& transaction, const Uuid& id) {
  auto found = find(transaction, id);
  if (found) return std::move(*found);
  if (found.error().code == Errc::not_found) return std::nullopt;
  return failure(found);
}

Result<void> tell_refused(db::Transaction& transaction, const wallet::Cause& cause, const Uuid& event,
                          const TillClaim& told, const TillAnswer& answer) {
  if (!answer.user) return {};
  const auto promotion = find_any(transaction, told.promotion);
  if (!promotion) return std::unexpected(promotion.error());
  if (!*promotion) return {};
  const Money& amount = (*promotion)->amount;
  json::Writer data;
  data.begin_object().field("claimId", told.id.str()).field("promotionId", told.promotion.str());
  data.field("userId", answer.user->str()).field("title", (*promotion)->title);
  data.field("type", name_of((*promotion)->type)).field("amount", format_amount(amount));
  data.field("currency", amount.currency.code()).field("reason", reason_of(answer.outcome));
  data.field("channel", name_of(Channel::till)).field("storeId", told.store.str());
  data.field("tillTransactionId", told.transaction.str());
  data.field("claimedAt", format_time(told.claimed_at)).end_object();
  return events::append(transaction, {.id = event,
                                      .type = "PROMOTION_CLAIM_REFUSED",
                                      .occurred_at = cause.at,
                                      .traceparent = cause.traceparent,
                                      .data = data.take()});
}

}  // namespace

Result<TillAnswer> claim_at_till(db::Transaction& transaction, const wallet::Cause& cause, const Uuid& event,
                                 const TillClaim& told) {
  auto user = claimer_of(transaction, told.card);
  if (!user) return failure(user);
  const auto refused = refused_before(transaction, told.id);
  if (!refused) return std::unexpected(refused.error());
  if (*refused) return TillAnswer{.outcome = **refused, .user = *user};
  if (!*user) return TillAnswer{};
  TillAnswer answer{.outcome = ClaimOutcome::claimed, .user = *user};
  // Of a claim that its wallet cannot hold nothing stays: it may be made again.
  const auto claimed = transaction.attempt([&]() -> Result<void> {
    auto made = claim(transaction, cause,
                      {.promotion = told.promotion,
                       .user = **user,
                       .channel = Channel::till,
                       .claimed_at = told.claimed_at,
                       .event = event,
                       .till_claim = told.id,
                       .terms = told.terms});
    if (!made) return failure(made);
    answer.claim = std::move(*made);
    return {};
  });
  if (claimed) return answer;
  const auto outcome = outcome_of(claimed.error());
  if (!outcome) return std::unexpected(claimed.error());
  answer.outcome = *outcome;
  if (*outcome != ClaimOutcome::already_claimed) return answer;
  // By this very claim, whose answer was lost?
  auto mine = find_till_claim(transaction, told.promotion, **user, told.id);
  if (!mine) return failure(mine);
  if (*mine) {
    answer.outcome = ClaimOutcome::claimed;
    answer.claim = std::move(**mine);
  }
  return answer;
}

Result<void> take_in_till_claim(db::Transaction& transaction, const wallet::Cause& cause, const Uuid& event,
                                const TillClaim& told) {
  const auto answer = claim_at_till(transaction, cause, event, told);
  if (!answer) return std::unexpected(answer.error());
  if (answer->outcome == ClaimOutcome::claimed) return {};
  if (answer->outcome == ClaimOutcome::balance_limit) return ledger::too_much();
  db::Value user = nullptr;
  if (answer->user) user = answer->user->str();
  auto fresh = transaction.execute(
      "INSERT INTO promotion_claim_refused (claim_id, store_id, transaction_id, promotion_id, user_id, "
      "reason,"
      " claimed_at, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (claim_id) DO NOTHING",
      {told.id.str(), told.store.str(), told.transaction.str(), told.promotion.str(), std::move(user),
       reason_of(answer->outcome), told.claimed_at.time_since_epoch().count(),
       cause.at.time_since_epoch().count()});
  if (!fresh) return failure(fresh);
  if (*fresh == 0) return {};
  return tell_refused(transaction, cause, event, told, *answer);
}

Result<void> write_refused_claims(db::Transaction& transaction, const UserId& user, json::Writer& out) {
  auto rows = transaction.query(
      "SELECT promotion_id, store_id, transaction_id, reason, claimed_at FROM promotion_claim_refused"
      " WHERE user_id = $1 ORDER BY claimed_at, claim_id",
      {user.str()});
  if (!rows) return failure(rows);
  out.begin_array();
  for (const db::Row& row : *rows) {
    out.begin_object().field("promotionId", row.text(0)).field("storeId", row.text(1));
    out.field("transactionId", row.text(2)).field("reason", row.text(3));
    out.field("claimedAt", format_time(WallTime{Millis{row.integer(4)}})).end_object();
  }
  out.end_array();
  return {};
}

Result<std::int64_t> drop_refused_claims(db::Transaction& transaction, WallTime before, std::int64_t limit) {
  return transaction.execute(
      "DELETE FROM promotion_claim_refused WHERE claim_id IN (SELECT claim_id FROM promotion_claim_refused"
      " WHERE received_at < $1 LIMIT $2)",
      {before.time_since_epoch().count(), limit});
}

}  // namespace perkline::hub::promotions
