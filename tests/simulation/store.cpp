#include "tests/simulation/store.hpp"

#include "edge/journal/restored.hpp"
#include "shared/core/assert.hpp"

namespace perkline::simulation {
namespace {

using edge::session::PdiTimeouts;
using edge::session::StandIn;

pdi::PdiHttpOptions http_options(const Scenario& scenario) {
  return {.url = "https://pdi",
          .token_url = "https://pdi/oauth/token",
          .client_id = "store",
          .client_secret = "secret",
          .ca_file = {},
          .max_in_flight = scenario.max_in_flight};
}

StandIn standin_of(const Scenario& scenario) {
  return {.enabled = scenario.standin,
          .deadline = scenario.standin_deadline,
          .limits = {.member_day = Points{scenario.member_day}, .store_day = Points{scenario.store_day}}};
}

std::unique_ptr<edge::journal::Outbox> opened(edge::journal::Journal& journal, const StoreId& store) {
  auto outbox = edge::journal::Outbox::open(journal, store);
  PERKLINE_ASSERT(outbox.has_value());
  return std::move(*outbox);
}

/// `ports`, by other clocks where that is planted.
edge::session::Ports settlement_ports(const edge::session::Ports& ports, net::AsyncClock& wall, Plant plant) {
  return {.store = ports.store,
          .members = ports.members,
          .rules = ports.rules,
          .pdi = ports.pdi,
          .settlement = ports.settlement,
          .clock = plant == Plant::wall_clock_timers ? wall : ports.clock,
          .locks = ports.locks,
          .uuids = ports.uuids};
}

}  // namespace

StoreLife::StoreLife(const Surroundings& around, const Home& home, std::uint64_t seed)
    : world(std::make_unique<test::SimWorld>(home.time)),
      rng(seed),
      uuids(world->clock(), rng),
      disk_journal(home.disk, world->clock()),
      hasty_journal(home.disk, disk_journal, world->clock()),
      journal(around.scenario.plant == Plant::ack_before_sync
                  ? static_cast<edge::journal::Journal&>(hasty_journal)
                  : disk_journal,
              home.fate, home.redemptions, around.scenario.plant),
      outbox(opened(journal, home.store)),
      sessions(journal, *outbox),
      http({.clock = world->clock(),
            .rng = rng,
            .calls = around.provider.calls_from({home.name, world->clock(), home.fate}),
            .tokens = around.provider.tokens_from({home.name, world->clock(), home.fate})},
           http_options(around.scenario)),
      calls(http, around.trace, home.name),
      guard(calls, world->clock(), rng,
            {.on_change = [&trace = around.trace, store = home.name](
                              pdi::BreakerState,
                              pdi::BreakerState to) { trace.note(store, "breaker", name_of(to)); }}),
      tills(around.scenario.plant == Plant::past_the_breaker ? static_cast<pdi::Pdi&>(calls) : guard.tills(),
            {till_mark, guard, calls, world->clock(), around.trace, home.name, around.scenario.plant}),
      settlement(guard.settlement(),
                 {"", guard, calls, world->clock(), around.trace, home.name, around.scenario.plant}),
      locks(world->clock()),
      members(journal),
      rules({}),
      ports{.store = sessions,
            .members = members,
            .rules = rules,
            .pdi = tills,
            .settlement = settlement,
            .clock = world->clock(),
            .locks = locks,
            .uuids = uuids},
      writer(ports, "UTC"),
      finalizer(ports, writer, around.scenario.standin),
      wall_timers(world->clock()),
      queue({.quiet = around.scenario.quiet, .known_max = around.scenario.queue_known_max},
            settlement_ports(ports, wall_timers, around.scenario.plant), writer, finalizer,
            {.open_at = [this] { return guard.open_at(); },
             .is_closed = [this] { return guard.is_closed(); },
             .may_retry = [this] { return guard.take_settlement_retry(); },
             .is_held = [this] { return restoration.holds_settlement(); }},
            rng),
      flows({.store = home.store,
             .currency = *find_currency("USD"),
             .ttl = around.scenario.ttl,
             .standin = standin_of(around.scenario),
             .room =
                 [&disk = home.disk] {
                   return disk.full ? edge::journal::Room::none : edge::journal::Room::ample;
                 },
             .restored_at = edge::journal::last_restored_at(journal)},
            ports, writer, finalizer,
            [this](const SessionId& id, MonoTime last_byte) { queue.add(id, last_byte); }),
      programme({.ports = ports,
                 .flows = flows,
                 .writer = writer,
                 .journal = journal,
                 .outbox = *outbox,
                 .store = home.store}),
      link(around.line.link_of(home.store, world->clock(), home.fate)),
      downlink(opened_downlink(home.store)),
      uplink(*link, *outbox, world->clock(),
             {.store = home.store,
              .boot_id = uuids.next(),
              .status = [this] { return status(); },
              .down = [this](sync::Frame frame) { return hear(std::move(frame)); }}),
      restoration(
          ports, journal, writer,
          [this](std::vector<SessionId> asked, MonoTime deadline) {
            return uplink.ask(std::move(asked), deadline);
          },
          [this](const SessionId& id) { queue.add(id, world->clock().mono_now()); }) {
  calls.watch(guard);
  use(downlink->catalogue());
  programme.connect(
      {.send = [this](const sync::Frame& frame) { uplink.tell(frame); },
       .is_up = [this] { return uplink.standing().kind == edge::uplink::Standing::Kind::streaming; },
       .is_forked = [this] { return uplink.standing().is_forked; }});
  world->spawn(serve());
}

std::unique_ptr<edge::downlink::Downlink> StoreLife::opened_downlink(const StoreId& store) {
  auto opened = edge::downlink::Downlink::open(
      {.journal = journal,
       .outbox = *outbox,
       .members = members,
       .clock = world->clock(),
       .store = store,
       .tell = [this] { uplink.tell_status(); },
       .on_catalogue = [this](const sync::Catalogue& catalogue) { use(catalogue); }});
  PERKLINE_ASSERT(opened.has_value());
  return std::move(*opened);
}

void StoreLife::use(const sync::Catalogue& catalogue) {
  programme.use(catalogue, downlink->held().catalogue.has_value());
}

Task<void> StoreLife::hear(sync::Frame frame) {
  if (!programme.hear(frame)) co_await downlink->hear(std::move(frame));
}

sync::Status StoreLife::status() const {
  sync::Status status{
      .breaker = std::string(name_of(guard.state())), .queue_depth = queue.depth(), .version = "simulation"};
  status.held = downlink->held();
  status.held->lease_holder = programme.lease_holder();
  return status;
}

Task<void> StoreLife::serve() {
  PERKLINE_ASSERT((co_await restoration.start()).has_value());
  PERKLINE_ASSERT(queue.start().has_value());
  PERKLINE_ASSERT((co_await programme.start()).has_value());
  world->spawn(queue.run());
  world->spawn(uplink.run());
  world->spawn(restoration.run());
  world->spawn(programme.run());
  serving_ = true;
}

bool StoreLife::is_restored() const {
  const auto restored = edge::journal::read_restored(journal);
  PERKLINE_ASSERT(restored.has_value());
  return restored->has_value();
}

StoreLife::~StoreLife() {
  world.reset();
}

std::optional<edge::session::Session> StoreLife::session_named(const TransactionId& transaction) const {
  auto found = sessions.find(transaction);
  PERKLINE_ASSERT(found.has_value());
  if (!*found) return std::nullopt;
  auto* session = std::get_if<edge::session::Session>(&**found);
  if (session == nullptr) return std::nullopt;
  return std::move(*session);
}

Store::Store(const Surroundings& around, StoreId id) : Store(around, id, id.str()) {}
Store::Store(const Surroundings& around, StoreId id, Clone /*clone*/)
    : Store(around, id, id.str() + "-clone") {}

Store::Store(const Surroundings& around, StoreId id, std::string name)
    : fate(name, around.trace, derived_seed(around.scenario.seed, name + " dies"),
           // A sale makes a store call its ports some forty times.
           around.scenario.store_deaths / (40.0 * static_cast<double>(around.scenario.sales) /
                                           static_cast<double>(around.scenario.stores))),
      around_(around),
      id_(std::move(id)),
      name_(std::move(name)),
      rng_(derived_seed(around.scenario.seed, name_)) {
  disk_.sync_time = around.scenario.sync_time;
}

Store::~Store() = default;

void Store::boot() {
  ++boots_;
  fate.revive();
  // Nothing durable may depend on what a steady clock said before.
  time.mono = MonoTime(hours{1 + static_cast<std::int64_t>(rng_.below(1000))});
  life_ = std::make_unique<StoreLife>(
      around_,
      StoreLife::Home{
          .store = id_, .name = name_, .time = time, .disk = disk_, .redemptions = redemptions, .fate = fate},
      rng_.next());
  around_.trace.note(name_, "boots");
}

void Store::fill_disk(bool full) {
  disk_.full = full;
  fills += full ? 1 : 0;
  around_.trace.note(name_, full ? "disk is full" : "disk has room");
}

void Store::back_up() {
  backup_ = {.disk = disk_, .at = around_.time.now(), .made_at = time.wall};
  around_.trace.note(name_, "is backed up");
}

/// As `perkline-edge restore` does.
void Store::restore() {
  const Millis sync_time = disk_.sync_time;
  const bool full = disk_.full;
  disk_ = backup_->disk;
  disk_.full = false;
  test::VirtualTime time_of_the_tool;
  test::SimWorld world(time_of_the_tool);
  edge::journal::JournalMemory journal(disk_, world.clock());
  edge::journal::Batch mark;
  edge::journal::put(mark, {.backed_up_at = backup_->made_at, .restored_at = time.wall});
  bool done = false;
  world.spawn([](edge::journal::Journal& to, edge::journal::Batch batch, bool& over) -> Task<void> {
    co_await to.commit(std::move(batch));
    over = true;
  }(journal, std::move(mark), done));
  PERKLINE_ASSERT(world.run_until([&done] { return done; }));
  disk_.sync_time = sync_time;
  disk_.full = full;
  ++restores;
  restore_due = false;
  around_.trace.note(name_, "is restored");
}

void Store::power_off() {
  life_->disk_journal.crash(rng_);
  life_.reset();
}

}  // namespace perkline::simulation
