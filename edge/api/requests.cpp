#include "edge/api/requests.hpp"

#include <string>
#include <utility>
#include <vector>

#include "shared/core/limits.hpp"
#include "shared/json/fields.hpp"

namespace perkline::edge::api {
namespace {

using json::Fields;

pdi::Item parse_item(const json::Value& value, Currency currency, std::vector<FieldFault>& faults,
                     std::string path) {
  Fields fields(value, faults, std::move(path));
  pdi::Item item;
  item.sku = fields.required_id("sku");
  item.quantity = fields.required_quantity("qty");
  item.unit_price = fields.optional_amount("unitPrice", currency);
  item.category = fields.optional_text("category").value_or("");
  return item;
}

}  // namespace

Result<session::IdentifyRequest> parse_identify(std::string_view body) {
  auto document = json::parse(body);
  if (!document) return failure(document);
  std::vector<FieldFault> faults;
  Fields fields(document->root(), faults);
  session::IdentifyRequest request;
  request.customer = CustomerId(fields.required_id("customerId"));
  request.channel = ChannelId(fields.required_id("channelId"));
  request.transaction = TransactionId(fields.required_id("transactionId"));
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return request;
}

Result<session::CalculateRequest> parse_calculate(std::string_view body, Currency currency) {
  auto document = json::parse(body);
  if (!document) return failure(document);
  std::vector<FieldFault> faults;
  Fields fields(document->root(), faults);
  session::CalculateRequest request{
      .session = SessionId(fields.required_id("sessionId")),
      .basket = {.amount = fields.required_amount("transactionAmount", currency), .items = {}}};
  const auto items = fields.required_array("items", limits::basket_items_max);
  request.basket.items.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    request.basket.items.push_back(
        parse_item(items[i], currency, faults, "items[" + std::to_string(i) + "]"));
  }
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return request;
}

Result<session::FinalizeRequest> parse_finalize(std::string_view body, Currency currency) {
  auto document = json::parse(body);
  if (!document) return failure(document);
  std::vector<FieldFault> faults;
  Fields fields(document->root(), faults);
  session::FinalizeRequest request{.session = SessionId(fields.required_id("sessionId")),
                                   .transaction = TransactionId(fields.required_id("transactionId")),
                                   .sale = {.final_amount = fields.required_amount("finalAmount", currency)}};
  const std::size_t faults_before = faults.size();
  request.sale.apply_rewards = fields.required_bool("applyRewards");
  const bool declined = faults.size() == faults_before && !request.sale.apply_rewards;
  if (const auto redeem = fields.optional_integer("redeemPoints", 0, points_max.count)) {
    request.sale.redeem = Points{*redeem};
  }
  if (declined && request.sale.redeem)
    fields.fault("redeemPoints", "must be absent when applyRewards is false");
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return request;
}

Result<session::VoidRequest> parse_void(std::string_view body) {
  auto document = json::parse(body);
  if (!document) return failure(document);
  std::vector<FieldFault> faults;
  Fields fields(document->root(), faults);
  session::VoidRequest request{.session = SessionId(fields.required_id("sessionId")),
                               .reason = fields.required_text("reason")};
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return request;
}

Result<session::ReturnRequest> parse_return(std::string_view body, Currency currency) {
  auto document = json::parse(body);
  if (!document) return failure(document);
  std::vector<FieldFault> faults;
  Fields fields(document->root(), faults);
  session::ReturnRequest request{
      .original_transaction = TransactionId(fields.required_id("originalTransactionId")),
      .transaction = TransactionId(fields.required_id("transactionId")),
      .amount = fields.required_amount("amount", currency)};
  if (auto store = fields.optional_id("originalStoreId")) request.original_store = StoreId(std::move(*store));
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return request;
}

}  // namespace perkline::edge::api
