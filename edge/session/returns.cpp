#include "edge/session/returns.hpp"

#include "edge/session/answers.hpp"
#include "shared/core/limits.hpp"

namespace perkline::edge::session {
namespace {

std::int64_t sum_of(const std::vector<Return>& returns) {
  std::int64_t sum = 0;
  for (const Return& goods : returns) sum += goods.amount.minor;
  return sum;
}

/// By the session's figures, which are final. What the member owes by it.
std::int64_t work_out(const Session& session, Return& goods, std::int64_t before) {
  const loyalty::SoldFor sold{.amount = session.sale->final_amount.minor,
                              .earned = session.earned.count,
                              .redeemed = session.redeemed.count};
  goods.points = loyalty::return_points(sold, {.before = before, .amount = goods.amount.minor});
  goods.answer = return_answer(goods);
  return goods.points->clawed_back - goods.points->restored;
}

sync::SaleReturned returned_event(const Session& session, const Return& goods) {
  sync::SaleReturned event{.id = goods.id,
                           .transaction = goods.transaction,
                           .original_transaction = session.transaction,
                           .original_store = session.store,
                           .session = session.id,
                           .customer = session.customer,
                           .amount = goods.amount,
                           .figures = {},
                           .returned_at = goods.returned_at};
  if (goods.points) event.figures = {Points{goods.points->clawed_back}, Points{goods.points->restored}};
  return event;
}

}  // namespace

std::int64_t work_out_returns(Session& session) {
  std::int64_t owed = 0;
  std::int64_t before = 0;
  for (Return& goods : session.returns) {
    if (!goods.points) owed += work_out(session, goods, before);
    before += goods.amount.minor;
  }
  return owed;
}

Result<Outcome> returned(Session session, GoodsReturned goods) {
  const bool refused = session.status == Status::failed && !session.acknowledged;
  if (!session.sale || refused) return fail(Errc::session_state, "the session is no sale");
  if (session.returns.size() >= limits::returns_per_sale_max)
    return fail(Errc::session_state, "the sale has too many returns");
  const std::int64_t before = sum_of(session.returns);
  const Money left{session.sale->final_amount.minor - before, session.currency};
  if (goods.amount.minor > left.minor)
    return fail(Errc::return_exceeds_sale, format_amount(left) + " of the sale is left");

  auto next = take_step(std::move(session), is_open_sale(session) ? Step::note : Step::give_back);
  if (!next) return failure(next);
  Return back{.id = std::move(goods.id),
              .transaction = std::move(goods.transaction),
              .amount = goods.amount,
              .receipt = std::move(goods.receipt),
              .returned_at = goods.now};
  std::int64_t owed = 0;
  if (is_open_sale(*next)) {
    back.answer = return_answer(back);
  } else {
    owed = work_out(*next, back, before);
  }
  sync::EventPayload event = returned_event(*next, back);
  next->returns.push_back(std::move(back));
  return Outcome{.session = std::move(*next),
                 .event = std::move(event),
                 .traceparent = std::move(goods.traceparent),
                 .owed = owed};
}

}  // namespace perkline::edge::session
