#include "tests/simulation/hub.hpp"

#include "hub/db/migrate.hpp"
#include "hub/stores/stores.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "tests/simulation/planted_parts.hpp"

namespace perkline::simulation {
namespace {

constexpr Millis write_time{2};

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

Hub::Life::Life(Hub& hub, std::uint64_t seed)
    : world(std::make_unique<test::SimWorld>(hub.time)),
      rng(seed),
      database(*hub.database_, world->clock(), hub.fate, hub.plant_),
      ingest(database, world->clock(), rng),
      link(hub.line_.server(hub.fate)),
      server(*link, ingest) {
  world->spawn(server.run());
}

Hub::Hub(const Scenario& scenario, Trace& trace, HubLine& line)
    : fate("hub", trace, derived_seed(scenario.seed, "hub dies"),
           // A sale makes the hub call its ports some six times.
           scenario.hub_deaths / (6.0 * static_cast<double>(scenario.sales))),
      plant_(scenario.plant),
      trace_(trace),
      line_(line),
      rng_(derived_seed(scenario.seed, "hub")),
      database_(std::move(hub::db::SqliteInline::open(":memory:").value())) {
  test::SimWorld world(time);
  UuidMaker uuids(world.clock(), rng_);
  PERKLINE_ASSERT(test::run_task(world, hub::db::migrate(*database_, world.clock(), uuids)).has_value());
}

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
  life_ = std::make_unique<Life>(*this, rng_.next());
  trace_.note("hub", "boots");
}

void Hub::power_off() {
  life_.reset();
}

test::SimWorld& Hub::world() {
  return *life_->world;
}

}  // namespace perkline::simulation
