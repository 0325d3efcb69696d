#include "tests/simulation/watched_journal.hpp"

#include "edge/session/session_record.hpp"
#include "shared/core/assert.hpp"
#include "tests/simulation/planted_parts.hpp"

namespace perkline::simulation {

using edge::journal::Batch;
using edge::journal::Family;

/// A sale the store itself has let redeem: queued in the step in which its till is told of it. One told of
/// while finalize was out at PDI is none, whatever becomes of it.
void OfflineRedemptions::note(const std::string& record) {
  const auto session = edge::session::decode(record);
  PERKLINE_ASSERT(session.has_value());
  if (!session->acknowledged || !told_of_.insert(session->id.str()).second) return;
  const std::int64_t points = session->sale->redeem.value_or(Points{}).count;
  if (session->status != edge::session::Status::queued || points == 0) return;
  const std::int64_t day =
      std::chrono::floor<perkline::days>(*session->pending_at).time_since_epoch().count();
  days_[{session->customer.str(), day}] += points;
  days_[{"", day}] += points;
}

Task<void> WatchedJournal::commit(Batch batch) {
  if (fate_.strikes("before a commit")) {
    co_await wait_for_ever();
    co_return;
  }
  std::vector<std::string> written;
  for (const Batch::Change& change : batch.changes()) {
    // Returns of other stores' sales lie beside the sessions.
    if (change.family == Family::sessions && change.value && is_session_id(change.key))
      written.push_back(*change.value);
  }
  if (plant_ == Plant::forgotten_redemptions) batch = without_redemptions(batch);
  if (plant_ == Plant::forgotten_units) batch = without_wheel_records(batch, "lease/");
  if (plant_ == Plant::forgotten_reservations) batch = without_wheel_records(batch, "intent/");
  co_await journal_.commit(std::move(batch));
  for (const std::string& record : written) redemptions_.note(record);
  if (fate_.strikes("after a commit")) co_await wait_for_ever();
}

}  // namespace perkline::simulation
