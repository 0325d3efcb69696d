#pragma once

#include <memory>
#include <optional>
#include <string>

#include "edge/api/terminals.hpp"
#include "edge/backups.hpp"
#include "edge/control.hpp"
#include "edge/daemon.hpp"
#include "edge/hub_side.hpp"
#include "edge/jobs/jobs.hpp"
#include "edge/journal/journal_rocks.hpp"
#include "edge/pdi_queue/pdi_queue.hpp"
#include "edge/pdi_queue/restoration.hpp"
#include "edge/programme/programme.hpp"
#include "edge/session/flows.hpp"
#include "edge/storage_keeper.hpp"
#include "edge/telemetry.hpp"
#include "edge/wiring.hpp"
#include "pdi_client/guard.hpp"
#include "pdi_client/pdi_http.hpp"
#include "shared/net/http_server.hpp"
#include "shared/net/ops_port.hpp"

namespace perkline::edge {

/// Members in the order in which they stand on one another. The reactor goes last but for what its suspended
/// coroutines refer to while they are destroyed.
class Daemon::Impl {
 public:
  Impl(EdgeConfig config, std::string config_path)
      : config_(std::move(config)),
        config_path_(std::move(config_path)),
        health_(system_clock_),
        telemetry_(metrics_, health_, reactor_.clock()),
        uuids_(reactor_.clock(), rng_),
        locks_(reactor_.clock()),
        terminals_(config_.api.terminals_file, reactor_.clock()),
        terminal_rate_(terminal_rate(config_.api)),
        rules_(config_.standin.rules),
        started_(reactor_.clock().mono_now()) {}

  Result<void> run();

 private:
  // daemon.cpp: puts the parts together.
  Result<void> open_journal();
  Result<void> open_pdi();
  Result<void> open_hub();
  void build_flows();
  void build_jobs(const session::Ports& ports, const pdi_queue::Gate& gate);
  void build_restoration();
  Task<Result<journal::Adopted>> adopt(std::uint64_t epoch);
  pdi_queue::AskHub ask_hub();
  session::Ports flow_ports();

  // daemon_life.cpp: from the start to the end, and what is told meanwhile.
  Task<void> start_up();
  Task<Result<void>> serve();
  void on_signal(int number);
  Task<void> drain();
  void reload();
  void take_over();
  void put_rules_in_force();
  StatusReport status() const;
  std::string status_line() const;
  sync::Status hub_status() const;

  EdgeConfig config_;
  std::string config_path_;
  SystemClock system_clock_;
  SystemRng rng_;
  ops::Metrics metrics_;
  ops::Health health_;
  net::Reactor reactor_;
  Telemetry telemetry_;
  UuidMaker uuids_;
  net::KeyedLock locks_;
  api::Terminals terminals_;
  RateLimiter terminal_rate_;
  standin::RulesInForce rules_;
  MonoTime started_;
  std::unique_ptr<journal::JournalRocks> journal_;
  std::unique_ptr<journal::Outbox> outbox_;
  std::optional<StorageKeeper> keeper_;
  std::optional<Backups> backups_;
  std::unique_ptr<pdi::Pdi> pdi_;
  std::optional<pdi::Guard> guard_;
  std::optional<session::SessionStore> store_;
  std::optional<standin::Members> members_;
  std::optional<session::SessionWriter> writer_;
  std::optional<session::Finalizer> finalizer_;
  std::optional<pdi_queue::PdiQueue> queue_;
  std::optional<pdi_queue::Restoration> restoration_;
  std::optional<session::Flows> flows_;
  std::optional<programme::Programme> programme_;
  std::optional<jobs::Jobs> jobs_;
  std::unique_ptr<HubSide> hub_;
  net::Router router_;
  net::Router control_router_;
  std::optional<net::HttpServer> server_;
  std::optional<net::HttpServer> control_;
  std::optional<net::OpsPort> ops_port_;
  bool draining_ = false;
  Result<void> outcome_;
};

}  // namespace perkline::edge
