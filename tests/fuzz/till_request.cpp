#include "edge/api/programme_requests.hpp"
#include "edge/api/requests.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {
namespace {

/// A fault names its field, and all of them are told at once.
template <class Request>
const Request* read(const Result<Request>& parsed) {
  if (parsed) return &*parsed;
  const Error& error = parsed.error();
  PERKLINE_ASSERT(error.code == Errc::malformed_json || error.code == Errc::validation_failed);
  PERKLINE_ASSERT(error.code == Errc::malformed_json || !error.faults.empty());
  return nullptr;
}

void check_id(std::string_view id) {
  PERKLINE_ASSERT(!id.empty() && id.size() <= limits::id_bytes_max);
}

}  // namespace

void till_request(std::string_view input) {
  const Currency currency = *find_currency("USD");
  if (const auto parsed = edge::api::parse_identify(input); const auto* request = read(parsed)) {
    check_id(request->customer.str());
    check_id(request->transaction.str());
  }
  if (const auto parsed = edge::api::parse_calculate(input, currency); const auto* request = read(parsed))
    PERKLINE_ASSERT(request->basket.amount.minor >= 0);
  if (const auto parsed = edge::api::parse_finalize(input, currency); const auto* request = read(parsed)) {
    PERKLINE_ASSERT(request->sale.final_amount.minor >= 0);
    PERKLINE_ASSERT(!request->sale.redeem ||
                    (request->sale.apply_rewards && request->sale.redeem->count > 0));
  }
  if (const auto parsed = edge::api::parse_return(input, currency); const auto* request = read(parsed))
    PERKLINE_ASSERT(request->amount.minor >= 0);
  read(edge::api::parse_void(input));
  if (const auto parsed = edge::api::parse_spin(input); const auto* request = read(parsed))
    check_id(request->transaction.str());
  if (const auto parsed = edge::api::parse_claim(input); const auto* request = read(parsed))
    check_id(request->customer.str());
}

}  // namespace perkline::fuzz
