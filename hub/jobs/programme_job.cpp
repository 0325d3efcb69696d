#include "hub/jobs/programme_job.hpp"

#include <array>

#include "hub/downlink/purge.hpp"
#include "hub/events/purge.hpp"
#include "hub/promotions/till_claim.hpp"
#include "hub/wheel/leases.hpp"

namespace perkline::hub::jobs {
namespace {

/// What the job first comes to know of; it is dropped by a later run.
constexpr std::array<events::Purge, 3> notes{&downlink::note_gone_items, &downlink::note_past_items,
                                             &wheel::note_settled_leases};
struct Drop {
  days kept;
  events::Purge step;
};
constexpr std::array drops{Drop{downlink::keep_gone_items, &downlink::drop_gone_items},
                           Drop{downlink::keep_past_items, &downlink::drop_past_items},
                           Drop{wheel::keep_settled_leases, &wheel::drop_settled_leases},
                           Drop{promotions::keep_refused_claims, &promotions::drop_refused_claims}};

}  // namespace

Task<Result<std::int64_t>> purge_programme(const Parts& parts, std::string) {
  std::int64_t dropped = 0;
  // By a clock that is wrong nothing is known since then either.
  for (const events::Purge note : notes) {
    const auto now = parts.guard.now_for_good();
    if (!now) co_return std::unexpected(now.error());
    const auto noted = co_await events::purge_in_steps(parts.database, *now, note);
    if (!noted) co_return std::unexpected(noted.error());
  }
  for (const Drop& drop : drops) {
    const auto now = parts.guard.now_for_good();
    if (!now) co_return std::unexpected(now.error());
    const auto gone = co_await events::purge_in_steps(parts.database, *now - drop.kept, drop.step);
    if (!gone) co_return std::unexpected(gone.error());
    dropped += *gone;
  }
  co_return dropped;
}

}  // namespace perkline::hub::jobs
