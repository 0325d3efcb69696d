#include "edge/daemon.hpp"

#include <csignal>
#include <filesystem>
#include <optional>
#include <sys/stat.h>

#include "edge/api/programme_routes.hpp"
#include "edge/api/routes.hpp"
#include "edge/api/terminals.hpp"
#include "edge/backups.hpp"
#include "edge/control.hpp"
#include "edge/hub_side.hpp"
#include "edge/jobs/jobs.hpp"
#include "edge/jobs/successes.hpp"
#include "edge/journal/journal_rocks.hpp"
#include "edge/journal/restored.hpp"
#include "edge/log_key.hpp"
#include "edge/pdi_queue/pdi_queue.hpp"
#include "edge/pdi_queue/restoration.hpp"
#include "edge/programme/programme.hpp"
#include "edge/reload.hpp"
#include "edge/session/flows.hpp"
#include "edge/storage_keeper.hpp"
#include "edge/telemetry.hpp"
#include "edge/wiring.hpp"
#include "pdi_client/guard.hpp"
#include "pdi_client/pdi_http.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/http_server.hpp"
#include "shared/net/ops_port.hpp"
#include "shared/net/supervision.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/systemd_notify.hpp"

namespace perkline::edge {
namespace {

using ops::Level;

/// Made for the daemon alone; one that is there already stays as it is.
Result<void> make_data_folder(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error || ::mkdir(path.c_str(), S_IRWXU) != 0) return fail(Errc::io_failed, path + ": cannot be made");
  return {};
}

}  // namespace

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
  Result<void> open_journal();
  Result<void> open_pdi();
  Result<void> open_hub();
  void build_flows();
  void build_jobs(const session::Ports& ports, const pdi_queue::Gate& gate);
  void build_restoration();
  Task<Result<journal::Adopted>> adopt(std::uint64_t epoch);
  pdi_queue::AskHub ask_hub();
  session::Ports flow_ports();
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

Result<void> Daemon::Impl::open_journal() {
  if (auto made = make_data_folder(config_.data_dir); !made) return made;
  auto journal = journal::JournalRocks::open(
      reactor_, {.folder = config_.data_dir,
                 .on_sync = [this](std::chrono::nanoseconds took) { telemetry_.on_sync(took); },
                 .on_error = [this](std::string_view kind) { telemetry_.on_storage_error(kind); },
                 .reserve_bytes = static_cast<std::uint64_t>(config_.storage.reserve_mib) * limits::mib,
                 .on_hold = [this] { telemetry_.on_hold(); }});
  if (!journal) return failure(journal);
  use_log_key(config_.data_dir);
  journal_ = std::move(*journal);
  telemetry_.watch_storage(journal_->space());
  auto outbox = journal::Outbox::open(*journal_, StoreId(config_.store_id));
  if (!outbox) return failure(outbox);
  outbox_ = std::move(*outbox);
  store_.emplace(*journal_, *outbox_);
  members_.emplace(*journal_);
  backups_.emplace(reactor_, *journal_, StoreId(config_.store_id), [this](std::optional<WallTime> last) {
    telemetry_.on_job_success(jobs::backup_name, last);
  });
  keeper_.emplace(journal_->space(), *outbox_, reactor_.clock(),
                  [this] { journal_->compact(journal::Family::outbox); });
  store_->on_step([this](session::Status to) { telemetry_.on_step(to); });
  return {};
}

session::Ports Daemon::Impl::flow_ports() {
  return {.store = *store_,
          .members = *members_,
          .rules = rules_,
          .pdi = guard_->tills(),
          .settlement = guard_->settlement(),
          .clock = reactor_.clock(),
          .locks = locks_,
          .uuids = uuids_};
}

void Daemon::Impl::build_flows() {
  const session::Ports ports = flow_ports();
  session::FlowOptions options = flow_options(config_);
  options.room = [this] { return journal_->space().room(); };
  // One that cannot be read is told by the programme's start.
  options.restored_at = journal::last_restored_at(*journal_);
  writer_.emplace(ports, config_.timezone);
  finalizer_.emplace(ports, *writer_, options.standin.enabled);
  const pdi_queue::Gate gate{.open_at = [this] { return guard_->open_at(); },
                             .is_closed = [this] { return guard_->is_closed(); },
                             .may_retry = [this] { return guard_->take_settlement_retry(); },
                             .is_held = [this] { return restoration_ && restoration_->holds_settlement(); }};
  queue_.emplace(queue_options(config_), ports, *writer_, *finalizer_, gate, rng_);
  const Currency currency = options.currency;
  flows_.emplace(std::move(options), ports, *writer_, *finalizer_,
                 [this](const SessionId& id, MonoTime last_byte) { queue_->add(id, last_byte); });
  programme_.emplace(programme::Parts{.ports = ports,
                                      .flows = *flows_,
                                      .writer = *writer_,
                                      .journal = *journal_,
                                      .outbox = *outbox_,
                                      .store = StoreId(config_.store_id)},
                     telemetry_.watch_programme());
  build_jobs(ports, gate);
  api::add_routes(router_, *flows_, health_, currency);
  api::add_programme_routes(router_, programme_->spins(), programme_->claims());
  add_control_routes(control_router_, {.status = [this] { return status(); },
                                       .store = *store_,
                                       .clock = reactor_.clock(),
                                       .queue = *queue_,
                                       .guard = *guard_,
                                       .jobs = *jobs_,
                                       .backups = *backups_,
                                       .adopt = [this](std::uint64_t epoch) { return adopt(epoch); }});
}

/// In the new epoch the journal is another one to the hub: leases are granted to it anew.
Task<Result<journal::Adopted>> Daemon::Impl::adopt(std::uint64_t epoch) {
  auto adopted = co_await (hub_ ? hub_->uplink().adopt(epoch) : outbox_->adopt(epoch));
  if (!adopted) co_return adopted;
  if (auto renewed = co_await programme_->renew_holder(); !renewed) co_return failure(renewed);
  if (hub_) hub_->uplink().tell_status();
  co_return adopted;
}

void Daemon::Impl::build_jobs(const session::Ports& ports, const pdi_queue::Gate& gate) {
  jobs_.emplace(
      jobs::Parts{.ports = ports,
                  .writer = *writer_,
                  .journal = *journal_,
                  .outbox = *outbox_,
                  .gate = gate,
                  .ask_hub = ask_hub(),
                  .forget_claims =
                      [this](WallTime until, std::size_t count_max) {
                        return programme_->forget_claims(until, count_max);
                      }},
      jobs_options(config_),
      jobs::Watch{
          .on_run = [this](jobs::Job job, std::string_view result,
                           std::chrono::nanoseconds took) { telemetry_.on_job(name_of(job), result, took); },
          .on_last_success =
              [this](jobs::Job job, std::optional<WallTime> last) {
                telemetry_.on_job_success(name_of(job), last);
              },
          .on_difference = [this](std::string_view ours,
                                  std::string_view pdi) { telemetry_.on_difference(ours, pdi); }});
  jobs_->on_clear_cache([this] { return terminal_rate_.forget_idle(reactor_.clock().mono_now()); });
}

Result<void> Daemon::Impl::open_pdi() {
  pdi::PdiHttpOptions options = pdi_options(config_);
  options.on_call = [this](std::string_view call, std::string_view outcome, std::chrono::nanoseconds took) {
    telemetry_.on_pdi_call(call, outcome, took);
  };
  options.on_refresh = [this](std::string_view result) { telemetry_.on_token_refresh(result); };
  auto client = pdi::PdiHttp::make(reactor_, std::move(options));
  if (!client) return failure(client);
  telemetry_.watch_breaker("token", [http = client->get()] { return http->token_breaker(); });
  pdi_ = std::move(*client);
  guard_.emplace(*pdi_, reactor_.clock(), rng_, guard_options(config_));
  telemetry_.watch_breaker("pdi", [this] { return guard_->state(); });
  return {};
}

Result<void> Daemon::Impl::open_hub() {
  if (config_.hub.endpoint.empty()) return {};
  auto opened = HubSide::open(config_, {.reactor = reactor_,
                                        .journal = *journal_,
                                        .outbox = *outbox_,
                                        .ports = flow_ports(),
                                        .writer = *writer_,
                                        .programme = *programme_,
                                        .status = [this] { return hub_status(); },
                                        .on_rules = [this] { put_rules_in_force(); }});
  if (!opened) return failure(opened);
  hub_ = std::move(*opened);
  put_rules_in_force();
  telemetry_.watch_hub([this] { return hub_->check(); });
  return {};
}

Result<void> Daemon::Impl::run() {
  if (auto opened = open_journal(); !opened) return opened;
  if (auto opened = open_pdi(); !opened) return opened;
  build_flows();
  if (auto opened = open_hub(); !opened) return opened;
  reactor_.on_signal([this](int number) { on_signal(number); });
  reactor_.spawn(start_up());
  reactor_.run();
  return std::move(outcome_);
}

/// Empty: there is no hub.
pdi_queue::AskHub Daemon::Impl::ask_hub() {
  if (config_.hub.endpoint.empty()) return {};
  return [this](std::vector<SessionId> sessions, MonoTime deadline) {
    return hub_->uplink().ask(std::move(sessions), deadline);
  };
}

void Daemon::Impl::build_restoration() {
  restoration_.emplace(flow_ports(), *journal_, *writer_, ask_hub(),
                       [this](const SessionId& id) { queue_->add(id, reactor_.clock().mono_now()); });
}

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

Daemon::Daemon(EdgeConfig config, std::string config_path)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(config_path))) {}
Daemon::~Daemon() = default;
Result<void> Daemon::run() {
  return impl_->run();
}

}  // namespace perkline::edge
