#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perkline {

/// Every way an operation of ours can fail; closed, so that each switch over it is complete.
/// The first block are the codes that callers of the HTTP APIs see, the second never leaves the process as
/// such.
enum class Errc : std::uint16_t {
  validation_failed = 1,
  malformed_json,
  bad_request,
  pdi_rejected,
  unauthenticated,
  invalid_credentials,
  token_expired,
  refresh_reused,
  forbidden,
  account_inactive,
  receipt_required,
  not_found,
  method_not_allowed,
  length_required,
  body_too_large,
  unsupported_media_type,
  headers_too_large,
  session_busy,
  session_state,
  version_conflict,
  request_in_progress,
  already_registered,
  already_claimed,
  promotion_overlap,
  promotion_not_active,
  insufficient_points,
  insufficient_funds,
  balance_limit,
  no_prize_available,
  transaction_reused,
  idempotency_key_reused,
  return_exceeds_sale,
  redemption_limit,
  rate_limited,
  pdi_unavailable,
  overloaded,
  database_unavailable,
  payments_off,
  storage_full,

  timed_out,          ///< A deadline passed.
  cancelled,          ///< Shut down while waiting.
  connection_failed,  ///< No connection: refused, DNS, TLS, wrong name.
  connection_lost,    ///< A connection broke; bytes may have been sent.
  malformed_answer,   ///< A peer answered what its protocol forbids.
  corrupt,            ///< Stored bytes are not what we wrote.
  newer_format,       ///< Stored by a newer version of Perkline.
  already_exists,
  io_failed,
  internal,
};

/// One fault of an input, named so that its sender can mend it.
struct FieldFault {
  std::string field;  ///< Path in the input: `items[3].qty`, `api.listen`.
  std::string message;
  std::string file = {};  ///< Of a configuration: which one, where it is another than was asked for.
  bool operator==(const FieldFault&) const = default;
};

/// What the loyalty provider itself said when it refused.
struct ProviderFault {
  std::string code;
  std::string message;
  bool operator==(const ProviderFault&) const = default;
};

/// What a caller may still do, as RateLimit fields tell it (draft-ietf-httpapi-ratelimit-headers-07).
struct Quota {
  std::int64_t limit = 0;
  std::int64_t remaining = 0;
  std::chrono::milliseconds reset{0};  ///< Until all of `limit` is there again.
  bool operator==(const Quota&) const = default;
};

struct Error {
  Errc code = Errc::internal;
  std::string detail;  ///< For people; never holds a secret nor a library's own text.
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
  std::vector<FieldFault> faults = {};                   ///< With validation_failed: all of them.
  std::optional<ProviderFault> provider = std::nullopt;  ///< With pdi_rejected.
  std::optional<Quota> quota = std::nullopt;             ///< With rate_limited.
};

/// The code as the HTTP APIs spell it: `VALIDATION_FAILED`. Codes of the second block give `INTERNAL`.
std::string_view wire_code(Errc code);

/// The HTTP status that goes with `code`; 500 for codes of the second block.
int http_status(Errc code);

/// For logs: the enumerator's own name.
std::string_view name_of(Errc code);

}  // namespace perkline
