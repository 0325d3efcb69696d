#include <csignal>

#include "edge/daemon_impl.hpp"
#include "edge/reload.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/supervision.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/systemd_notify.hpp"

namespace perkline::edge {

using ops::Level;

Task<void> Daemon::Impl::start_up() {
  outcome_ = co_await serve();
  if (!outcome_) reactor_.stop();
}

/// Every sale in doubt is found before the first till is served.
Task<Result<void>> Daemon::Impl::serve() {
  build_restoration();
  if (auto held = co_await restoration_->start(); !held) co_return held;
  if (auto found = queue_->start(); !found) co_return found;
  if (auto found = co_await programme_->start(); !found) co_return found;
  if (auto read = terminals_.reload(); !read) co_return read;

  server_.emplace(reactor_, api_options(config_.api), router_,
                  api::make_guard(terminals_, terminal_rate_, reactor_.clock()),
                  [this](const net::Answered& answered) { telemetry_.on_answer(answered); });
  control_.emplace(reactor_,
                   net::HttpServerOptions{.listen = "", .unix_socket = control_socket(config_.data_dir)},
                   control_router_, control_guard());
  ops_port_.emplace(config_.ops.listen, "perkline-edge " + config_.store_id, health_, metrics_);
  for (auto* server : {&*server_, &*control_}) {
    if (auto started = server->start(); !started) co_return started;
  }
  if (auto started = ops_port_->start(); !started) co_return started;

  reactor_.spawn(queue_->run());
  reactor_.spawn(keeper_->run());
  reactor_.spawn(telemetry_.run(*journal_, *outbox_, *store_));
  if (hub_) hub_->start();
  reactor_.spawn(jobs_->run());
  reactor_.spawn(restoration_->run());
  reactor_.spawn(programme_->run());
  ops::log(Level::info, "daemon", "ready",
           {{"storeId", config_.store_id},
            {"version", PERKLINE_VERSION},
            {"apiPort", static_cast<std::int64_t>(server_->port())},
            {"opsPort", static_cast<std::int64_t>(ops_port_->port())},
            {"queueDepth", static_cast<std::int64_t>(queue_->depth())}});
  ops::systemd::ready(status_line());
  reactor_.spawn(net::report_to_systemd(reactor_.clock(), health_, [this] { return status_line(); }));
  co_return Result<void>{};
}

void Daemon::Impl::on_signal(int number) {
  if (number == SIGHUP) {
    if (!draining_) reload();
  } else if (draining_ || !server_) {
    reactor_.stop();
  } else {
    draining_ = true;
    reactor_.spawn(drain());
  }
}

Task<void> Daemon::Impl::drain() {
  ops::log(Level::info, "daemon", "draining");
  ops::systemd::stopping();
  const MonoTime deadline = reactor_.clock().mono_now() + limits::drain_timeout;
  jobs_->stop();
  programme_->stop();
  co_await server_->drain(deadline);
  co_await control_->drain(deadline);
  co_await jobs_->drain(deadline);
  co_await queue_->drain(deadline);
  restoration_->stop();
  if (hub_) hub_->stop();
  ops::log(Level::info, "daemon", "stopped");
  reactor_.stop();
}

void Daemon::Impl::reload() {
  ops::systemd::reloading(reactor_.clock());
  take_over();
  ops::systemd::ready(status_line());
}

/// All of what is without faults, or nothing.
void Daemon::Impl::take_over() {
  const auto fresh = read_config(config_path_);
  if (!fresh) {
    for (const FieldFault& fault : fresh.error().faults) {
      ops::log(Level::error, "daemon", "the configuration has a fault; the old one stays",
               {{"file", fault.file.empty() ? config_path_ : fault.file},
                {"key", fault.field},
                {"reason", fault.message}});
    }
    return;
  }
  if (const auto read = terminals_.reload(); !read) {
    ops::log(Level::error, "daemon", "the terminals' file cannot be read; the old configuration stays",
             {{"error", read.error().detail}});
    return;
  }
  const ConfigChange change = change_of(config_, *fresh);
  config_ = taken_over(std::move(config_), *fresh);
  ops::set_log_level(*ops::level_named(config_.log.level));
  ops::set_log_format(config_.log.format == "json");
  terminal_rate_ = terminal_rate(config_.api);
  flows_->set_standin(standin_of(config_));
  for (const std::string& key : change.at_once)
    ops::log(Level::info, "daemon", "a setting has changed", {{"key", key}});
  for (const std::string& key : change.at_start)
    ops::log(Level::warn, "daemon", "a setting has changed that the next start puts into effect",
             {{"key", key}});
  put_rules_in_force();
  ops::log(Level::info, "daemon", "configuration read again",
           {{"logLevel", config_.log.level}, {"rulesVersion", rules_.now()->rewards.version}});
}

/// The hub's, which staff have signed for; where it has none, the file's or the built-in ones.
void Daemon::Impl::put_rules_in_force() {
  const bool by_hub = hub_ && hub_->rules();
  const rules::ChainRules& fresh = by_hub ? *hub_->rules() : config_.standin.rules;
  const auto old = rules_.now();
  const bool same = rules::same_content(fresh, *old);
  if (fresh.rewards.version == old->rewards.version && same) return;
  if (fresh.rewards.version == old->rewards.version) {
    ops::log(Level::warn, "daemon", "the rules have changed under the version they had",
             {{"rulesVersion", fresh.rewards.version}});
  }
  rules_.use(fresh);
  ops::log(Level::info, "daemon", "other rules are in force",
           {{"rulesVersion", fresh.rewards.version}, {"from", by_hub ? "hub" : "store"}});
}

StatusReport Daemon::Impl::status() const {
  const auto& granted = outbox_->granted();
  const programme::SeedStanding seeds = programme_->seeds();
  return {.store = StoreId(config_.store_id),
          .running = true,
          .uptime = std::chrono::duration_cast<seconds>(system_clock_.mono_now() - started_),
          .epoch = outbox_->epoch(),
          .tail = outbox_->tail(),
          .acked = outbox_->acked(),
          .queue_depth = queue_->depth(),
          .in_review = store_->review_count(),
          .breaker = std::string(name_of(guard_->state())),
          .hub = std::string(hub_ ? name_of(hub_->standing().kind) : "none"),
          .hub_reason = hub_ ? hub_->standing().reason : "",
          .granted_epoch = granted ? std::optional(granted->epoch) : std::nullopt,
          .wheel_seeds = seeds.left,
          .wheel_trouble = std::string(seeds.trouble),
          .settlement_held = restoration_ && restoration_->holds_settlement()};
}

/// For people who ask systemd.
std::string Daemon::Impl::status_line() const {
  if (draining_) return "draining";
  const StatusReport now = status();
  return std::to_string(now.queue_depth) + " sales await PDI, " + std::to_string(now.in_review) +
         " a person; circuit breaker " + now.breaker + "; hub " + now.hub;
}

/// Its tail and what is held are filled in where it is sent.
sync::Status Daemon::Impl::hub_status() const {
  return {.breaker = std::string(name_of(guard_->state())),
          .queue_depth = queue_->depth(),
          .version = PERKLINE_VERSION};
}

}  // namespace perkline::edge
