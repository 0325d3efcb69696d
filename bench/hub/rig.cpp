#include "bench/hub/rig.hpp"

#include "bench/measure/process.hpp"

namespace perkline::bench {

std::string_view name_of(hub::db::Engine engine) {
  return engine == hub::db::Engine::sqlite ? "sqlite" : "postgresql";
}

std::string scenario_name(std::string_view scenario, hub::db::Engine engine) {
  std::string name(scenario);
  if (engine != hub::db::Engine::sqlite) name += '-' + std::string(name_of(engine));
  return name;
}

Result<Databases> Databases::open(const MeasureOptions& options, hub::db::Engine engine) {
  Databases databases;
  if (engine == hub::db::Engine::sqlite) return databases;
  // As a small server of its own would have it. Whatever makes a commit durable stays on, but where nothing
  // is to be believed.
  auto server = PostgresServer::start(
      {.fsync = !options.quick,
       .settings = {"shared_buffers=512MB", "max_wal_size=4GB", "checkpoint_completion_target=0.9"}});
  if (!server) return failure(server);
  databases.server_.emplace(std::move(*server));
  return databases;
}

std::string Databases::fresh_url() {
  return server_ ? server_->url("bench_" + std::to_string(++made_)) : "";
}

Result<HubRig> HubRig::start(const MeasureOptions& options, const std::string& name, Databases& databases,
                             int core) {
  const OnCore on(core);
  // Nobody is there to be asked, as there are no stores.
  auto fleet = Fleet::start({.bin_dir = options.bin_dir,
                             .state_dir = options.state_dir / name,
                             .edges = 0,
                             .database_url = databases.fresh_url(),
                             .pdi_url = "http://127.0.0.1:9"});
  if (!fleet) return failure(fleet);
  return HubRig(std::move(*fleet), databases.pid());
}

}  // namespace perkline::bench
