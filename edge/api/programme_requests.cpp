#include "edge/api/programme_requests.hpp"

#include "shared/core/down_limits.hpp"
#include "shared/json/fields.hpp"

namespace perkline::edge::api {

using json::Fields;
using json::Value;

Result<programme::SpinRequest> parse_spin(std::string_view body) {
  return json::read_body(body, [](Fields& fields, const Value&) {
    return programme::SpinRequest{
        .customer = CustomerId(fields.required_id("customerId")),
        .transaction = TransactionId(fields.required_id("transactionId")),
        // None at all and an empty one are one draw.
        .client_seed =
            fields.optional_text("clientSeed", {.bytes_min = 0, .bytes_max = limits::client_seed_bytes_max})
                .value_or("")};
  });
}

Result<programme::ClaimRequest> parse_claim(std::string_view body) {
  return json::read_body(body, [](Fields& fields, const Value&) {
    programme::ClaimRequest request{.customer = CustomerId(fields.required_id("customerId")),
                                    .promotion = {},
                                    .transaction = TransactionId(fields.required_id("transactionId"))};
    const std::size_t faults = fields.fault_count();
    const auto promotion = parse_uuid(fields.required_id("promotionId"));
    if (!promotion && fields.fault_count() == faults) fields.fault("promotionId", "must be a promotion's id");
    request.promotion = promotion.value_or(Uuid{});
    return request;
  });
}

}  // namespace perkline::edge::api
