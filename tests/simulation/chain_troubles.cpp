#include <algorithm>

#include "tests/simulation/chain.hpp"

namespace perkline::simulation {
namespace {

constexpr hours jump_max{10 * 365 * 24};
constexpr seconds until_clonable{5};

}  // namespace

void Chain::plan_troubles() {
  const Timeline::Duration fault_time = scenario_.fault_time;
  plan_windows(
      scenario_.outages, minutes{4}, [this] { provider_.go_dark(true); },
      [this] { provider_.go_dark(false); });
  for (std::size_t i = 0; i < scenario_.partitions; ++i) {
    const StoreId& store = stores_[rng_.below(scenario_.stores)]->id();
    plan_windows(1, minutes{3}, [this, store] { line_.part(store); }, [this, store] { line_.rejoin(store); });
  }
  for (std::size_t i = 0; i < scenario_.breaker_turns; ++i) {
    Store& store = *stores_[rng_.below(scenario_.stores)];
    const auto turn = [&store](void (pdi::Guard::*how)()) {
      if (store.life() != nullptr) (store.life()->guard.*how)();
    };
    plan_windows(
        1, minutes{2}, [turn] { turn(&pdi::Guard::force_open); }, [turn] { turn(&pdi::Guard::automatic); });
  }
  for (std::size_t i = 0; i < scenario_.full_disks; ++i) {
    Store& store = *stores_[rng_.below(scenario_.stores)];
    plan_windows(1, minutes{5}, [&store] { store.fill_disk(true); }, [&store] { store.fill_disk(false); });
  }
  plan_clock_jumps();
  for (const auto& store : stores_) {
    if (store->is_clone()) continue;
    if (scenario_.store_deaths > 0 && rng_.unit() < 0.5)
      time_.at(Timeline::Duration(
                   static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(fault_time.count())))),
               [this, &store = *store] {
                 if (troubled_ && store.life() != nullptr) store.fate.die("its power goes");
               });
  }
  plan_restores();
  plan_clones();
  time_.at(fault_time, [this] { stop_troubles(); });
}

/// Each a while after its backup. Draws from the operators' randomness, so that all else is as without.
void Chain::plan_restores() {
  const auto fault_time = static_cast<std::uint64_t>(Timeline::Duration(scenario_.fault_time).count());
  const auto moment = [&](std::uint64_t from) {
    return Timeline::Duration(static_cast<std::int64_t>(from + operator_rng_.below(fault_time - from)));
  };
  for (std::size_t i = 0; i < scenario_.restores; ++i) {
    Store& store = *stores_[operator_rng_.below(scenario_.stores)];
    const Timeline::Duration backup = moment(0);
    time_.at(backup, [&store] { store.back_up(); });
    time_.at(moment(static_cast<std::uint64_t>(backup.count())), [this, &store] {
      if (!troubled_ || !store.has_backup()) return;
      store.restore_due = true;
      if (store.life() != nullptr && !store.fate.dead()) store.fate.die("its disk is lost");
    });
  }
}

void Chain::plan_clones() {
  const auto fault_time = static_cast<std::uint64_t>(Timeline::Duration(scenario_.fault_time).count());
  for (std::size_t number = 0; number < scenario_.clones; ++number) {
    Store& clone = *stores_[scenario_.stores + number];
    time_.at(Timeline::Duration(static_cast<std::int64_t>(operator_rng_.below(fault_time))),
             [this, &clone, &original = *stores_[number]] { start_clone(clone, original); });
  }
}

/// While nothing waits for PDI: two that settled one sale under two of PDI's sessions would book it twice,
/// and only PDI could see that.
void Chain::start_clone(Store& clone, Store& original) {
  if (!troubled_ || clone.gone) return;
  const StoreLife* life = original.life();
  if (life == nullptr || original.fate.dead() || !life->serving() || life->queue.depth() > 0) {
    time_.after(until_clonable, [this, &clone, &original] { start_clone(clone, original); });
    return;
  }
  clone.copy_disk(original);
  ++figures_.clones;
  boot(clone);
}

/// For good, with all that only they know.
void Chain::stop_clones() {
  for (std::size_t number = scenario_.stores; number < stores_.size(); ++number) {
    Store& clone = *stores_[number];
    clone.gone = true;
    tills_.forget_all(number);
    if (clone.life() != nullptr) clone.fate.die("it is stopped");
  }
}

void Chain::plan_windows(std::size_t count, Timeline::Duration longest, std::function<void()> begin,
                         std::function<void()> end) {
  const auto below = [this](Timeline::Duration most) {
    return Timeline::Duration(
        static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most.count()))));
  };
  for (; count > 0; --count) {
    const Timeline::Duration from = below(scenario_.fault_time);
    time_.at(from, begin);
    time_.at(std::min<Timeline::Duration>(from + below(longest), scenario_.fault_time), end);
  }
}

void Chain::plan_clock_jumps() {
  const auto fault_time = static_cast<std::uint64_t>(Timeline::Duration(scenario_.fault_time).count());
  for (std::size_t i = 0; i < scenario_.clock_jumps; ++i) {
    const std::size_t process = rng_.below(scenario_.stores + 1);
    time_.at(Timeline::Duration(static_cast<std::int64_t>(rng_.below(fault_time))), [this, process] {
      if (troubled_) jump(process);
    });
  }
}

/// Far or near, forth or back, from where the clock should be.
void Chain::jump(std::size_t process) {
  const auto most =
      static_cast<std::uint64_t>(rng_.below(3) == 0 ? Millis(minutes{4}).count() : Millis(jump_max).count());
  const Millis by =
      Millis{static_cast<std::int64_t>(rng_.below(2 * most))} - Millis{static_cast<std::int64_t>(most)};
  const WallTime right = tills_.time().wall;
  if (process == scenario_.stores) {
    hub_.time.wall = right + by;
    return trace_.note("hub", "clock jumps", format_time(hub_.time.wall));
  }
  Store& store = *stores_[process];
  store.time.wall = right + by;
  ++store.clock_jumps;
  trace_.note(store.id().str(), "clock jumps", format_time(store.time.wall));
}

/// Clocks too are set right; what they made meanwhile stays as it is.
void Chain::stop_troubles() {
  troubled_ = false;
  stop_clones();
  provider_.behave();
  line_.behave();
  tills_.behave();
  hub_.fate.spare();
  for (const auto& store : stores_) {
    store->fate.spare();
    if (store->life() != nullptr) store->life()->guard.automatic();
  }
  const WallTime right = tills_.time().wall;
  each_time([right](test::VirtualTime& time) { time.wall = right; });
  trace_.note("all", "troubles stop");
}

}  // namespace perkline::simulation
