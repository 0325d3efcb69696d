#pragma once

#include "hub/billing/provider.hpp"
#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"

namespace perkline::hub::billing {

/// What the test provider makes of a charge.
enum class TestOutcome : std::uint8_t {
  settles = 1,
  declines,          ///< DECLINED
  settles_late,      ///< Says pending for half a second.
  settles_unheard,   ///< Settles, and the first answer is lost; that to a refund too.
  declines_unheard,  ///< Likewise.
};
/// By the last four digits of the amount's minor units, as cards for testing go by their number: 9901
/// declines, 9902 settles late, 9903 settles unheard, 9904 declines unheard; all others settle. Pure.
TestOutcome test_outcome(const Money& amount);

inline constexpr Millis test_provider_delay{500};

/// The provider that is built in: it takes no money from anywhere. Its books are a table of its own
/// (test_provider_charge), written in transactions of its own: they outlast the hub as another company's
/// would.
class TestProvider final : public PaymentProvider {
 public:
  /// Both must outlive this.
  TestProvider(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}
  /// Errors: connection_lost (unheard), already_exists (the reference with another amount), the database's.
  Task<Result<Verdict>> settle(Charge charge) override;
  /// Errors: connection_lost (unheard), the database's.
  Task<Result<Verdict>> refund(std::string reference) override;
  Task<Result<Verdict>> status(std::string reference) override;

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace perkline::hub::billing
