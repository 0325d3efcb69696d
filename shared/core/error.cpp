#include "shared/core/error.hpp"

namespace perkline {
namespace {

struct Wire {
  std::string_view name;  ///< The enumerator.
  std::string_view code;  ///< What callers see.
  int status;
};

constexpr Wire wire_of(Errc code) {
  switch (code) {
    case Errc::validation_failed:
      return {"validation_failed", "VALIDATION_FAILED", 400};
    case Errc::malformed_json:
      return {"malformed_json", "MALFORMED_JSON", 400};
    case Errc::bad_request:
      return {"bad_request", "BAD_REQUEST", 400};
    case Errc::pdi_rejected:
      return {"pdi_rejected", "PDI_REJECTED", 400};
    case Errc::unauthenticated:
      return {"unauthenticated", "UNAUTHENTICATED", 401};
    case Errc::invalid_credentials:
      return {"invalid_credentials", "INVALID_CREDENTIALS", 401};
    case Errc::token_expired:
      return {"token_expired", "TOKEN_EXPIRED", 401};
    case Errc::refresh_reused:
      return {"refresh_reused", "REFRESH_REUSED", 401};
    case Errc::forbidden:
      return {"forbidden", "FORBIDDEN", 403};
    case Errc::account_inactive:
      return {"account_inactive", "ACCOUNT_INACTIVE", 403};
    case Errc::receipt_required:
      return {"receipt_required", "RECEIPT_REQUIRED", 403};
    case Errc::not_found:
      return {"not_found", "NOT_FOUND", 404};
    case Errc::method_not_allowed:
      return {"method_not_allowed", "METHOD_NOT_ALLOWED", 405};
    case Errc::length_required:
      return {"length_required", "LENGTH_REQUIRED", 411};
    case Errc::body_too_large:
      return {"body_too_large", "BODY_TOO_LARGE", 413};
    case Errc::unsupported_media_type:
      return {"unsupported_media_type", "UNSUPPORTED_MEDIA_TYPE", 415};
    case Errc::headers_too_large:
      return {"headers_too_large", "HEADERS_TOO_LARGE", 431};
    case Errc::session_busy:
      return {"session_busy", "SESSION_BUSY", 409};
    case Errc::session_state:
      return {"session_state", "SESSION_STATE", 409};
    case Errc::version_conflict:
      return {"version_conflict", "VERSION_CONFLICT", 409};
    case Errc::request_in_progress:
      return {"request_in_progress", "REQUEST_IN_PROGRESS", 409};
    case Errc::already_registered:
      return {"already_registered", "ALREADY_REGISTERED", 409};
    case Errc::already_claimed:
      return {"already_claimed", "ALREADY_CLAIMED", 409};
    case Errc::promotion_overlap:
      return {"promotion_overlap", "PROMOTION_OVERLAP", 409};
    case Errc::promotion_not_active:
      return {"promotion_not_active", "PROMOTION_NOT_ACTIVE", 409};
    case Errc::insufficient_points:
      return {"insufficient_points", "INSUFFICIENT_POINTS", 409};
    case Errc::insufficient_funds:
      return {"insufficient_funds", "INSUFFICIENT_FUNDS", 409};
    case Errc::balance_limit:
      return {"balance_limit", "BALANCE_LIMIT", 409};
    case Errc::no_prize_available:
      return {"no_prize_available", "NO_PRIZE_AVAILABLE", 409};
    case Errc::transaction_reused:
      return {"transaction_reused", "TRANSACTION_REUSED", 422};
    case Errc::idempotency_key_reused:
      return {"idempotency_key_reused", "IDEMPOTENCY_KEY_REUSED", 422};
    case Errc::return_exceeds_sale:
      return {"return_exceeds_sale", "RETURN_EXCEEDS_SALE", 422};
    case Errc::redemption_limit:
      return {"redemption_limit", "REDEMPTION_LIMIT", 422};
    case Errc::rate_limited:
      return {"rate_limited", "RATE_LIMITED", 429};
    case Errc::pdi_unavailable:
      return {"pdi_unavailable", "PDI_UNAVAILABLE", 503};
    case Errc::overloaded:
      return {"overloaded", "OVERLOADED", 503};
    case Errc::database_unavailable:
      return {"database_unavailable", "DATABASE_UNAVAILABLE", 503};
    case Errc::payments_off:
      return {"payments_off", "PAYMENTS_OFF", 503};
    case Errc::storage_full:
      return {"storage_full", "STORAGE_FULL", 507};
    case Errc::timed_out:
      return {"timed_out", "INTERNAL", 500};
    case Errc::cancelled:
      return {"cancelled", "INTERNAL", 500};
    case Errc::connection_failed:
      return {"connection_failed", "INTERNAL", 500};
    case Errc::connection_lost:
      return {"connection_lost", "INTERNAL", 500};
    case Errc::malformed_answer:
      return {"malformed_answer", "INTERNAL", 500};
    case Errc::corrupt:
      return {"corrupt", "INTERNAL", 500};
    case Errc::newer_format:
      return {"newer_format", "INTERNAL", 500};
    case Errc::already_exists:
      return {"already_exists", "INTERNAL", 500};
    case Errc::io_failed:
      return {"io_failed", "INTERNAL", 500};
    case Errc::internal:
      return {"internal", "INTERNAL", 500};
  }
  return {"internal", "INTERNAL", 500};
}

}  // namespace

std::string_view wire_code(Errc code) {
  return wire_of(code).code;
}
int http_status(Errc code) {
  return wire_of(code).status;
}
std::string_view name_of(Errc code) {
  return wire_of(code).name;
}

}  // namespace perkline
