#pragma once

#include "hub/billing/provider.hpp"

namespace perkline::hub::billing {

/// Where nobody moves money outside (`billing.provider: none`): what is to come from there, begun while
/// somebody did, is declined with the reason PAYMENTS_OFF; what is a member's here already goes to another.
/// Knows nothing of what it was asked before: it would say the same again.
class NoProvider final : public PaymentProvider {
 public:
  /// No errors.
  Task<Result<Verdict>> settle(Charge charge) override;
  /// Always unknown. No errors.
  Task<Result<Verdict>> refund(std::string reference) override;
  Task<Result<Verdict>> status(std::string reference) override;
};

}  // namespace perkline::hub::billing
