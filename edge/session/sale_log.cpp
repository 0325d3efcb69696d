#include "edge/session/sale_log.hpp"

#include <algorithm>

#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::edge::session {
namespace {

constexpr std::string_view goods_returned = "goods returned";

/// In milliseconds; 0 where the clock went back.
std::int64_t since(WallTime began, WallTime now) {
  return std::max<std::int64_t>(0, (now - began).count());
}

/// Of the last return: what it took and gave, unless PDI's word on the sale is out.
void log_return(const Told& told, const Session& session, WallTime now) {
  const Return& goods = session.returns.back();
  const loyalty::ReturnPoints points = goods.points.value_or(loyalty::ReturnPoints{});
  ops::log(ops::Level::info, "session", told.what,
           {{"sessionId", session.id.str()},
            {"transactionId", goods.transaction.str()},
            {"originalTransactionId", session.transaction.str()},
            {"customerId", ops::hashed(session.customer.str())},
            {"mode", wire_name(session.mode)},
            {"status", goods.points ? "done" : "pending"},
            {"earnedPoints", session.earned.count},
            {"clawedBackPoints", points.clawed_back},
            {"restoredPoints", points.restored},
            {"owed", told.owed},
            {"duration", since(goods.returned_at, now)},
            {"traceId", ops::trace_id_of(told.traceparent)},
            {"spanId", ops::span_id_of(told.traceparent)}});
}

}  // namespace

std::string_view what_became(Status before, const Outcome& outcome) {
  if (!outcome.event) {
    if (outcome.session.status == before) return "";
    if (outcome.session.status == Status::expired) return "session expired";
    return outcome.session.status == Status::failed ? "sale refused" : "";
  }
  if (std::holds_alternative<sync::SaleFinalized>(*outcome.event)) return "sale finalized";
  if (std::holds_alternative<sync::SalePending>(*outcome.event)) return "sale pending";
  if (std::holds_alternative<sync::SaleSettled>(*outcome.event)) return "sale settled";
  if (std::holds_alternative<sync::SaleRejected>(*outcome.event)) return "sale rejected";
  if (std::holds_alternative<sync::SaleReturned>(*outcome.event)) return goods_returned;
  if (std::holds_alternative<sync::SessionVoided>(*outcome.event)) return "session voided";
  return "";
}

std::optional<WallTime> asked_at(const Session& session) {
  return session.pending_at ? session.pending_at : session.next_attempt_at;
}

void log_change(const Told& told, const Session& session, WallTime now) {
  if (!ops::log_enabled(ops::Level::info)) return;
  if (told.what == goods_returned) return log_return(told, session, now);
  const bool was_sale = session.sale.has_value();
  const WallTime began = was_sale ? told.asked.value_or(now) : session.created_at;
  ops::log(ops::Level::info, "session", told.what,
           {{"sessionId", session.id.str()},
            {"transactionId", session.transaction.str()},
            {"customerId", ops::hashed(session.customer.str())},
            {"mode", wire_name(session.mode)},
            {"earnedPoints", session.earned.count},
            {"duration", since(began, now)},
            {"traceId", ops::trace_id_of(told.traceparent)},
            {"spanId", ops::span_id_of(told.traceparent)}});
}

void log_foreign_return(const ForeignReturn& foreign, std::string_view traceparent) {
  ops::log(ops::Level::info, "session", goods_returned,
           {{"transactionId", foreign.goods.transaction.str()},
            {"originalTransactionId", foreign.original_transaction.str()},
            {"originalStoreId", foreign.original_store.str()},
            {"status", "pending"},
            {"traceId", ops::trace_id_of(traceparent)},
            {"spanId", ops::span_id_of(traceparent)}});
}

}  // namespace perkline::edge::session
