#include <functional>
#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "edge/cli_ask.hpp"
#include "edge/closed_shop.hpp"
#include "edge/commands.hpp"
#include "edge/control.hpp"
#include "edge/jobs/jobs.hpp"
#include "edge/session/details.hpp"
#include "edge/session/review.hpp"
#include "shared/core/limits.hpp"
#include "shared/json/writer.hpp"

namespace perkline::edge {
namespace {

/// A job by hand waits for the one that is running, and a look at all of two days takes its time.
constexpr hours job_patience{4};

/// What says the same when no daemon runs.
using FromData = std::function<Result<std::string>(ClosedShop& shop)>;

/// The daemon's answer, or that of its data; printed. The exit code.
int answer(const std::string& config_path, const Ask& ask, const FromData& from_data, bool as_json) {
  auto config = load_config(config_path);
  if (!config) return exit_usage;
  auto told = ask_daemon(*config, ask);
  if (!told && told.error().code == Errc::connection_failed) {
    auto shop = open_data(*config);
    if (!shop) return report(shop.error());
    told = from_data(**shop);
  }
  return show(told, as_json);
}

/// Of a session or a till's transaction.
bool may_be_a_name(const std::string& name) {
  return !name.empty() && name.size() <= limits::id_bytes_max;
}
Error no_such_session() {
  return {.code = Errc::not_found, .detail = "no such session or transaction"};
}

std::string login_name() {
  const passwd* entry = ::getpwuid(::getuid());
  return entry == nullptr ? "uid " + std::to_string(::getuid()) : entry->pw_name;
}

/// Where no daemon runs nothing is sent: what a decision brings about, the next one does.
class NoPdi final : public pdi::Pdi {
 public:
  Task<pdi::Reply<pdi::Identified>> identify(pdi::IdentifyCall, MonoTime) override {
    co_return std::unexpected(pdi::Failure{.outcome = pdi::Outcome::not_tried, .error = {}});
  }
  Task<pdi::Reply<pdi::Rewards>> calculate(pdi::CalculateCall, MonoTime) override {
    co_return std::unexpected(pdi::Failure{.outcome = pdi::Outcome::not_tried, .error = {}});
  }
  Task<pdi::Reply<pdi::Finalized>> finalize(pdi::FinalizeCall, MonoTime) override {
    co_return std::unexpected(pdi::Failure{.outcome = pdi::Outcome::not_tried, .error = {}});
  }
  Task<pdi::Reply<pdi::SessionStatus>> status(pdi::StatusCall, MonoTime) override {
    co_return std::unexpected(pdi::Failure{.outcome = pdi::Outcome::not_tried, .error = {}});
  }
};

/// What changes the sessions of a closed shop.
struct ShopWriter {
  explicit ShopWriter(ClosedShop& of) : shop(of) {}

  ClosedShop& shop;
  NoPdi pdi;
  SystemRng rng;
  UuidMaker uuids{shop.reactor.clock(), rng};
  net::KeyedLock locks{shop.reactor.clock()};
  standin::Members members{*shop.journal};
  standin::RulesInForce rules;
  session::Ports ports{.store = *shop.store,
                       .members = members,
                       .rules = rules,
                       .pdi = pdi,
                       .settlement = pdi,
                       .clock = shop.reactor.clock(),
                       .locks = locks,
                       .uuids = uuids};
  session::SessionWriter writer{ports, shop.config.timezone};
};

template <class T>
Task<void> run_task(net::Reactor& reactor, Task<Result<T>> task, Result<T>& out) {
  out = co_await std::move(task);
  reactor.stop();
}

template <class T>
Result<T> run(net::Reactor& reactor, Task<Result<T>> task) {
  Result<T> out = fail(Errc::internal);
  reactor.spawn(run_task(reactor, std::move(task), out));
  reactor.run();
  return out;
}

/// What POST /queue/{name}/retry or discard does with that body.
Result<std::string> decide_on_data(ClosedShop& shop, const std::string& name, const std::string& body,
                                   bool discard) {
  auto decision = read_decision(body, discard);
  if (!decision) return failure(decision);
  const auto session = session_named(*shop.store, name);
  if (!session) return std::unexpected(session.error());
  ShopWriter of(shop);
  const net::AsyncClock& clock = shop.reactor.clock();
  auto decided =
      run(shop.reactor,
          discard ? session::discard_review(of.writer, clock, session->id, decision->reason, decision->actor)
                  : session::retry_review(of.writer, clock, session->id, decision->actor));
  if (!decided) return failure(decided);
  return session::render_details(**decided);
}

/// As a segment of a path.
std::string segment_of(const std::string& text) {
  std::string segment;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    segment += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return segment;
}

/// The jobs of a store whose daemon does not run.
struct ShopJobs {
  explicit ShopJobs(ClosedShop& shop) : of(shop) {}

  ShopWriter of;
  jobs::Jobs jobs{
      jobs::Parts{.ports = of.ports,
                  .writer = of.writer,
                  .journal = *of.shop.journal,
                  .outbox = *of.shop.outbox,
                  .gate = {.open_at = [] { return MonoTime::max(); }, .is_closed = [] { return false; }}},
      {.session_keep = days(of.shop.config.session.keep_days),
       .outbox_keep = days(of.shop.config.outbox.keep_days)},
      {}};
};

Result<std::string> run_job_on_data(ClosedShop& shop, jobs::Job job) {
  if (job == jobs::Job::reconcile)
    return fail(Errc::connection_failed, "no daemon runs, and only that asks PDI: reconcile needs it");
  ShopJobs of(shop);
  auto done = run(shop.reactor, of.jobs.run_by_hand(job));
  if (!done) return failure(done);
  return jobs::render(*done);
}

Result<std::string> adopt_in_data(ClosedShop& shop, std::uint64_t epoch) {
  const auto adopted = run(shop.reactor, shop.outbox->adopt(epoch));
  if (!adopted) return std::unexpected(adopted.error());
  return render(*adopted, epoch);
}

/// `reason` empty: a retry.
int decide(const std::string& config_path, const std::string& name, const std::string& reason, bool json) {
  if (!may_be_a_name(name)) return report(no_such_session());
  const bool discard = !reason.empty();
  perkline::json::Writer writer;
  writer.begin_object().field("actor", login_name());
  if (discard) writer.field("reason", reason);
  const std::string body = writer.end_object().take();
  return answer(
      config_path, {.path = "/queue/" + segment_of(name) + (discard ? "/discard" : "/retry"), .body = body},
      [&](ClosedShop& shop) { return decide_on_data(shop, name, body, discard); }, json);
}

}  // namespace

int status(const std::string& config_path, bool json) {
  return answer(
      config_path, {.path = "/status"},
      [](ClosedShop& shop) -> Result<std::string> {
        return render(StatusReport{.store = shop.store_id,
                                   .epoch = shop.outbox->epoch(),
                                   .tail = shop.outbox->tail(),
                                   .acked = shop.outbox->acked(),
                                   .queue_depth = shop.store->waiting_count(),
                                   .in_review = shop.store->review_count()});
      },
      json);
}

int sessions_list(const std::string& config_path, bool json) {
  return answer(
      config_path, {.path = "/sessions"},
      [](ClosedShop& shop) {
        return session::render_sessions(*shop.store, SystemClock().wall_now() - listed_age, listed_max);
      },
      json);
}

int sessions_show(const std::string& config_path, const std::string& name, bool json) {
  if (!may_be_a_name(name)) return report(no_such_session());
  return answer(
      config_path, {.path = "/sessions/" + segment_of(name)},
      [&](ClosedShop& shop) { return session_details(*shop.store, name); }, json);
}

int queue_list(const std::string& config_path, bool json) {
  return answer(
      config_path, {.path = "/queue"},
      [](ClosedShop& shop) { return session::render_queue(*shop.store, listed_max); }, json);
}

int queue_retry(const std::string& config_path, const std::string& name, bool json) {
  return decide(config_path, name, "", json);
}

int queue_discard(const std::string& config_path, const std::string& name, const std::string& reason,
                  bool json) {
  return decide(config_path, name, reason, json);
}

int jobs_list(const std::string& config_path, bool json) {
  return answer(
      config_path, {.path = "/jobs"},
      [](ClosedShop& shop) -> Result<std::string> { return jobs::render(ShopJobs(shop).jobs.standing()); },
      json);
}

int jobs_run(const std::string& config_path, const std::string& name, bool json) {
  const auto job = jobs::job_named(name);
  if (!job) return report({.code = Errc::validation_failed, .detail = "no such job: " + name});
  return answer(
      config_path, {.path = "/jobs/" + name, .body = "{}", .patience = job_patience},
      [&](ClosedShop& shop) { return run_job_on_data(shop, *job); }, json);
}

int epoch_adopt(const std::string& config_path, std::uint64_t epoch, bool json) {
  return answer(
      config_path,
      {.path = "/epoch/adopt", .body = fmt::format(R"({{"epoch":{}}})", epoch), .patience = minutes{10}},
      [&](ClosedShop& shop) { return adopt_in_data(shop, epoch); }, json);
}

int breaker(const std::string& config_path, const std::string& action, bool json) {
  return answer(
      config_path, {.path = "/breaker", .body = R"({"action":")" + action + R"("})"},
      [](ClosedShop&) -> Result<std::string> {
        return fail(Errc::connection_failed, "no daemon runs: there is no breaker");
      },
      json);
}

}  // namespace perkline::edge
