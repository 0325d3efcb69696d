#include <algorithm>

#include "pdi_client/answers.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {
namespace {

const ProviderSessionId session("sess_abc123");

void check_points(Points points) {
  PERKLINE_ASSERT(points.count >= 0);
}
void check_finalized(const pdi::Finalized& finalized) {
  check_points(finalized.earned);
  check_points(finalized.redeemed);
  check_points(finalized.new_balance);
}
void check_words(const std::string& words) {
  PERKLINE_ASSERT(words.size() <= limits::text_bytes_max);
  PERKLINE_ASSERT(std::ranges::none_of(words, [](char c) { return static_cast<unsigned char>(c) < ' '; }));
}

}  // namespace

/// Whatever PDI says, no till is told of points that cannot be.
void pdi_answer(std::string_view input) {
  const pdi::FinalizeCall call{.session = session,
                               .transaction = TransactionId("TXN-1"),
                               .final_amount = Money{15'000, *find_currency("USD")},
                               .redeem = Points{100}};
  if (const auto identified = pdi::read_identified(input)) {
    check_points(identified->current_points);
    PERKLINE_ASSERT(!identified->session.empty());
  }
  if (const auto rewards = pdi::read_rewards(input, session)) {
    check_points(rewards->earned);
    check_points(rewards->bonus);
  }
  if (const auto finalized = pdi::read_finalized(input, call)) check_finalized(*finalized);
  if (const auto status = pdi::read_status(input, session)) {
    PERKLINE_ASSERT(status->finalized.has_value() == (status->status == "finalized"));
    if (status->finalized) check_finalized(*status->finalized);
  }
  const ProviderFault refusal = pdi::read_refusal(input);
  check_words(refusal.code);
  check_words(refusal.message);
}

}  // namespace perkline::fuzz
