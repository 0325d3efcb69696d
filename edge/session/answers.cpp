#include "edge/session/answers.hpp"

#include "shared/json/writer.hpp"
#include "shared/net/http.hpp"

namespace perkline::edge::session {
namespace {

void optional_points(json::Writer& out, std::string_view name, const std::optional<Points>& points) {
  out.key(name);
  points ? out.value(points->count) : out.null();
}

void optional_text(json::Writer& out, std::string_view name, std::string_view text) {
  out.key(name);
  text.empty() ? out.null() : out.value(text);
}

}  // namespace

std::string render_identified(const Session& session) {
  json::Writer out;
  out.begin_object();
  out.field("sessionId", session.id.str());
  out.field("status", wire_name(session));
  out.field("customerName", session.customer_name);
  out.field("currentPoints", session.current_points.count);
  out.field("tier", session.tier);
  out.field("mode", wire_name(session.mode));
  out.end_object();
  return out.take();
}

std::string render_rewards(const pdi::Rewards& rewards, Points redeemable) {
  json::Writer out;
  out.begin_object();
  out.field("earnedPoints", rewards.earned.count);
  out.field("multiplier", rewards.multiplier);
  out.field("bonusPoints", rewards.bonus.count);
  out.key("breakdown").begin_object();
  for (const auto& [name, points] : rewards.breakdown) out.field(name, points.count);
  out.end_object();
  out.key("redeemable").begin_object().field("maxPoints", redeemable.count).end_object();
  out.end_object();
  return out.take();
}

namespace {

using Lines = std::vector<std::string>;

void sale_fields(json::Writer& out, const Session& session, const Lines& receipt_lines) {
  out.field("sessionId", session.id.str());
  out.field("status", wire_name(session));
  out.field("earnedPoints", session.earned.count);
  out.field("redeemedPoints", session.redeemed.count);
  optional_points(out, "newBalance", session.new_balance);
  out.field("receiptId", session.receipt.str());
  out.key("receiptLines").begin_array();
  for (const std::string& line : receipt_lines) out.value(line);
  out.end_array();
  out.field("mode", wire_name(session.mode));
}

}  // namespace

rules::ReceiptFacts receipt_facts(const Session& session, bool provisional) {
  return {.earned = session.earned,
          .redeemed = session.redeemed,
          .new_balance = session.new_balance,
          .customer_name = session.customer_name,
          .tier = session.tier,
          .receipt = session.receipt.str(),
          .amount = session.sale->final_amount,
          .provisional = provisional};
}

std::string render_finalized(const Session& session, const rules::ReceiptForm& receipt) {
  json::Writer out;
  out.begin_object();
  sale_fields(out, session, receipt.lines(receipt_facts(session, false)));
  out.end_object();
  return out.take();
}

Answer pending_answer(const Session& session) {
  json::Writer out;
  out.begin_object();
  const bool told = session.receipt_lines.has_value();
  sale_fields(out, session,
              told ? *session.receipt_lines : rules::ReceiptForm().lines(receipt_facts(session, true)));
  out.field("provisional", true);
  out.end_object();
  return {.status = 202, .body = out.take()};
}

Answer refusal_answer(const Session& session) {
  const Error error{
      .code = Errc::pdi_rejected,
      .detail = session.refusal ? "the loyalty provider refuses"
                                : "the loyalty provider has not booked the sale, and a person has closed it",
      .provider = session.refusal};
  return {.status = http_status(error.code), .body = net::problem_response(error, session.traceparent).body};
}

Answer return_answer(const Return& goods) {
  json::Writer out;
  out.begin_object();
  if (goods.points) {
    out.field("clawedBackPoints", goods.points->clawed_back).field("restoredPoints", goods.points->restored);
  } else {
    out.field("status", "pending");
  }
  out.field("receiptId", goods.receipt.str()).end_object();
  return {.status = goods.points ? 200 : 202, .body = out.take()};
}

std::string render_status(const Session& session) {
  json::Writer out;
  out.begin_object();
  out.field("sessionId", session.id.str());
  out.field("status", wire_name(session));
  out.field("customerId", session.customer.str());
  out.field("transactionId", session.transaction.str());
  out.field("earnedPoints", session.earned.count);
  out.field("redeemedPoints", session.redeemed.count);
  optional_points(out, "newBalance", session.new_balance);
  optional_text(out, "receiptId", session.receipt.str());
  out.field("version", session.version);
  out.field("mode", wire_name(session.mode));
  out.field("createdAt", format_time(session.created_at));
  out.field("expiresAt", format_time(session.expires_at));
  optional_text(out, "finalizedAt", session.finalized_at ? format_time(*session.finalized_at) : "");
  out.end_object();
  return out.take();
}

}  // namespace perkline::edge::session
