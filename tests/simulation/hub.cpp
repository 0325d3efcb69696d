#include "tests/simulation/hub.hpp"

#include "hub/clock/vouched_time.hpp"
#include "hub/db/migrate.hpp"
#include "hub/identity/secret.hpp"
#include "hub/stores/stores.hpp"
#include "hub/wheel/lease_id.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "tests/simulation/planted_parts.hpp"

namespace perkline::simulation {
namespace {

constexpr Millis write_time{2};
/// Seldom, as most of a run is waiting.
constexpr Millis look_every{10'000};

/// A new database, which every seed begins with: to make one takes longer than some seeds.
hub::db::SqliteInline& new_database() {
  static const auto made = [] {
    auto database = hub::db::SqliteInline::open(":memory:").value();
    test::VirtualTime time;
    test::SimWorld world(time);
    SeededRng rng(1);
    UuidMaker uuids(world.clock(), rng);
    PERKLINE_ASSERT(test::run_task(world, hub::db::migrate(*database, world.clock(), uuids)).has_value());
    // Made here, or each run would name tills' members, and leases, by another one.
    const auto secret = database->write_now([&rng](hub::db::Transaction& transaction) -> Result<void> {
      for (const auto name : {hub::wheel::member_secret, hub::wheel::lease_secret}) {
        auto made = hub::identity::load_or_make_secret(transaction, std::string(name), rng);
        if (!made) return failure(made);
      }
      return {};
    });
    PERKLINE_ASSERT(secret.has_value());
    return database;
  }();
  return *made;
}

}  // namespace

Task<Result<void>> WatchedDatabase::write(std::function<Result<void>(hub::db::Transaction&)> work) {
  co_await clock_.sleep(write_time);
  if (fate_.strikes("before a write")) {
    co_await wait_for_ever();
    co_return fail(Errc::cancelled);
  }
  auto written = plant_ == Plant::cursor_in_its_own_write ? write_cursor_first(database_, fate_, work)
                                                          : database_.write_now(work);
  if (fate_.strikes("after a write")) co_await wait_for_ever();
  co_return written;
}

HubLife::HubLife(Hub& hub, std::uint64_t seed)
    : world(std::make_unique<test::SimWorld>(hub.time)),
      rng(seed),
      uuids(world->clock(), rng),
      database(*hub.database_, world->clock(), hub.fate, hub.plant_),
      guard(world->clock()),
      link(hub.line_.server(hub.fate)),
      downlink(
          {.database = database,
           .clock = world->clock(),
           .uuids = uuids,
           .key = hub.key_,
           .send = [this](const StoreId& store, std::string frame) { link->send(store, std::move(frame)); },
           .look_every = look_every}),
      supply({.database = database, .clock = world->clock(), .ids = uuids, .rng = rng}),
      ingest(database, world->clock(), rng, {}, {}, down(*hub.key_)),
      server(*link, ingest) {
  world->spawn(serve(hub.has_programme_));
}

hub::ingest::Down HubLife::down(const sync::SigningKey& key) {
  return {.signing_key = key.public_key(),
          .heard =
              [this](const StoreId& store, const sync::Held& held, const std::optional<Uuid>& boot) {
                if (held.lease_holder) supply.heard(store, *held.lease_holder);
                downlink.heard(store, held, boot);
              },
          .prizes_used = [this](const StoreId& store) { supply.used(store); }};
}

Task<void> HubLife::serve(bool has_programme) {
  if (has_programme) {
    PERKLINE_ASSERT((co_await hub::clock::look(database, guard)).has_value());
    PERKLINE_ASSERT((co_await hub::wheel::keep_seeds(database, world->clock(), guard, rng)).has_value());
    world->spawn(supply.run());
  }
  world->spawn(downlink.run());
  world->spawn(server.run());
}

Hub::Hub(const Scenario& scenario, Trace& trace, HubLine& line)
    : fate("hub", trace, derived_seed(scenario.seed, "hub dies"),
           // A sale makes the hub call its ports some six times, and it looks for what is to go down.
           scenario.hub_deaths / (6.0 * static_cast<double>(scenario.sales) +
                                  static_cast<double>(scenario.fault_time / look_every))),
      has_programme_(scenario.promotions > 0),
      plant_(scenario.plant),
      trace_(trace),
      line_(line),
      rng_(derived_seed(scenario.seed, "hub")),
      key_(sync::SigningKey::of_secret(std::string(64, '7')).value()),
      database_(hub::db::SqliteInline::copy_in_memory(new_database()).value()) {}

Hub::~Hub() = default;

void Hub::add(const StoreId& store) {
  const std::string key = to_hex(store.str()) + std::string(64 - 2 * store.str().size(), '0');
  PERKLINE_ASSERT(database_
                      ->write_now([&](hub::db::Transaction& transaction) {
                        return hub::stores::add(transaction, store, key, time.wall);
                      })
                      .has_value());
}

void Hub::boot() {
  fate.revive();
  time.mono = MonoTime(hours{1 + static_cast<std::int64_t>(rng_.below(1000))});
  life_ = std::make_unique<HubLife>(*this, rng_.next());
  trace_.note("hub", "boots");
}

void Hub::power_off() {
  life_.reset();
}

test::SimWorld& Hub::world() {
  return *life_->world;
}

}  // namespace perkline::simulation
