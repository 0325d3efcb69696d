#include "edge/session/recovery.hpp"

#include <algorithm>

namespace perkline::edge::session {
namespace {

bool is_before_sale(const Session& session) {
  return session.status == Status::active || session.status == Status::calculated;
}

/// What nobody has told the hub the end of.
Fate fate_of_open(const Session& session, bool pending) {
  const bool at_pdi = !session.provider_session.empty();
  switch (session.status) {
    case Status::finalizing:
    case Status::in_doubt:
      return Fate::doubt;
    case Status::queued:
      // next_attempt_at is since when it waits, by whatever clock there was: when it was tried, nothing
      // tells.
      return at_pdi ? Fate::doubt : Fate::review;
    case Status::active:
    case Status::calculated:
      if (pending) return at_pdi ? Fate::doubt : Fate::review;
      return at_pdi ? Fate::ask_pdi : Fate::expire;
    case Status::finalized:
    case Status::failed:
    case Status::expired:
    case Status::voided:
    case Status::review:
      break;
  }
  return Fate::keep;
}

/// The sale of a session that had none in the backup: the hub's word; else the basket as it was priced.
Sale sale_of(const Session& session, const sync::KnownSale* known) {
  Sale sale{.final_amount = session.basket ? session.basket->amount : Money{0, session.currency}};
  if (known == nullptr || !known->amount) return sale;
  sale.final_amount = *known->amount;
  if (known->redeemed.count > 0) sale.redeem = known->redeemed;
  return sale;
}

void learn(Session& session, const sync::KnownSale* known) {
  if (!session.sale) {
    session.sale = sale_of(session, known);
    session.metadata.emplace_back("restored", known == nullptr
                                                  ? "the amount is the basket's, as it was priced"
                                                  : "the sale is the hub's word");
  }
  // What PDI never saw can only be settled from its beginning.
  if (!session.basket) session.basket = Basket{.amount = session.sale->final_amount, .items = {}};
  const bool pending = known != nullptr && (known->state == sync::SaleState::pending ||
                                            known->state == sync::SaleState::rejected);
  if (!pending || session.acknowledged) return;
  // The hub has heard of it: it is to hear of its end.
  session.acknowledged = true;
  session.mode = Mode::standin;
  session.pending_at = known->at;
  session.earned = known->earned;
  session.redeemed = known->redeemed;
  session.receipt = known->receipt;
}

}  // namespace

Fate fate_of(const Session& session, const sync::KnownSale* known) {
  if (is_end(session.status)) return Fate::keep;
  if (known == nullptr) return fate_of_open(session, false);
  switch (known->state) {
    case sync::SaleState::finalized:
      return Fate::adopt;
    case sync::SaleState::rejected:
      return Fate::reject;
    case sync::SaleState::voided:
      return is_before_sale(session) ? Fate::abandon : fate_of_open(session, false);
    case sync::SaleState::pending:
      return fate_of_open(session, true);
  }
  return Fate::keep;
}

Result<Outcome> doubted(Session session, const sync::KnownSale* known, WallTime now) {
  const bool of_a_sender = session.status == Status::finalizing || session.status == Status::review;
  const Step step = session.status == Status::in_doubt ? Step::note
                    : of_a_sender                      ? Step::lost
                                                       : Step::recover;
  auto next = take_step(std::move(session), step);
  if (!next) return failure(next);
  learn(*next, known);
  if (!next->provider_session.empty()) next->attempts = std::max(next->attempts, 1u);
  if (!next->next_attempt_at) next->next_attempt_at = next->pending_at.value_or(now);
  next->reason.clear();
  next->refusal.reset();
  return Outcome{.session = std::move(*next)};
}

}  // namespace perkline::edge::session
