#include "edge/session/answers.hpp"
#include "edge/session/flows.hpp"
#include "edge/session/returns.hpp"
#include "edge/session/sale_log.hpp"
#include "edge/session/till_error.hpp"

/// Goods come back: points are worked out by the sale's figures, here or at the hub. PDI hears nothing of it.
namespace perkline::edge::session {

Task<Result<Answer>> Flows::return_goods(ReturnRequest request, std::string traceparent) {
  auto turn = co_await take_turn("transaction:" + request.transaction.str());
  if (!turn) co_return failure(turn);
  auto named = ports_.store.find(request.transaction);
  if (!named) co_return failure(named);
  if (*named) co_return replay_return(**named, request);
  if (auto may = may_begin(); !may) co_return failure(may);

  if (request.original_store.value_or(options_.store) == options_.store) {
    auto sale = ports_.store.find(request.original_transaction);
    if (!sale) co_return failure(sale);
    const Session* session = *sale ? std::get_if<Session>(&**sale) : nullptr;
    if (session != nullptr && session->transaction == request.original_transaction)
      co_return co_await return_own(session->id, std::move(request), std::move(traceparent));
  }
  if (!request.original_store) co_return fail(Errc::not_found, "no such sale in this store");
  co_return co_await return_foreign(std::move(request), std::move(traceparent));
}

/// What the till is told when its transaction is known: that of this very return, or of something else.
Result<Answer> Flows::replay_return(const SessionStore::Named& named, const ReturnRequest& request) const {
  const StoreId store = request.original_store.value_or(options_.store);
  if (const auto* foreign = std::get_if<ForeignReturn>(&named)) {
    const bool same = foreign->original_store == store &&
                      foreign->original_transaction == request.original_transaction &&
                      foreign->goods.amount == request.amount;
    if (!same) return fail(transaction_reused());
    return replay(foreign->goods.answer);
  }
  const auto* session = std::get_if<Session>(&named);
  if (session == nullptr || store != options_.store || session->transaction != request.original_transaction)
    return fail(transaction_reused());
  for (const Return& goods : session->returns) {
    if (goods.transaction == request.transaction && goods.amount == request.amount)
      return replay(goods.answer);
  }
  return fail(transaction_reused());
}

Task<Result<Answer>> Flows::return_own(SessionId id, ReturnRequest request, std::string traceparent) {
  auto turn = co_await take_turn(id.str());
  if (!turn) co_return failure(turn);
  auto session = co_await load(id);
  if (!session) co_return failure(session);
  if (is_open_sale(**session) && !(*session)->acknowledged) {
    // Nobody was told of the sale yet, as its process is no more; the hub cannot work out the return of a
    // sale that it may never hear of.
    if (auto told = co_await acknowledge(id); !told) co_return failure(told);
  }
  GoodsReturned goods{.id = ports_.uuids.next_return_id(),
                      .transaction = std::move(request.transaction),
                      .amount = request.amount,
                      .receipt = ReceiptId("RET-" + ports_.uuids.next().str()),
                      .now = ports_.clock.wall_now(),
                      .traceparent = std::move(traceparent)};
  auto done = co_await writer_.change(
      id, [&](Session current) { return returned(std::move(current), std::move(goods)); });
  if (!done) co_return failure(done);
  co_return (*done)->returns.back().answer;
}

Task<Result<Answer>> Flows::return_foreign(ReturnRequest request, std::string traceparent) {
  ForeignReturn foreign{.original_store = *request.original_store,
                        .original_transaction = std::move(request.original_transaction),
                        .goods = {.id = ports_.uuids.next_return_id(),
                                  .transaction = std::move(request.transaction),
                                  .amount = request.amount,
                                  .receipt = ReceiptId("RET-" + ports_.uuids.next().str()),
                                  .returned_at = ports_.clock.wall_now()}};
  foreign.goods.answer = return_answer(foreign.goods);
  Answer answer = foreign.goods.answer;
  sync::SaleReturned event{.id = foreign.goods.id,
                           .transaction = foreign.goods.transaction,
                           .original_transaction = foreign.original_transaction,
                           .original_store = foreign.original_store,
                           .session = {},
                           .customer = {},
                           .amount = foreign.goods.amount,
                           .figures = {},
                           .returned_at = foreign.goods.returned_at};
  auto told = new_event(ports_, traceparent, std::move(event));
  co_await ports_.store.add(foreign, std::move(told));
  log_foreign_return(foreign, traceparent);
  co_return answer;
}

}  // namespace perkline::edge::session
