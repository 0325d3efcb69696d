#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"
#include "shared/core/result.hpp"

/// How the sandbox misbehaves on demand (contract.md §3).
namespace perkline::pdi::sandbox {

enum class Endpoint : std::uint8_t { identify, calculate, finalize, status, token };
inline constexpr std::size_t endpoint_count = 5;

std::string_view name_of(Endpoint endpoint);

enum class FaultMode : std::uint8_t { ok, delay, hang, reset, status, malformed, timeout_after_commit, drip };

struct Fault {
  FaultMode mode = FaultMode::ok;
  int status = 503;
  Millis delay{0};          ///< With drip: before each byte.
  std::string retry_after;  ///< With status: the field's text, whatever it says; empty: none.
  double probability = 1;
  std::int64_t count = 0;  ///< Calls it is for; 0: until changed.
};

/// A fault for each endpoint. Pure but for the randomness passed in.
class Faults {
 public:
  /// Takes over what the body of PUT /sandbox/faults says; all of it, or nothing. Errors: malformed_json,
  /// validation_failed with every fault of the body.
  Result<void> change(std::string_view body);
  /// What this call gets; a fault with a count has one less after.
  Fault draw(Endpoint endpoint, Rng& rng);

 private:
  std::array<Fault, endpoint_count> faults_;
};

}  // namespace perkline::pdi::sandbox
