#include "edge/daemon.hpp"

#include <filesystem>
#include <sys/stat.h>

#include "edge/api/programme_routes.hpp"
#include "edge/api/routes.hpp"
#include "edge/daemon_impl.hpp"
#include "edge/jobs/successes.hpp"
#include "edge/journal/restored.hpp"
#include "edge/log_key.hpp"
#include "shared/core/limits.hpp"

namespace perkline::edge {
namespace {

/// Made for the daemon alone; one that is there already stays as it is.
Result<void> make_data_folder(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error || ::mkdir(path.c_str(), S_IRWXU) != 0) return fail(Errc::io_failed, path + ": cannot be made");
  return {};
}

}  // namespace

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

Daemon::Daemon(EdgeConfig config, std::string config_path)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(config_path))) {}
Daemon::~Daemon() = default;
Result<void> Daemon::run() {
  return impl_->run();
}

}  // namespace perkline::edge
