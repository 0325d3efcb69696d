#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "hub/api/hub_api.hpp"
#include "hub/config.hpp"
#include "shared/net/router.hpp"
#include "shared/net/task.hpp"

namespace perkline::hub {

/// The hub as a process: reactor, database, HTTP API, ops port, and the stores' end of the sync.
class Daemon {
 public:
  /// `config_path` is read again on SIGHUP.
  Daemon(HubConfig config, std::string config_path);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  /// Serves until SIGTERM or SIGINT, drains, and returns the process's exit code.
  int run();

 private:
  struct Serving;

  Task<void> start();
  Task<Result<void>> bring_up();
  Result<void> open_database();
  /// All that the database has to give before the hub can serve.
  Task<Result<void>> prepare();
  /// Serves /health, and 503 elsewhere, until the database is there.
  Task<Result<void>> wait_for_database();
  /// The same beside a prepare() that goes on, such as a long migration or another hub's.
  Task<void> serve_closed_if_it_takes_long();
  Result<void> serve_closed();
  /// Ends the process.
  void give_up(const Error& error);
  Task<Result<void>> migrate_database();
  Task<Result<void>> load_secrets();
  void start_mail();
  api::HubApi::Options api_options() const;
  Result<void> open_ports();
  /// Makes the server, or has the one there is serve these instead.
  Result<void> serve_http(const net::Router& router, net::Guard guard);
  Result<void> open_ops();
  Task<void> drain();
  Task<void> drain_events();
  void on_signal(int number);
  void choose_provider();
  void tell_systemd();
  /// For people who ask systemd.
  std::string status_line() const;

  HubConfig config_;
  const std::string config_path_;
  int exit_code_;
  std::atomic<bool> ready_ = false;  ///< Read on the ops port's thread too.
  bool draining_ = false;
  std::unique_ptr<Serving> serving_;
};

}  // namespace perkline::hub
