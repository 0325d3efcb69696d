#include "pdi_client/requests.hpp"

#include "shared/json/writer.hpp"

namespace perkline::pdi {

std::string request_body(const IdentifyCall& call) {
  json::Writer body;
  body.begin_object();
  body.field("customerId", call.customer.str());
  body.field("channelId", call.channel.str());
  body.field("transactionId", call.transaction.str());
  body.end_object();
  return body.take();
}

std::string request_body(const CalculateCall& call) {
  json::Writer body;
  body.begin_object();
  body.field("sessionId", call.session.str());
  body.key("transactionAmount").raw(format_amount(call.transaction_amount));
  body.key("items").begin_array();
  for (const Item& item : call.items) {
    body.begin_object().field("sku", item.sku);
    body.key("qty").raw(format_quantity(item.quantity));
    if (item.unit_price) body.key("unitPrice").raw(format_amount(*item.unit_price));
    if (!item.category.empty()) body.field("category", item.category);
    body.end_object();
  }
  body.end_array().end_object();
  return body.take();
}

std::string request_body(const FinalizeCall& call) {
  json::Writer body;
  body.begin_object();
  body.field("sessionId", call.session.str());
  body.field("transactionId", call.transaction.str());
  body.key("finalAmount").raw(format_amount(call.final_amount));
  body.field("applyRewards", call.apply_rewards);
  if (call.redeem) body.field("redeemPoints", call.redeem->count);
  body.end_object();
  return body.take();
}

}  // namespace perkline::pdi
