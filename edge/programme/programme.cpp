#include "edge/programme/programme.hpp"

#include <algorithm>

#include "edge/journal/restored.hpp"
#include "shared/ops/log.hpp"
#include "shared/sync/hash_chain.hpp"

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
      on_seeds_(std::move(watch.on_seeds)),
      pace_(parts_.ports.clock) {}

void Programme::use(const sync::Catalogue& catalogue, bool held) {
  state_.offer = offer_in(catalogue);
  state_.has_catalogue = held;
  tell_unusable();
  spins_.tell_units();
  tell_seeds();
}

/// Each that is news: the catalogue comes anew with every change.
void Programme::tell_unusable() {
  for (const Offer::Unusable& item : state_.offer.unusable) {
    const std::string which = std::to_string(item.kind) + ' ' + item.id + ' ' + item.key + ' ' + item.reason;
    if (!item_faults_.is_news(which, parts_.ports.clock.mono_now())) continue;
    ops::log(ops::Level::error, "programme", "an item of the catalogue cannot be used",
             {{"kind", static_cast<std::int64_t>(item.kind)},
              {"id", item.id},
              {"key", item.key},
              {"reason", item.reason}});
  }
  if (state_.offer.unusable.empty()) item_faults_.over();
}

void Programme::tell_seeds() {
  const SeedStanding now = spins_.seeds();
  if (on_seeds_) on_seeds_(now.left);
  if (now.trouble.empty()) {
    if (seed_faults_.over()) ops::log(ops::Level::info, "programme", "there is a seed to draw with again");
  } else if (seed_faults_.is_news(now.trouble, parts_.ports.clock.mono_now())) {
    ops::log(ops::Level::error, "programme", "no sale has its spin: there is no seed to draw with",
             {{"reason", now.trouble}});
  }
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
  state_.clock_awaited_until = parts_.ports.clock.mono_now() + clock_wait;
  if (auto renewed = co_await renew_holder(); !renewed) co_return renewed;
  if (auto found = claims_.start(); !found) co_return found;
  tell_seeds();
  co_return co_await spins_.drop_begun();
}

Task<Result<void>> Programme::renew_holder() {
  const auto turn = co_await parts_.ports.locks.acquire(std::string(wheel_key), MonoTime::max());
  if (!turn) co_return std::unexpected(turn.error());
  const auto disowned = journal::is_disowned(parts_.journal);
  if (!disowned) co_return std::unexpected(disowned.error());
  if (state_.holder && !*disowned) co_return Result<void>{};
  const auto next = new_holder(*disowned);
  if (!next) co_return std::unexpected(next.error());
  journal::Batch batch;
  put(batch, *next);
  co_await parts_.journal.commit(std::move(batch));
  state_.holder = *next;
  state_.clock_awaited_until = parts_.ports.clock.mono_now() + clock_wait;
  if (*disowned) {
    ops::log(ops::Level::warn, "programme",
             "the leases of prizes are another journal's now: the hub is to grant new ones");
  }
  co_return Result<void>{};
}

/// What a predecessor has drawn with is settled later, by clock and catalogue together (seeds_to_close()).
Result<journal::LeaseHolder> Programme::new_holder(bool after_another) const {
  journal::LeaseHolder holder{.id = parts_.ports.uuids.next()};
  if (!after_another) return holder;
  holder.unsettled = {.clock_read = utc_day(journal::newest_time_in(parts_.journal))};
  const auto latest = WheelBook(parts_.journal).latest_day();
  if (!latest) return std::unexpected(latest.error());
  auto& drawn = holder.unsettled->drawn;
  if (*latest) drawn = **latest;
  if (!state_.holder) return holder;
  if (const auto& closed = state_.holder->seeds_closed) drawn = std::max(drawn, *closed + days{1});
  if (const auto& before = state_.holder->unsettled) drawn = std::max(drawn, before->drawn);
  return holder;
}

Task<Result<void>> Programme::forget_member(sync::Erasure erasure) {
  const auto turn = co_await parts_.ports.locks.acquire(std::string(claims_key), MonoTime::max());
  if (!turn) co_return std::unexpected(turn.error());
  co_return co_await claim_store_.forget_member(std::move(erasure));
}

Task<Result<std::size_t>> Programme::forget_claims(WallTime until, std::size_t count_max) {
  const auto turn = co_await parts_.ports.locks.acquire(std::string(claims_key), MonoTime::max());
  if (!turn) co_return std::unexpected(turn.error());
  co_return co_await claim_store_.remove(until, count_max);
}

/// Each store its own, so that a chain that comes back at once does not ask at once.
Millis Programme::phase() const {
  const Digest hash = sync::sha256(parts_.store.str());
  return Millis((hash[0] * 256 + hash[1]) % Millis(look_every).count());
}

Task<void> Programme::run() {
  if (!co_await pace_.wait_until(parts_.ports.clock.mono_now() + phase())) co_return;
  while (!pace_.stopped()) {
    const auto looked = co_await look();
    if (looked) {
      faults_.over();
    } else if (!pace_.stopped() && faults_.is_news(looked.error().detail, parts_.ports.clock.mono_now())) {
      ops::log(ops::Level::error, "programme", "leases and claims cannot be looked after",
               {{"error", perkline::name_of(looked.error().code)}, {"detail", looked.error().detail}});
    }
    if (!co_await pace_.wait_until(parts_.ports.clock.mono_now() + look_every)) co_return;
  }
}

Task<Result<void>> Programme::look() {
  tell_seeds();
  const auto returned = co_await spins_.return_leases();
  if (!returned) co_return std::unexpected(returned.error());
  if (*returned > 0) {
    ops::log(ops::Level::info, "programme", "leases are given back",
             {{"leases", static_cast<std::int64_t>(*returned)}});
  }
  co_await spins_.drop_refused(parts_.ports.clock.mono_now() - refused_spins_kept);
  journal::Batch batch;
  const auto today = utc_day(parts_.ports.clock.wall_now());
  const auto old =
      WheelBook(parts_.journal).forget_nonces(batch, today - nonces_kept, state_.offer, page_max);
  if (!old) co_return std::unexpected(old.error());
  co_await parts_.journal.commit(std::move(batch));
  co_return co_await claims_.settle_pending(claims_at_once);
}

}  // namespace perkline::edge::programme
