#include "edge/session/till_error.hpp"

#include <utility>

namespace perkline::edge::session {
namespace {

constexpr Millis busy_retry{1000};
constexpr Millis pdi_retry{2000};
/// Room is looked for every second, but comes only when somebody makes it.
constexpr Millis storage_retry{5000};

}  // namespace

Error session_busy() {
  return {.code = Errc::session_busy,
          .detail = "another call of this session is running",
          .retry_after = busy_retry};
}

Error transaction_reused() {
  return {.code = Errc::transaction_reused, .detail = "this transactionId was used with other content"};
}

Error member_blocked() {
  return {.code = Errc::pdi_rejected,
          .detail = "the member is blocked",
          .provider = ProviderFault{.code = "BLOCKED", .message = "the member is blocked"}};
}

Error out_of_order(const Session& session) {
  return {.code = Errc::session_state, .detail = "the session is " + std::string(wire_name(session))};
}

Error storage_full() {
  return {.code = Errc::storage_full,
          .detail = "the store's disk is full: what has begun can be ended, nothing new begun",
          .retry_after = storage_retry};
}

Error too_many_points(std::string field) {
  return {.code = Errc::validation_failed,
          .detail = "the request has faults",
          .faults = {{std::move(field), "earns more points than a member can hold"}}};
}

Error awaiting_pdi() {
  return {.code = Errc::pdi_unavailable,
          .detail = "the sale is with the loyalty provider and its outcome is not known yet",
          .retry_after = pdi_retry};
}

Error till_error(pdi::Failure failure) {
  Error error = std::move(failure.error);
  if (failure.outcome == pdi::Outcome::rejected) {
    error.code = Errc::pdi_rejected;
    return error;
  }
  error.code = Errc::pdi_unavailable;
  error.detail = "the loyalty provider does not answer";
  if (!error.retry_after) error.retry_after = pdi_retry;
  return error;
}

}  // namespace perkline::edge::session
