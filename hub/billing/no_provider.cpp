#include "hub/billing/no_provider.hpp"

namespace perkline::hub::billing {

Task<Result<Verdict>> NoProvider::settle(Charge charge) {
  if (charge.top_up) co_return Verdict{.state = Verdict::State::declined, .reason = "PAYMENTS_OFF"};
  co_return Verdict{.state = Verdict::State::settled};
}

/// Another one took it, when the hub was configured otherwise.
Task<Result<Verdict>> NoProvider::refund(std::string) {
  co_return Verdict{.state = Verdict::State::declined, .reason = "PAYMENTS_OFF"};
}

Task<Result<Verdict>> NoProvider::status(std::string) {
  co_return Verdict{};
}

}  // namespace perkline::hub::billing
