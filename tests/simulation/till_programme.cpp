#include "tests/simulation/tills.hpp"

namespace perkline::simulation {
namespace {

/// A member does not wait for ever.
constexpr std::size_t patience_tries = 6;
/// What the hub is waited for, and, with a claim, another call about the same.
constexpr Millis spin_slack{600};
constexpr Millis claim_slack{5'000};

}  // namespace

/// What a member does once they have paid: the wheel, and a promotion.
Task<void> Tills::enjoy(TillSale& sale) {
  if (sale.plan.spins) {
    co_await world_.clock().sleep(Millis{static_cast<std::int64_t>(rng_.below(3'000))});
    co_await spin(sale);
  }
  if (sale.forgotten || !sale.plan.claims || *sale.plan.claims >= promotions_.size()) co_return;
  sale.claim = {.transaction = TransactionId(sale.transaction.str() + "-C"),
                .promotion = promotions_[*sale.plan.claims]};
  co_await claim(sale);
}

/// What was told is told again; who has not had their spin, as far as the till knows, has it now.
Task<void> Tills::enjoy_again(TillSale& sale) {
  if (sale.plan.spins) co_await spin(sale);
  if (sale.claim && !sale.claim->refused && !sale.forgotten) co_await claim(sale);
}

Task<void> Tills::spin(TillSale& sale) {
  const edge::programme::SpinRequest request{sale.plan.customer, sale.transaction, sale.plan.client_seed};
  Caller caller = till_of(sale);
  caller.slack = spin_slack;
  if (sale.spin_body.empty()) caller.tries_max = patience_tries;
  const auto heard = co_await until_answered(
      std::move(caller), [request](StoreLife& life) { return life.programme.spins().spin(request, {}); });
  if (!sale.forgotten) heard_spin(sale, heard);
}

/// Of a sale whose store was restored since, and may not know of its spin: the member has had it.
Task<void> Tills::spin_once_more(TillSale& sale) {
  const edge::programme::SpinRequest request{sale.plan.customer, sale.transaction, sale.plan.client_seed};
  Caller caller = till_of(sale);
  caller.slack = spin_slack;
  const Heard heard = co_await once(
      std::move(caller), [request](StoreLife& life) { return life.programme.spins().spin(request, {}); });
  trace_.check(!heard || !*heard || (*heard)->body == sale.spin_body, "a sale has one spin",
               sale.transaction.str());
}

void Tills::heard_spin(TillSale& sale, const Result<Answer>& heard) {
  const std::string& id = sale.transaction.str();
  if (heard) {
    trace_.check(heard->status == 200, "a spin is answered 200", id);
    trace_.check(sale.spin_body.empty() || sale.spin_body == heard->body, "a 200 never changes",
                 id + " spin");
    sale.spin_body = heard->body;
    return;
  }
  trace_.check(sale.spin_body.empty(), "an acknowledged spin is never denied", id + " " + told_as(heard));
  if (is_for_later(heard.error().code)) return;
  // A sale in review has none; nor has, after a restore, one of before it; nor one whose goods are all back.
  const bool is_sale = !sale.body_200.empty() && store_of(sale).restores == 0 && sale.returns.empty();
  trace_.check(heard.error().code == Errc::session_state && !is_sale, "a sale has its spin",
               id + " " + told_as(heard));
}

Task<void> Tills::claim(TillSale& sale) {
  const edge::programme::ClaimRequest request{sale.plan.customer, sale.claim->promotion,
                                              sale.claim->transaction};
  Caller caller = till_of(sale);
  caller.slack = claim_slack;
  const auto listed = co_await once(till_of(sale), [request](StoreLife& life) {
    return life.programme.claims().promotions(request.customer);
  });
  trace_.check(!listed || !*listed || (*listed)->status == 200, "what may be claimed is listed",
               sale.claim->transaction.str());
  if (sale.claim->body_200.empty() && sale.claim->body_202.empty()) caller.tries_max = patience_tries;
  const auto heard = co_await until_answered(
      std::move(caller), [request](StoreLife& life) { return life.programme.claims().claim(request, {}); });
  if (!sale.forgotten) heard_claim(sale, heard);
}

void Tills::heard_claim(TillSale& sale, const Result<Answer>& heard) {
  TillClaim& claim = *sale.claim;
  const std::string& id = claim.transaction.str();
  if (!heard) {
    const bool is_final = !is_for_later(heard.error().code);
    trace_.check(claim.body_200.empty() && (is_final || claim.body_202.empty()),
                 "an acknowledged claim is denied only by the hub's word, while pending",
                 id + " " + told_as(heard));
    if (is_final) claim.refused = heard.error().code;
    return;
  }
  const bool pending = heard->status == 202;
  trace_.check(pending || heard->status == 200, "a claim is answered 200 or 202", id);
  trace_.check(!pending || claim.body_200.empty(), "a claim that was booked is never pending again", id);
  std::string& known = pending ? claim.body_202 : claim.body_200;
  trace_.check(known.empty() || known == heard->body, "a claim's answer never changes", id);
  known = heard->body;
}

}  // namespace perkline::simulation
