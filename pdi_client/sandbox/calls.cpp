#include "pdi_client/sandbox/calls.hpp"

#include "shared/core/limits.hpp"
#include "shared/json/fields.hpp"
#include "shared/json/writer.hpp"

namespace perkline::pdi::sandbox {
namespace {

/// PDI's calls name no currency: amounts are read with the three decimals that hold everybody's.
Currency any_currency() {
  return *find_currency("KWD");
}

/// Two decimals, and a third where it says something.
std::string amount_text(const Money& amount) {
  std::string text = format_amount(amount);
  if (text.ends_with('0')) text.pop_back();
  return text;
}

/// A call's fields, or the answer that names every fault.
class Body {
 public:
  explicit Body(const std::string& text) : document_(json::parse(text)) {
    static const json::Value nothing;
    fields_.emplace(document_ ? document_->root() : nothing, faults_);
  }
  json::Fields& fields() { return *fields_; }
  std::vector<FieldFault>& faults() { return faults_; }
  std::optional<net::Response> complaint() const {
    if (!document_) return refused({400, "MALFORMED", "the body is not JSON"});
    if (faults_.empty()) return std::nullopt;
    std::string message;
    for (const FieldFault& fault : faults_)
      message += (message.empty() ? "" : "; ") + fault.field + ' ' + fault.message;
    return refused({400, "INVALID", message});
  }

 private:
  Result<json::Document> document_;
  std::vector<FieldFault> faults_;
  std::optional<json::Fields> fields_;
};

void check_items(Body& body) {
  const auto items = body.fields().required_array("items", limits::basket_items_max);
  for (std::size_t i = 0; i < items.size(); ++i) {
    json::Fields item(items[i], body.faults(), "items[" + std::to_string(i) + ']');
    item.required_text("sku");
    item.required_quantity("qty");
    item.optional_amount("unitPrice", any_currency());
    item.optional_text("category");
  }
}

void write_booking(json::Writer& answer, const Booking& booking) {
  answer.field("earnedPoints", booking.earned.count).field("redeemedPoints", booking.redeemed.count);
  answer.field("newBalance", booking.new_balance.count).field("receiptId", booking.receipt.str());
}

net::Response finish(json::Writer& answer) {
  answer.end_object();
  return net::json_response(200, answer.take());
}

}  // namespace

net::Response refused(const Refusal& refusal) {
  json::Writer body;
  body.begin_object().field("code", refusal.code).field("message", refusal.message).end_object();
  return net::json_response(refusal.status, body.take());
}

net::Response identify(Books& books, const net::Request& request) {
  Body body(request.body);
  const CustomerId customer(body.fields().required_id("customerId"));
  body.fields().required_id("channelId");
  const TransactionId transaction(body.fields().required_id("transactionId"));
  if (auto complaint = body.complaint()) return *complaint;
  const auto identified = books.identify(customer, transaction);
  if (!identified) return refused(identified.error());
  json::Writer answer;
  answer.begin_object().field("sessionId", identified->session.str()).field("status", "active");
  answer.field("customerName", identified->member.name);
  answer.field("currentPoints", identified->member.points.count).field("tier", identified->member.tier);
  return finish(answer);
}

net::Response calculate_rewards(Books& books, const net::Request& request) {
  Body body(request.body);
  const ProviderSessionId session(body.fields().required_id("sessionId"));
  const Money amount = body.fields().required_amount("transactionAmount", any_currency());
  check_items(body);
  if (auto complaint = body.complaint()) return *complaint;
  const auto rewards = books.calculate(session, amount);
  if (!rewards) return refused(rewards.error());
  json::Writer answer;
  answer.begin_object().field("earnedPoints", rewards->earned().count);
  answer.key("multiplier").raw(multiplier_text(*rewards)).field("bonusPoints", rewards->tier_bonus.count);
  answer.key("breakdown").begin_object().field("basePoints", rewards->base.count);
  answer.field("tierBonus", rewards->tier_bonus.count).end_object();
  return finish(answer);
}

net::Response finalize(Books& books, const net::Request& request) {
  Body body(request.body);
  json::Fields& fields = body.fields();
  const Finalize call{
      .session = ProviderSessionId(fields.required_id("sessionId")),
      .transaction = TransactionId(fields.required_id("transactionId")),
      .amount = fields.required_amount("finalAmount", any_currency()),
      .apply_rewards = fields.required_bool("applyRewards"),
      .redeem = Points{fields.optional_integer("redeemPoints", 0, points_max.count).value_or(0)}};
  if (auto complaint = body.complaint()) return *complaint;
  const auto booking = books.finalize(call);
  if (!booking) return refused(booking.error());
  json::Writer answer;
  answer.begin_object().field("sessionId", call.session.str()).field("status", "finalized");
  write_booking(answer, *booking);
  return finish(answer);
}

net::Response session_status(Books& books, const net::Request& request) {
  const auto session = books.session(ProviderSessionId(request.query_value("sessionId").value_or("")));
  if (!session) return refused(session.error());
  json::Writer answer;
  answer.begin_object().field("sessionId", session->id.str()).field("status", name_of(session->state));
  answer.field("customerId", session->customer.str()).field("transactionId", session->transaction.str());
  if (session->booking) write_booking(answer, books.ledger()[*session->booking]);
  return finish(answer);
}

net::Response ledger(Books& books, const net::Request&) {
  json::Writer answer;
  answer.begin_object().key("items").begin_array();
  for (const Booking& booking : books.ledger()) {
    answer.begin_object().field("transactionId", booking.transaction.str());
    answer.field("sessionId", booking.session.str()).field("customerId", booking.customer.str());
    answer.field("finalAmount", amount_text(booking.amount));
    write_booking(answer, booking);
    answer.field("at", format_time(booking.at)).end_object();
  }
  answer.end_array();
  return finish(answer);
}

net::Response member(Books& books, const net::Request& request) {
  const Member* found = books.member(CustomerId(request.path_values.at(0)));
  if (found == nullptr) return refused({404, "UNKNOWN_CUSTOMER", "no such customer"});
  json::Writer answer;
  answer.begin_object().field("customerId", found->id.str()).field("name", found->name);
  answer.field("tier", found->tier).field("points", found->points.count).field("blocked", found->blocked);
  return finish(answer);
}

}  // namespace perkline::pdi::sandbox
