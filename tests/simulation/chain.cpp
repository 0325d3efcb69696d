#include "tests/simulation/chain.hpp"

#include <algorithm>
#include <set>

#include "hub/stores/stores.hpp"
#include "shared/core/assert.hpp"
#include "shared/ops/log.hpp"
#include "tests/simulation/audit.hpp"

namespace perkline::simulation {
namespace {

using edge::session::Status;

/// By then everything must have come to rest once nothing goes wrong any more.
constexpr minutes rest_max{60};
constexpr hours jump_max{10 * 365 * 24};
constexpr std::string_view operator_name = "the simulation";
/// How often somebody looks whether a store is in trouble with the hub.
constexpr minutes look_every{1};
constexpr seconds until_clonable{5};

Plant current_plant = Plant::none;

std::vector<std::unique_ptr<Store>> make_stores(const Surroundings& around) {
  std::vector<std::unique_ptr<Store>> stores;
  for (std::size_t number = 1; number <= around.scenario.stores; ++number)
    stores.push_back(std::make_unique<Store>(around, StoreId("store-" + std::to_string(number))));
  for (std::size_t number = 0; number < around.scenario.clones; ++number)
    stores.push_back(std::make_unique<Store>(around, stores[number]->id(), Store::Clone{}));
  return stores;
}

Task<void> into(Task<Result<void>> work, std::shared_ptr<std::size_t> waiting) {
  (void)co_await std::move(work);
  --*waiting;
}

}  // namespace

Figures& Figures::operator+=(const Figures& more) {
  acknowledged += more.acknowledged;
  pending += more.pending;
  booked += more.booked;
  refused += more.refused;
  expired += more.expired;
  voided += more.voided;
  reviews += more.reviews;
  discarded += more.discarded;
  returns += more.returns;
  store_crashes += more.store_crashes;
  hub_crashes += more.hub_crashes;
  restores += more.restores;
  clones += more.clones;
  epochs += more.epochs;
  forgotten += more.forgotten;
  virtual_time += more.virtual_time;
  return *this;
}

Chain::Chain(const Scenario& scenario, bool keep_lines)
    : scenario_(scenario),
      trace_(time_, keep_lines),
      rng_(derived_seed(scenario.seed, "chain")),
      operator_rng_(derived_seed(scenario.seed, "operators")),
      provider_(scenario_, time_, trace_),
      line_(scenario_, time_, trace_),
      hub_(scenario_, trace_, line_),
      stores_(make_stores({scenario_, time_, trace_, provider_, line_})),
      tills_(scenario_, time_, trace_, stores_) {}

Chain::~Chain() = default;

template <class Visit>
void Chain::each_time(Visit visit) {
  for (const auto& store : stores_) visit(store->time);
  visit(hub_.time);
  visit(tills_.time());
  visit(provider_.time());
}

// ---- what goes wrong

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

// ---- processes

void Chain::boot(Store& store) {
  if (store.gone) return;
  if (store.restore_due) {
    store.restore();
    ++figures_.restores;
    const auto number = std::ranges::find(stores_, &store, &std::unique_ptr<Store>::get) - stores_.begin();
    tills_.forget(static_cast<std::size_t>(number), store.backed_up_at());
  }
  store.boot();
  check_store_against_tills(store);
}

void Chain::boot_hub() {
  hub_.boot();
  check_acks();
}

/// Takes away who died, and plans their return.
void Chain::reap() {
  const auto reboot = [this] { return Millis{200 + static_cast<std::int64_t>(rng_.below(20'000))}; };
  for (const auto& store : stores_) {
    if (store->life() == nullptr || !store->fate.dead()) continue;
    check_acks();
    store->power_off();
    ++figures_.store_crashes;
    time_.after(reboot(), [this, &store = *store] { boot(store); });
  }
  if (hub_.is_up() && hub_.fate.dead()) {
    hub_.power_off();
    ++figures_.hub_crashes;
    time_.after(reboot(), [this] { boot_hub(); });
  }
}

/// A store counts as acknowledged only what the hub has.
void Chain::check_acks() {
  std::vector<hub::stores::Store> known;
  PERKLINE_ASSERT(hub_.database()
                      .read_now([&known](hub::db::Transaction& transaction) -> Result<void> {
                        auto listed = hub::stores::list(transaction, "", 100);
                        if (!listed) return failure(listed);
                        known = std::move(*listed);
                        return {};
                      })
                      .has_value());
  for (const auto& store : stores_) {
    if (store->life() == nullptr) continue;
    const auto at_hub = std::ranges::find(known, store->id(), &hub::stores::Store::id);
    const edge::journal::Outbox& outbox = *store->life()->outbox;
    trace_.check(outbox.epoch() <= at_hub->cursor.epoch, "no store is in an epoch that nobody has granted",
                 store->name());
    // One that has not adopted yet is stopped: what it believes counts for nothing.
    if (outbox.epoch() < at_hub->cursor.epoch) continue;
    // One from a backup believes the hub had what it acknowledged in those days, and so it does.
    trace_.check(outbox.acked() <= at_hub->cursor.sequence, "what is acknowledged is at the hub",
                 store->name());
  }
}

/// Right after a start: what a till was told is on the disk.
void Chain::check_store_against_tills(Store& store) {
  for (const TillSale& sale : tills_.sales()) {
    if (stores_[sale.plan.store].get() != &store || sale.identify_body.empty() || sale.forgotten) continue;
    const auto found = store.life()->session_named(sale.transaction);
    const bool there = found && found->id == sale.session;
    trace_.check(there, "no acknowledged session is missing", sale.transaction.str());
    if (!there || !sale.acknowledged()) continue;
    const Status status = found->status;
    const bool final = status == Status::finalized || (sale.discarded && status == Status::failed);
    const bool open = edge::session::is_open_sale(*found);
    trace_.check(final || (open && sale.body_200.empty()), "no acknowledged sale is missing",
                 sale.transaction.str() + " is " + std::string(name_of(status)));
  }
}

// ---- time

/// Runs what is ready, or moves time to whatever is next. False when nothing will ever happen again. To look
/// into a process that nothing has stirred costs as much as to run it, so that is not done.
bool Chain::step() {
  reap();
  const bool outside = time_.run_due();
  bool stores_ran = false;
  for (std::size_t i = 0; i < stores_.size(); ++i) {
    if (stores_[i]->life() == nullptr || !(stirred_.stores[i] || outside || stirred_.tills)) continue;
    stirred_.stores[i] = stores_[i]->life()->world->run_ready();
    stores_ran = stores_ran || stirred_.stores[i];
  }
  stirred_.hub = hub_.is_up() && (stirred_.hub || outside) && hub_.world().run_ready();
  stirred_.tills = (stirred_.tills || stores_ran || outside) && tills_.world().run_ready();
  return outside || stores_ran || stirred_.hub || stirred_.tills || advance();
}

void Chain::stir_all() {
  stirred_ = {.stores = std::vector<bool>(stores_.size(), true), .hub = true, .tills = true};
}

bool Chain::advance() {
  std::optional<Timeline::Duration> next;
  const auto sooner = [&next](Timeline::Duration in) { next = std::min(next.value_or(in), in); };
  const auto look = [&](test::SimWorld& world, const test::VirtualTime& time) {
    if (const auto due = world.next_due()) sooner(std::max(*due - time.mono, Timeline::Duration{}));
  };
  if (const auto due = time_.next_due()) sooner(*due - time_.now());
  for (const auto& store : stores_) {
    if (store->life() != nullptr) look(*store->life()->world, store->time);
  }
  if (hub_.is_up()) look(hub_.world(), hub_.time);
  look(tills_.world(), tills_.time());
  if (!next) return false;

  each_time([next](test::VirtualTime& time) {
    time.mono += *next;
    // No part of a millisecond is lost: whole ones are what the steady clock has passed.
    time.wall += std::chrono::floor<Millis>(time.mono.time_since_epoch()) -
                 std::chrono::floor<Millis>((time.mono - *next).time_since_epoch());
  });
  time_.advance_to(time_.now() + *next);
  const auto wake = [](test::SimWorld& world, const test::VirtualTime& time) {
    const auto due = world.next_due();
    if (!due || *due > time.mono) return false;
    world.wake_due();
    return true;
  };
  for (std::size_t i = 0; i < stores_.size(); ++i) {
    if (stores_[i]->life() != nullptr)
      stirred_.stores[i] = wake(*stores_[i]->life()->world, stores_[i]->time);
  }
  stirred_.hub = hub_.is_up() && wake(hub_.world(), hub_.time);
  stirred_.tills = wake(tills_.world(), tills_.time());
  return true;
}

bool Chain::run_until(const std::function<bool()>& done, Timeline::Duration latest) {
  stir_all();
  while (!done()) {
    if (time_.now() > latest || !trace_.violations().empty() || !step()) return false;
  }
  return true;
}

bool Chain::is_settled() {
  if (troubled_ || !tills_.done() || !hub_.is_up()) return false;
  return std::ranges::all_of(
      stores_, [this](const auto& store) { return store->is_clone() || is_original_at_rest(*store); });
}

bool Chain::is_original_at_rest(Store& store) const {
  StoreLife* life = store.life();
  if (life == nullptr || store.fate.dead() || !life->serving() || life->queue.depth() > 0) return false;
  if (life->outbox->tail() != life->outbox->acked()) return false;
  // What a backup believes to be acknowledged is not all that the hub has.
  return scenario_.restores + scenario_.clones == 0 ||
         (!life->is_restored() && life->uplink.standing().kind == edge::uplink::Standing::Kind::streaming);
}

void Chain::settle(std::string_view what) {
  if (run_until([this] { return is_settled(); }, time_.now() + rest_max) || !trace_.violations().empty())
    return;
  std::string left(what);
  if (!tills_.done()) left += "; a till waits";
  for (const auto& store : stores_) {
    if (store->is_clone()) continue;
    StoreLife* life = store->life();
    left += "; " + store->id().str();
    left += life == nullptr
                ? " is down"
                : ": " + std::to_string(life->queue.depth()) + " to settle, hub at " +
                      std::to_string(life->outbox->acked()) + " of " + std::to_string(life->outbox->tail()) +
                      ", " + std::string(name_of(life->uplink.standing().kind));
  }
  trace_.violated("everything settles", std::move(left));
}

// ---- a run

Outcome Chain::run() {
  for (const auto& store : stores_) {
    if (!store->is_clone()) hub_.add(store->id());
  }
  plan_troubles();
  boot_hub();
  for (const auto& store : stores_) {
    if (!store->is_clone()) boot(*store);
  }
  if (scenario_.restores + scenario_.clones > 0) time_.after(look_every, [this] { look_after_stores(); });
  tills_.open();
  if (!run_until([this] { return !troubled_ && tills_.done(); }, 2 * scenario_.fault_time + rest_max))
    settle("every till is answered");
  settle("an hour after the last trouble");
  tills_.ask_again();
  settle("after every till has asked again");
  let_people_decide();
  const Timeline::Duration lapsed = time_.now() + scenario_.ttl + minutes{16};
  (void)run_until([this, lapsed] { return time_.now() >= lapsed; }, lapsed + minutes{1});
  tills_.ask_again();
  tills_.ask_for_leftovers();
  settle("after the leftovers have lapsed");
  if (trace_.violations().empty())
    audit({scenario_, trace_, provider_, hub_, stores_, tills_.sales(), figures_});
  figures_.virtual_time = std::chrono::floor<Millis>(time_.now());
  return {
      .hash = trace_.hash(), .violations = trace_.violations(), .lines = trace_.lines(), .figures = figures_};
}

/// Somebody who reads the alarms does what hub/README.md says about them.
void Chain::look_after_stores() {
  time_.after(look_every, [this] { look_after_stores(); });
  for (const auto& store : stores_) {
    if (!store->is_clone() && operator_rng_.below(2) == 0) look_after(*store);
  }
}

void Chain::look_after(Store& store) {
  std::optional<hub::stores::Store> at_hub;
  PERKLINE_ASSERT(hub_.database()
                      .read_now([&](hub::db::Transaction& transaction) -> Result<void> {
                        auto found = hub::stores::find(transaction, store.id());
                        if (!found) return failure(found);
                        at_hub = std::move(*found);
                        return {};
                      })
                      .has_value());
  const bool cloned = scenario_.clones > 0 && at_hub->fork && at_hub->fork->reason == hub::stores::cloned;
  if (cloned) stop_clones();
  StoreLife* life = store.life();
  if (life == nullptr || store.fate.dead() || !life->serving()) return;
  if (life->uplink.standing().kind != edge::uplink::Standing::Kind::stopped) return;
  // Which of the two is the right one has been found out by now.
  if (scenario_.clones > 0) stop_clones();
  std::uint64_t epoch = at_hub->cursor.epoch;
  if (epoch <= life->outbox->epoch()) {
    PERKLINE_ASSERT(
        hub_.database()
            .write_now([&](hub::db::Transaction& transaction) -> Result<void> {
              auto begun = hub::stores::begin_epoch(
                  transaction, store.id(),
                  {.by = std::string(operator_name), .reason = "restored", .now = hub_.time.wall});
              if (!begun) return failure(begun);
              epoch = begun->store.cursor.epoch;
              return {};
            })
            .has_value());
    ++figures_.epochs;
    trace_.note(store.name(), "is granted an epoch", std::to_string(epoch));
  }
  life->world->spawn(adopt(*life, epoch));
}

/// Where that fails it is tried again at the next look.
Task<void> Chain::adopt(StoreLife& life, std::uint64_t epoch) {
  (void)co_await life.uplink.adopt(epoch);
}

std::vector<SessionId> Chain::reviews(Store& store) {
  if (store.is_clone()) return {};
  const auto page = store.life()->sessions.reviews("", 10'000);
  PERKLINE_ASSERT(page.has_value());
  return page->ids;
}

template <class Decide>
void Chain::decide_all(Decide decide) {
  const auto waiting = std::make_shared<std::size_t>(0);
  for (const auto& store : stores_) {
    for (const SessionId& id : reviews(*store)) {
      ++*waiting;
      store->life()->world->spawn(into(decide(*store, id), waiting));
    }
  }
  (void)run_until([waiting] { return *waiting == 0; }, time_.now() + minutes{1});
}

/// A sale is left to a person only for a reason that calls for one; then every one is tried again, and
/// closed if PDI still says no. What came out of a backup may have been settled since: PDI's own people are
/// asked first.
void Chain::let_people_decide() {
  if (!trace_.violations().empty()) return;
  std::set<SessionId> settled_since;
  for (const auto& store : stores_) {
    for (const SessionId& id : reviews(*store)) {
      const auto session = store->life()->sessions.find(id);
      PERKLINE_ASSERT(session && *session);
      ++figures_.reviews;
      if (store->restores > 0 && provider_.has_booked((*session)->transaction)) settled_since.insert(id);
      trace_.check(
          store->restores > 0 || provider_.has_refused((*session)->transaction) || (*session)->attempts > 5,
          "a sale goes to a person only if PDI has refused it or never booked it",
          (*session)->transaction.str() + ": " + (*session)->reason);
    }
  }
  for (TillSale& sale : tills_.sales())
    sale.forgotten = sale.forgotten || settled_since.contains(sale.session);
  decide_all([&](Store& store, const SessionId& id) {
    return settled_since.contains(id)
               ? store.life()->queue.discard(id, "PDI has booked it", std::string(operator_name))
               : store.life()->queue.retry(id, std::string(operator_name));
  });
  settle("after people have tried again");
  tills_.ask_again();
  settle("after every till has asked again");
  if (!trace_.violations().empty()) return;
  for (TillSale& sale : tills_.sales()) {
    if (stores_[sale.plan.store]->is_clone()) continue;
    const auto session = stores_[sale.plan.store]->life()->sessions.find(sale.session);
    sale.discarded = session && *session && (*session)->status == Status::review;
    if (sale.discarded) ++figures_.discarded;
  }
  decide_all([](Store& store, const SessionId& id) {
    return store.life()->queue.discard(id, "PDI does not want it", std::string(operator_name));
  });
  settle("after people have closed what is left");
}

Plant plant_under_way() {
  return current_plant;
}

Outcome run(const Scenario& scenario, bool keep_lines) {
  current_plant = scenario.plant;
  ops::set_log_level(ops::Level::error);
  return Chain(scenario, keep_lines).run();
}

}  // namespace perkline::simulation
