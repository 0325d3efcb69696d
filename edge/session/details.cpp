#include "edge/session/details.hpp"

#include "shared/json/writer.hpp"

namespace perkline::edge::session {
namespace {

void optional_time(json::Writer& out, std::string_view name, const std::optional<WallTime>& time) {
  out.key(name);
  time ? out.value(format_time(*time)) : out.null();
}

void basket(json::Writer& out, const Basket& basket) {
  out.key("basket").begin_object();
  out.field("transactionAmount", format_amount(basket.amount));
  out.key("items").begin_array();
  for (const pdi::Item& item : basket.items) {
    out.begin_object().field("sku", item.sku);
    out.key("qty").raw(format_quantity(item.quantity));
    if (item.unit_price) out.field("unitPrice", format_amount(*item.unit_price));
    if (!item.category.empty()) out.field("category", item.category);
    out.end_object();
  }
  out.end_array().end_object();
}

void sale(json::Writer& out, const Sale& sale) {
  out.key("sale").begin_object();
  out.field("finalAmount", format_amount(sale.final_amount)).field("applyRewards", sale.apply_rewards);
  if (sale.redeem) out.field("redeemPoints", sale.redeem->count);
  out.end_object();
}

void outcome(json::Writer& out, const Session& session) {
  out.field("earnedPoints", session.earned.count).field("redeemedPoints", session.redeemed.count);
  out.key("newBalance");
  session.new_balance ? out.value(session.new_balance->count) : out.null();
  out.field("receiptId", session.receipt.str());
  if (session.refusal) {
    out.key("refusal").begin_object();
    out.field("code", session.refusal->code).field("message", session.refusal->message).end_object();
  }
}

void returns(json::Writer& out, const std::vector<Return>& all) {
  out.key("returns").begin_array();
  for (const Return& goods : all) {
    out.begin_object().field("returnId", goods.id.str()).field("transactionId", goods.transaction.str());
    out.field("amount", format_amount(goods.amount)).field("receiptId", goods.receipt.str());
    out.field("returnedAt", format_time(goods.returned_at));
    if (goods.points) {
      out.field("clawedBackPoints", goods.points->clawed_back);
      out.field("restoredPoints", goods.points->restored);
    }
    out.end_object();
  }
  out.end_array();
}

void audit(json::Writer& out, const std::vector<Decision>& all) {
  out.key("audit").begin_array();
  for (const Decision& decision : all) {
    out.begin_object().field("at", format_time(decision.at)).field("decision", name_of(decision.kind));
    out.field("actor", decision.actor).field("reason", decision.reason).end_object();
  }
  out.end_array();
}

}  // namespace

std::string render_details(const Session& session) {
  json::Writer out;
  out.begin_object();
  out.field("sessionId", session.id.str()).field("status", name_of(session.status));
  out.field("version", session.version).field("mode", wire_name(session.mode));
  out.field("acknowledged", session.acknowledged).field("storeId", session.store.str());
  out.field("customerId", session.customer.str()).field("channelId", session.channel.str());
  out.field("transactionId", session.transaction.str()).field("pdiSessionId", session.provider_session.str());
  out.field("customerName", session.customer_name).field("tier", session.tier);
  out.field("currentPoints", session.current_points.count).field("currency", session.currency.code());
  if (session.basket) basket(out, *session.basket);
  if (session.sale) sale(out, *session.sale);
  outcome(out, session);
  if (!session.returns.empty()) returns(out, session.returns);
  if (session.spin) {
    out.key("spin").begin_object().field("spinId", session.spin->id.str());
    out.field("drawnAt", format_time(session.spin->drawn_at)).end_object();
  }
  out.field("createdAt", format_time(session.created_at)).field("expiresAt", format_time(session.expires_at));
  optional_time(out, "pendingAt", session.pending_at);
  optional_time(out, "finalizedAt", session.finalized_at);
  out.field("pricedAtPdi", session.priced_at_pdi).field("rulesVersion", session.rules_version);
  out.field("reason", session.reason);
  out.field("attempts", session.attempts);
  optional_time(out, "nextAttemptAt", session.next_attempt_at);
  out.field("traceparent", session.traceparent);
  audit(out, session.audit);
  out.key("metadata").begin_array();
  for (const auto& [name, value] : session.metadata)
    out.begin_object().field("name", name).field("value", value).end_object();
  out.end_array();
  out.end_object();
  return out.take();
}

namespace {

/// A line of a list: no customer's name in it.
void line(json::Writer& out, const Session& session) {
  out.begin_object();
  out.field("sessionId", session.id.str()).field("status", name_of(session.status));
  out.field("transactionId", session.transaction.str()).field("channelId", session.channel.str());
  out.field("mode", wire_name(session.mode)).field("createdAt", format_time(session.created_at));
  if (session.sale) out.field("finalAmount", format_amount(session.sale->final_amount));
  optional_time(out, "pendingAt", session.pending_at);
  out.field("attempts", session.attempts);
  if (!session.reason.empty()) out.field("reason", session.reason);
  if (session.refusal) out.field("pdiCode", session.refusal->code);
  out.end_object();
}

Result<void> lines(json::Writer& out, const SessionStore& store, const Result<SessionStore::Page>& page) {
  if (!page) return std::unexpected(page.error());
  for (const SessionId& id : page->ids) {
    auto session = store.find(id);
    if (!session) return failure(session);
    if (*session) line(out, **session);
  }
  return {};
}

}  // namespace

Result<std::string> render_queue(const SessionStore& store, std::size_t count_max) {
  json::Writer out;
  out.begin_object().field("review", store.review_count()).field("pending", store.waiting_count());
  out.key("items").begin_array();
  if (auto listed = lines(out, store, store.reviews("", count_max)); !listed) return failure(listed);
  if (auto listed = lines(out, store, store.waiting("", count_max)); !listed) return failure(listed);
  out.end_array().end_object();
  return out.take();
}

Result<std::string> render_sessions(const SessionStore& store, WallTime since, std::size_t count_max) {
  json::Writer out;
  out.begin_object().key("items").begin_array();
  const auto page = store.opened_since(since, "", count_max);
  if (auto listed = lines(out, store, page); !listed) return failure(listed);
  out.end_array().field("more", !page->next.empty()).end_object();
  return out.take();
}

}  // namespace perkline::edge::session
