#include "edge/api/requests.hpp"

#include <string>
#include <utility>

#include "shared/core/limits.hpp"
#include "shared/core/store_id.hpp"
#include "shared/json/fields.hpp"

namespace perkline::edge::api {
namespace {

using json::Fields;
using json::Value;

pdi::Item item_in(Fields fields, Currency currency) {
  return {.sku = fields.required_id("sku"),
          .quantity = fields.required_quantity("qty"),
          .unit_price = fields.optional_amount("unitPrice", currency),
          .category = fields.optional_text("category").value_or("")};
}

}  // namespace

Result<session::IdentifyRequest> parse_identify(std::string_view body) {
  return json::read_body(body, [](Fields& fields, const Value&) {
    return session::IdentifyRequest{.customer = CustomerId(fields.required_id("customerId")),
                                    .channel = ChannelId(fields.required_id("channelId")),
                                    .transaction = TransactionId(fields.required_id("transactionId"))};
  });
}

Result<session::CalculateRequest> parse_calculate(std::string_view body, Currency currency) {
  return json::read_body(body, [currency](Fields& fields, const Value&) {
    session::CalculateRequest request{
        .session = SessionId(fields.required_id("sessionId")),
        .basket = {.amount = fields.required_amount("transactionAmount", currency), .items = {}}};
    const auto items = fields.required_array("items", limits::basket_items_max);
    request.basket.items.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      request.basket.items.push_back(
          item_in(fields.nested(items[i], "items[" + std::to_string(i) + "]"), currency));
    }
    return request;
  });
}

Result<session::FinalizeRequest> parse_finalize(std::string_view body, Currency currency) {
  return json::read_body(body, [currency](Fields& fields, const Value&) {
    session::FinalizeRequest request{
        .session = SessionId(fields.required_id("sessionId")),
        .transaction = TransactionId(fields.required_id("transactionId")),
        .sale = {.final_amount = fields.required_amount("finalAmount", currency)}};
    const std::size_t faults_before = fields.fault_count();
    request.sale.apply_rewards = fields.required_bool("applyRewards");
    const bool declined = fields.fault_count() == faults_before && !request.sale.apply_rewards;
    if (const auto redeem = fields.optional_integer("redeemPoints", 0, points_max.count))
      request.sale.redeem = Points{*redeem};
    if (declined && request.sale.redeem)
      fields.fault("redeemPoints", "must be absent when applyRewards is false");
    // 0 and none at all are one sale.
    if (request.sale.redeem == Points{0}) request.sale.redeem.reset();
    return request;
  });
}

Result<session::VoidRequest> parse_void(std::string_view body) {
  return json::read_body(body, [](Fields& fields, const Value&) {
    return session::VoidRequest{.session = SessionId(fields.required_id("sessionId")),
                                .reason = fields.required_text("reason")};
  });
}

Result<session::ReturnRequest> parse_return(std::string_view body, Currency currency) {
  return json::read_body(body, [currency](Fields& fields, const Value&) {
    session::ReturnRequest request{
        .original_transaction = TransactionId(fields.required_id("originalTransactionId")),
        .transaction = TransactionId(fields.required_id("transactionId")),
        .amount = fields.required_amount("amount", currency)};
    if (auto store = fields.optional_id("originalStoreId")) {
      if (!is_store_id(*store))
        fields.fault("originalStoreId", "must be 1 to 64 letters, digits, dots, dashes or underscores");
      request.original_store = StoreId(std::move(*store));
    }
    return request;
  });
}

}  // namespace perkline::edge::api
