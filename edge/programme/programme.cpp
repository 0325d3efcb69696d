#include "edge/programme/programme.hpp"

#include <algorithm>

#include "edge/journal/restored.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::programme {
namespace {

/// Of nonces that go in one batch.
constexpr std::size_t page_max = 512;

}  // namespace

Programme::Programme(Parts parts, Watch watch)
    : parts_(std::move(parts)),
      hub_(parts_.ports.clock),
      claim_store_(parts_.journal, parts_.outbox),
      spins_(parts_, state_, hub_, watch),
      claims_(parts_, state_, hub_, claim_store_, watch),
      pace_(parts_.ports.clock) {}

void Programme::use(const sync::Catalogue& catalogue, bool held) {
  state_.offer = offer_in(catalogue);
  state_.has_catalogue = held;
  spins_.tell_units();
}

std::optional<Uuid> Programme::lease_holder() const {
  if (!state_.holder) return std::nullopt;
  return state_.holder->id;
}

Task<Result<void>> Programme::start() {
  auto holder = journal::read_lease_holder(parts_.journal);
  if (!holder) co_return failure(holder);
  state_.holder = *holder;
  const auto restored = journal::read_last_restore(parts_.journal);
  if (!restored) co_return std::unexpected(restored.error());
  if (*restored) state_.restored_at = (*restored)->restored_at;
  if (auto renewed = co_await renew_holder(); !renewed) co_return renewed;
  co_return co_await spins_.drop_begun();
}

Task<Result<void>> Programme::renew_holder() {
  const auto disowned = journal::is_disowned(parts_.journal);
  if (!disowned) co_return std::unexpected(disowned.error());
  if (state_.holder && !*disowned) co_return Result<void>{};
  const auto next = new_holder(*disowned);
  if (!next) co_return std::unexpected(next.error());
  journal::Batch batch;
  put(batch, *next);
  co_await parts_.journal.commit(std::move(batch));
  state_.holder = *next;
  if (*disowned) {
    ops::log(ops::Level::warn, "programme",
             "the leases of prizes are another journal's now: the hub is to grant new ones",
             {{"seedsClosedThrough", format_day(*next->seeds_closed)}});
  }
  co_return Result<void>{};
}

/// A predecessor may have drawn today, with tomorrow's seed even if it was restored itself today, and with
/// whatever seed a wrong clock made it take.
Result<journal::LeaseHolder> Programme::new_holder(bool after_another) const {
  journal::LeaseHolder holder{.id = parts_.ports.uuids.next()};
  if (!after_another) return holder;
  holder.seeds_closed = utc_day(parts_.ports.clock.wall_now());
  const auto latest = WheelBook(parts_.journal).latest_day();
  if (!latest) return std::unexpected(latest.error());
  if (*latest) holder.seeds_closed = std::max(*holder.seeds_closed, **latest);
  if (state_.holder && state_.holder->seeds_closed)
    holder.seeds_closed = std::max(*holder.seeds_closed, *state_.holder->seeds_closed + days{1});
  return holder;
}

Task<void> Programme::run() {
  while (!pace_.stopped()) {
    if (const auto looked = co_await look(); !looked && !pace_.stopped()) {
      ops::log(ops::Level::error, "programme", "leases cannot be looked after",
               {{"error", perkline::name_of(looked.error().code)}, {"detail", looked.error().detail}});
    }
    if (!co_await pace_.wait_until(parts_.ports.clock.mono_now() + look_every)) co_return;
  }
}

Task<Result<void>> Programme::look() {
  const auto returned = co_await spins_.return_leases();
  if (!returned) co_return std::unexpected(returned.error());
  if (*returned > 0) {
    ops::log(ops::Level::info, "programme", "leases are given back",
             {{"leases", static_cast<std::int64_t>(*returned)}});
  }
  journal::Batch batch;
  const auto today = utc_day(parts_.ports.clock.wall_now());
  const auto old =
      WheelBook(parts_.journal).forget_nonces(batch, today - nonces_kept, state_.offer, page_max);
  if (!old) co_return std::unexpected(old.error());
  co_await parts_.journal.commit(std::move(batch));
  co_return Result<void>{};
}

}  // namespace perkline::edge::programme
