#include "tests/simulation/chain.hpp"

#include <algorithm>

#include "hub/stores/stores.hpp"
#include "shared/core/assert.hpp"
#include "shared/ops/log.hpp"
#include "tests/simulation/audit.hpp"

namespace perkline::simulation {
namespace {

using edge::session::Status;

/// By then everything must have come to rest once nothing goes wrong any more.
constexpr minutes rest_max{60};

Plant current_plant = Plant::none;

std::vector<std::unique_ptr<Store>> make_stores(const Surroundings& around) {
  std::vector<std::unique_ptr<Store>> stores;
  for (std::size_t number = 1; number <= around.scenario.stores; ++number)
    stores.push_back(std::make_unique<Store>(around, StoreId("store-" + std::to_string(number))));
  for (std::size_t number = 0; number < around.scenario.clones; ++number)
    stores.push_back(std::make_unique<Store>(around, stores[number]->id(), Store::Clone{}));
  return stores;
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
  spins += more.spins;
  web_spins += more.web_spins;
  leased += more.leased;
  leases_returned += more.leases_returned;
  claims += more.claims;
  refused_claims += more.refused_claims;
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
      tills_(scenario_, time_, trace_, stores_),
      programme_({scenario_, time_, trace_, hub_, tills_}) {}

Chain::~Chain() = default;

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
  programme_.open();
  plan_troubles();
  programme_.plan();
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
    audit({scenario_, trace_, provider_, hub_, stores_, tills_.sales(), programme_, figures_});
  figures_.virtual_time = std::chrono::floor<Millis>(time_.now());
  return {
      .hash = trace_.hash(), .violations = trace_.violations(), .lines = trace_.lines(), .figures = figures_};
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
