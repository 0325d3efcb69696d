#include "hub/daemon.hpp"

#include <algorithm>
#include <csignal>
#include <optional>

#include <fmt/format.h>

#include "hub/api/closed_api.hpp"
#include "hub/api/security_headers.hpp"
#include "hub/billing/no_provider.hpp"
#include "hub/billing/test_provider.hpp"
#include "hub/billing/worker.hpp"
#include "hub/clock/vouched_time.hpp"
#include "hub/commands.hpp"
#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "hub/events/dispatcher.hpp"
#include "hub/jobs/jobs.hpp"
#include "hub/liveness.hpp"
#include "hub/metrics.hpp"
#include "hub/notifications/mail_service.hpp"
#include "hub/notifications/notifier.hpp"
#include "hub/programme.hpp"
#include "hub/reload.hpp"
#include "hub/secrets.hpp"
#include "hub/signing_key_file.hpp"
#include "hub/stores_side.hpp"
#include "hub/upkeep.hpp"
#include "hub/webhooks/sender.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/random.hpp"
#include "shared/net/either.hpp"
#include "shared/net/http_server.hpp"
#include "shared/net/ops_port.hpp"
#include "shared/net/reactor.hpp"
#include "shared/net/supervision.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/open_files.hpp"
#include "shared/ops/systemd_notify.hpp"

namespace perkline::hub {
namespace {

constexpr std::string_view context = "daemon";
/// What the process may open, less what it needs besides.
std::size_t connections_max() {
  constexpr std::size_t other_files = 512;
  const std::size_t files = ops::raise_open_files_limit();
  return std::clamp(files, other_files + 1, other_files + limits::hub_connections_max) - other_files;
}

api::Transport transport_of(const HubConfig& config) {
  const bool tls = !config.api.tls.cert_file.empty() || config.api.public_url.starts_with("https://");
  return tls ? api::Transport::tls : api::Transport::clear;
}

/// For the mail that is on its way, after the calls.
constexpr seconds mail_drain_timeout{2};

/// Between two looks at a database that is not there.
constexpr Millis between_tries{500};

/// A hub that prepares for longer than this, as migrations may be long, is to be seen to live meanwhile.
constexpr Millis closed_after{2000};

/// Whether it makes sense to wait for the database. A file does not come by itself.
bool may_come(const db::Database& database, const Error& error) {
  if (database.engine() == db::Engine::sqlite) return false;
  return error.code == Errc::database_unavailable || error.code == Errc::overloaded ||
         error.code == Errc::storage_full || error.code == Errc::not_found;
}

}  // namespace

/// In the order of their making; the reactor goes last, with every coroutine still suspended on it.
struct Daemon::Serving {
  net::Reactor reactor;
  SystemRng rng;
  UuidMaker ids{reactor.clock(), rng};
  ops::Metrics metrics;
  HubMetrics hub_metrics{metrics};
  ops::Health health{reactor.clock()};
  std::unique_ptr<db::Database> database;
  clock::ClockGuard guard{reactor.clock()};
  std::optional<Liveness> liveness;
  std::optional<identity::Tokens> tokens;
  std::string refresh_key;
  std::optional<notifications::Notifier> notifier;
  std::optional<events::Dispatcher> dispatcher;
  std::optional<webhooks::Sender> webhooks;
  std::optional<notifications::MailService> mail;  ///< None where no server is named.
  std::optional<jobs::Parts> jobs;
  std::unique_ptr<billing::PaymentProvider> provider;
  std::optional<billing::Worker> payments;
  std::optional<identity::PasswordHasher> hasher;
  std::optional<api::HubApi> api;
  net::Router closed;  ///< What is served while the hub waits for its database.
  std::optional<net::HttpServer> http;
  std::optional<net::OpsPort> ops;
  std::optional<sync::SigningKey> catalogue_key;
  std::optional<StoresSide> stores;
  std::optional<Upkeep> upkeep;
  bool told_systemd = false;
};

Daemon::Daemon(HubConfig config, std::string config_path)
    : config_(std::move(config)),
      config_path_(std::move(config_path)),
      exit_code_(exit_ok),
      serving_(std::make_unique<Serving>()) {}

Daemon::~Daemon() = default;

int Daemon::run() {
  serving_->reactor.on_signal([this](int number) { on_signal(number); });
  serving_->reactor.spawn(start());
  serving_->reactor.run();
  ops::log(ops::Level::info, context, "stopped");
  return exit_code_;
}

Task<void> Daemon::start() {
  const auto up = co_await bring_up();
  if (up) co_return;
  give_up(up.error());
}

void Daemon::give_up(const Error& error) {
  ops::log(ops::Level::error, context, "cannot serve",
           {{"error", name_of(error.code)}, {"detail", error.detail}});
  exit_code_ = exit_code_of(error);
  serving_->reactor.stop();
}

Task<Result<void>> Daemon::bring_up() {
  if (auto opened = open_database(); !opened) co_return opened;
  Serving& s = *serving_;
  s.stores.emplace(StoresSide::Parts{.reactor = s.reactor,
                                     .database = *s.database,
                                     .uuids = s.ids,
                                     .rng = s.rng,
                                     .metrics = s.hub_metrics,
                                     .guard = s.guard});
  s.reactor.spawn(serve_closed_if_it_takes_long());
  auto prepared = co_await prepare();
  if (!prepared && may_come(*s.database, prepared.error())) prepared = co_await wait_for_database();
  if (!prepared) co_return prepared;
  s.hasher.emplace(s.reactor, identity::PasswordHasher::Options{});
  choose_provider();
  s.payments.emplace(billing::Worker::Parts{.database = *s.database,
                                            .provider = *s.provider,
                                            .clock = s.reactor.clock(),
                                            .ids = s.ids,
                                            .to_give_back = [&s] { s.hub_metrics.payment_to_give_back(); }});
  s.api.emplace(api::HubApi::Parts{*s.database, *s.hasher, *s.tokens, s.reactor.clock(), s.rng, s.health},
                api_options());
  if (auto opened = open_ports(); !opened) co_return opened;
  s.stores->start();
  s.reactor.spawn(s.dispatcher->run());
  s.reactor.spawn(s.webhooks->run());
  s.reactor.spawn(s.payments->run());
  s.reactor.spawn(s.api->feed().run());
  if (!config_.smtp.url.empty()) start_mail();
  s.jobs.emplace(jobs::Parts{.database = *s.database,
                             .clock = s.reactor.clock(),
                             .uuids = s.ids,
                             .rng = s.rng,
                             .guard = s.guard,
                             .access_ttl = seconds{config_.jwt.access_ttl_s},
                             .keys_in_file = !config_.jwt.key_file.empty(),
                             .terms = terms_of(config_.programme),
                             .rates = rates_of(config_.programme)});
  s.reactor.spawn(clock::watch(*s.database, s.reactor.clock(), s.guard,
                               [&s](bool doubt) { s.hub_metrics.clock_in_doubt(doubt); }));
  s.reactor.spawn(jobs::run_regularly(*s.jobs, s.reactor.clock(), s.hub_metrics.jobs_watch()));
  s.upkeep.emplace(Upkeep::Parts{.database = *s.database,
                                 .clock = s.reactor.clock(),
                                 .uuids = s.ids,
                                 .metrics = s.hub_metrics,
                                 .terms = wheel_terms_of(config_),
                                 .tokens = config_.jwt.key_file.empty() ? &*s.tokens : nullptr,
                                 .sockets_open = [&s] { return s.api->feed().open(); }});
  s.upkeep->start([&s](Task<void> flow) { s.reactor.spawn(std::move(flow)); });
  ops::log(ops::Level::info, context, "ready",
           {{"api", std::int64_t{s.http->port()}},
            {"ops", std::int64_t{s.ops->port()}},
            {"sync", s.stores->endpoint()},
            {"version", PERKLINE_VERSION}});
  ready_ = true;
  tell_systemd();
  co_return Result<void>{};
}

void Daemon::choose_provider() {
  Serving& s = *serving_;
  if (config_.billing.provider == "none") {
    s.provider = std::make_unique<billing::NoProvider>();
    return;
  }
  s.provider = std::make_unique<billing::TestProvider>(*s.database, s.reactor.clock());
  ops::log(ops::Level::warn, context,
           "top-ups are settled by the test provider: members get money that nobody has paid",
           {{"key", "billing.provider"}});
}

/// Once, as soon as any port is served: systemd would end a hub that has to wait longer than it may start.
void Daemon::tell_systemd() {
  Serving& s = *serving_;
  ops::systemd::ready(status_line());
  if (std::exchange(s.told_systemd, true)) return;
  s.reactor.spawn(net::report_to_systemd(s.reactor.clock(), s.health, [this] { return status_line(); }));
}

Result<void> Daemon::open_database() {
  Serving& s = *serving_;
  auto opened = db::open_database(s.reactor, config_.database.url);
  if (!opened) return failure(opened);
  s.database = std::move(*opened);
  s.liveness.emplace(*s.database, s.reactor.clock());
  s.notifier.emplace(
      s.reactor.clock(), s.ids,
      notifications::Notifier::Options{.mail = !config_.smtp.url.empty(), .about_to_tell = [&s] {
                                         if (s.api) s.api->feed().expect_news();
                                       }});
  auto watch = s.hub_metrics.events_watch();
  watch.on_taken = [&s](std::string_view) { s.webhooks->wake(); };
  s.dispatcher.emplace(*s.database, s.reactor.clock(),
                       std::vector{webhooks::consumer(s.reactor.clock()), s.notifier->consumer()},
                       std::move(watch));
  s.webhooks.emplace(*s.database, s.reactor.clock(), s.rng, s.ids, webhooks::over_http(s.reactor),
                     webhooks::Sender::Options{});
  // A file is this machine's own; a server comes back without our being restarted.
  const bool is_file = s.database->engine() == db::Engine::sqlite;
  s.health.add("database", is_file ? ops::CheckRole::required : ops::CheckRole::awaited,
               [&s] { return s.liveness->database(); });
  // No restart would get a migration done any sooner.
  s.health.add("schema", ops::CheckRole::awaited, [this] {
    return ops::CheckResult{.status = ready_ ? ops::CheckStatus::up : ops::CheckStatus::down};
  });
  s.health.add("reactor", ops::CheckRole::required, [&s] { return s.liveness->reactor(); });
  s.health.add("stores", ops::CheckRole::told, [&s] {
    const bool forked = s.hub_metrics.forked_stores() > 0;
    return ops::CheckResult{.status = forked ? ops::CheckStatus::degraded : ops::CheckStatus::up};
  });
  s.health.add("clock", ops::CheckRole::told, [&s] {
    return ops::CheckResult{.status = s.guard.in_doubt() ? ops::CheckStatus::degraded : ops::CheckStatus::up};
  });
  s.reactor.spawn(s.liveness->watch_reactor());
  s.reactor.spawn(s.liveness->watch_database());
  return {};
}

Task<Result<void>> Daemon::prepare() {
  if (auto migrated = co_await migrate_database(); !migrated) co_return migrated;
  // Before anybody is served: what they cause is heard.
  if (auto enrolled = co_await serving_->dispatcher->enroll(); !enrolled) co_return enrolled;
  if (auto loaded = co_await load_secrets(); !loaded) co_return loaded;
  Serving& s = *serving_;
  if (auto looked = co_await clock::look(*s.database, s.guard); !looked) co_return looked;
  if (auto released = co_await release_leases_of_the_dead(*s.database); !released) co_return released;
  // Before anybody can draw; the job goes on with it.
  const auto committed = co_await wheel::keep_seeds(*s.database, s.reactor.clock(), s.guard, s.rng);
  if (!committed) co_return std::unexpected(committed.error());
  co_return co_await s.stores->read_keys();
}

Result<void> Daemon::serve_closed() {
  Serving& s = *serving_;
  if (s.http) return {};
  api::add_closed_routes(s.closed, s.health);
  if (auto served = serve_http(s.closed, api::closed_guard()); !served) return served;
  if (auto opened = open_ops(); !opened) return opened;
  tell_systemd();
  return {};
}

Task<void> Daemon::serve_closed_if_it_takes_long() {
  co_await serving_->reactor.clock().sleep(closed_after);
  if (ready_ || draining_) co_return;
  if (!serving_->http) ops::log(ops::Level::info, context, "still preparing the database");
  if (auto served = serve_closed(); !served) give_up(served.error());
}

Task<Result<void>> Daemon::wait_for_database() {
  Serving& s = *serving_;
  ops::log(ops::Level::warn, context, "waiting for the database");
  if (auto served = serve_closed(); !served) co_return served;
  while (true) {
    co_await s.reactor.clock().sleep(between_tries);
    auto prepared = co_await prepare();
    if (prepared || !may_come(*s.database, prepared.error())) co_return prepared;
  }
}

Task<Result<void>> Daemon::migrate_database() {
  Serving& s = *serving_;
  auto migrated = co_await db::migrate(*s.database, s.reactor.clock(), s.ids);
  if (!migrated) co_return failure(migrated);
  if (migrated->from != migrated->to) {
    ops::log(ops::Level::info, context, "schema migrated", {{"from", migrated->from}, {"to", migrated->to}});
  }
  co_return Result<void>{};
}

void Daemon::start_mail() {
  Serving& s = *serving_;
  s.mail.emplace(notifications::MailService::Parts{s.reactor, *s.database, s.ids},
                 notifications::SmtpMailer::Options{
                     .url = config_.smtp.url, .from = config_.smtp.from, .ca_file = config_.smtp.ca_file},
                 notifications::MailWorker::Options{
                     .observe = [&s](notifications::MailFate fate) { s.hub_metrics.mail_tried(fate); }});
  s.mail->start();
}

Task<Result<void>> Daemon::load_secrets() {
  Serving& s = *serving_;
  const bool in_file = !config_.jwt.key_file.empty();
  auto secrets = co_await db::write_for<Secrets>(
      *s.database, [in_file, now = s.reactor.clock().wall_now(), &rng = s.rng](db::Transaction& t) {
        return load_or_make_secrets(t, in_file, now, rng);
      });
  if (!secrets) co_return failure(secrets);
  if (in_file) {
    auto keys = read_signing_keys(config_.jwt.key_file);
    if (!keys) co_return failure(keys);
    secrets->token_keys = std::move(*keys);
  }
  const std::string& log_key = secrets->log_key;
  ops::set_hash_key({reinterpret_cast<const std::uint8_t*>(log_key.data()), log_key.size()});
  s.refresh_key = std::move(secrets->refresh_key);
  s.tokens.emplace(std::move(secrets->token_keys),
                   identity::Tokens::Options{.terms = {.issuer = config_.jwt.issuer},
                                             .ttl = seconds{config_.jwt.access_ttl_s}},
                   s.reactor.clock(), s.rng);
  s.catalogue_key.emplace(std::move(secrets->catalogue_key));
  co_return Result<void>{};
}

api::HubApi::Options Daemon::api_options() const {
  return {.limits = {.login_per_minute = config_.limits.login_per_minute,
                     .auth_per_address_minute = config_.limits.auth_per_address_minute},
          .member_per_second = config_.limits.member_per_second,
          .sessions = {.refresh_key = serving_->refresh_key,
                       .terms = {.ttl = hours{config_.jwt.refresh_ttl_h},
                                 .family_max = days{config_.jwt.refresh_max_days}}},
          .secure_cookies = transport_of(config_) == api::Transport::tls,
          .terms = terms_of(config_.programme),
          .rates = rates_of(config_.programme),
          .top_ups = config_.billing.provider != "none",
          .payment_started = [&s = *serving_] { s.payments->wake(); },
          .wheel = wheel_terms_of(config_),
          .on_spin = serving_->hub_metrics.spin_watch(),
          .prizes_changed = [&s = *serving_] { s.stores->prizes_changed(); },
          .sockets = {.all = notifications::sockets_max_of(connections_max()),
                      .per_address = static_cast<std::size_t>(config_.limits.sockets_per_address)}};
}

Result<void> Daemon::open_ports() {
  Serving& s = *serving_;
  if (auto opened = s.stores->open(config_, std::move(*s.catalogue_key)); !opened) return opened;
  if (auto served = serve_http(s.api->router(), s.api->guard()); !served) return served;
  return open_ops();
}

Result<void> Daemon::serve_http(const net::Router& router, net::Guard guard) {
  Serving& s = *serving_;
  if (s.http) {
    s.http->serve_instead(router, std::move(guard));
    return {};
  }
  s.http.emplace(s.reactor,
                 net::HttpServerOptions{.listen = config_.api.listen,
                                        .tls = {config_.api.tls.cert_file, config_.api.tls.key_file},
                                        .connections_max = connections_max(),
                                        .body_bytes_max = limits::hub_body_bytes_max,
                                        .common_headers = api::security_headers(transport_of(config_)),
                                        .cors_origins = config_.api.cors_origins,
                                        .public_url = config_.api.public_url,
                                        .trusted_proxies = config_.api.trusted_proxies},
                 router, std::move(guard), [&s](const net::Answered& answered) {
                   s.hub_metrics.answered(answered);
                   if (answered.method == net::Method::get) return;
                   s.dispatcher->wake();
                   s.webhooks->wake();
                 });
  return s.http->start();
}

Result<void> Daemon::open_ops() {
  Serving& s = *serving_;
  if (s.ops) return {};
  s.ops.emplace(config_.ops.listen, "Perkline hub", s.health, s.metrics);
  return s.ops->start();
}

Task<void> Daemon::drain() {
  net::AsyncClock& clock = serving_->reactor.clock();
  const MonoTime deadline = clock.mono_now() + limits::drain_timeout;
  if (serving_->http) co_await serving_->http->drain(deadline);
  // What it has claimed nobody else takes over within a second; before the events, for those that it causes.
  if (serving_->payments) co_await net::either(serving_->payments->stop(), clock.sleep_until(deadline));
  if (ready_) co_await net::either(drain_events(), clock.sleep_until(deadline));
  // A mail that the server has taken is to be noted, or it leaves twice.
  if (serving_->mail) co_await net::either(serving_->mail->drain(), clock.sleep(mail_drain_timeout));
  serving_->reactor.stop();
}

/// So that what was caused here goes out, and no other replica has to wait for what this one holds.
Task<void> Daemon::drain_events() {
  co_await serving_->dispatcher->drain();
  co_await serving_->webhooks->drain();
}

std::string Daemon::status_line() const {
  if (draining_) return "draining";
  return ready_ ? "serving members, staff and stores" : "waiting for the database";
}

void Daemon::on_signal(int number) {
  if (number == SIGHUP) {
    // What it would read before that is what it has just read.
    if (!ready_ || draining_) return;
    ops::systemd::reloading(serving_->reactor.clock());
    take_over(config_, config_path_);
    return ops::systemd::ready(status_line());
  }
  if (draining_) return serving_->reactor.stop();
  draining_ = true;
  ops::log(ops::Level::info, context, "draining");
  ops::systemd::stopping();
  serving_->reactor.spawn(drain());
}

int serve(const std::string& config_path) {
  auto config = read_serving_config(config_path);
  if (!config) {
    fmt::print(stderr, "{}", config::fault_lines(config_path, config.error()));
    return exit_usage;
  }
  ops::start_log({.level = *ops::level_named(config->log.level),
                  .json = config->log.format == "json",
                  .service = "perkline-hub"});
  return Daemon(std::move(*config), config_path).run();
}

}  // namespace perkline::hub
