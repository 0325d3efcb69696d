#include "hub/wheel/store_supply.hpp"

#include <utility>

#include "hub/wheel/lease_upkeep.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::wheel {
namespace {

constexpr seconds try_again{5};

}  // namespace

void StoreSupply::heard(const StoreId& store, const Uuid& holder) {
  const auto [known, is_new] = holders_.try_emplace(store, holder);
  if (!is_new && known->second == holder) return;
  known->second = holder;
  used(store);
}

void StoreSupply::used(const StoreId& store) {
  waiting_.insert(store);
  wake_->notify();
}

void StoreSupply::stock_changed() {
  for (const auto& [store, holder] : holders_) waiting_.insert(store);
  wake_->notify();
}

Task<void> StoreSupply::run() {
  while (true) {
    co_await wake_->wait();
    while (!waiting_.empty()) {
      bool failed = false;
      for (const StoreId& store : std::exchange(waiting_, {})) {
        const auto supplied = co_await supply(store);
        if (supplied) {
          faults_.over(store.str() + ' ');
          continue;
        }
        tell_fault(store, supplied.error());
        waiting_.insert(store);
        failed = true;
      }
      if (failed) co_await parts_.clock.sleep(try_again);
    }
  }
}

void StoreSupply::tell_fault(const StoreId& store, const Error& error) {
  if (!faults_.is_news(store.str() + ' ' + error.detail, parts_.clock.mono_now())) return;
  ops::log(ops::Level::warn, "wheel", "a store could not be given what it draws with: it is tried again",
           {{"storeId", store.str()}, {"error", perkline::name_of(error.code)}, {"detail", error.detail}});
}

Task<Result<void>> StoreSupply::supply(StoreId store) {
  const WallTime now = parts_.clock.wall_now();
  const auto seeds = co_await commit_seeds(parts_.database, {store}, now, parts_.rng);
  if (!seeds) co_return std::unexpected(seeds.error());
  const bool in_doubt = parts_.guard != nullptr && parts_.guard->in_doubt();
  const UpkeepCause cause{.id = parts_.ids.next(), .at = now, .may_grant = !in_doubt};
  const auto units = co_await db::write_for<std::int64_t>(
      parts_.database, [&](db::Transaction& transaction) { return keep_leases(transaction, cause, store); });
  if (!units) co_return std::unexpected(units.error());
  if (*units > 0 && parts_.on_leased) parts_.on_leased(*units);
  co_return Result<void>{};
}

}  // namespace perkline::hub::wheel
