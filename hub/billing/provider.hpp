#pragma once

#include <cstdint>
#include <string>

#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/core/result.hpp"
#include "shared/net/task.hpp"

namespace perkline::hub::billing {

/// What a provider is asked to settle.
struct Charge {
  std::string reference;  ///< Ours, unique for ever: the provider's idempotency key.
  Money amount;           ///< > 0
  bool top_up = true;     ///< Money comes in from outside; else it is the payer's here already, and held.
};

/// What a provider says of a charge.
struct Verdict {
  enum class State : std::uint8_t {
    unknown = 1,  ///< It has never heard of the reference.
    pending,      ///< It will know later.
    settled,      ///< For good, unless it is asked to give it back.
    declined,     ///< For good.
    refunded,     ///< It was settled, and what was taken is given back, for good.
  };
  State state = State::unknown;
  std::string reason = {};  ///< Of what was declined: a word such as `DECLINED`.
};

/// Who moves the money outside of Perkline. Reactor's thread. A call returns within a second or so: an
/// adapter has its own deadlines.
class PaymentProvider {
 public:
  virtual ~PaymentProvider() = default;
  /// Settles it, once: the same reference again gives what has become of it. Never unknown. Any error leaves
  /// in doubt whether it was taken: status() tells.
  virtual Task<Result<Verdict>> settle(Charge charge) = 0;
  /// Gives what was settled under the reference back, whole and once: asked again it gives what has become of
  /// it. Refunded; pending: it will know later; declined: it will not. Any error leaves in doubt whether it
  /// was given back: status() tells.
  virtual Task<Result<Verdict>> refund(std::string reference) = 0;
  /// What has become of it.
  virtual Task<Result<Verdict>> status(std::string reference) = 0;
};

}  // namespace perkline::hub::billing
