#include "edge/control.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "edge/backups.hpp"
#include "edge/jobs/jobs.hpp"
#include "edge/pdi_queue/pdi_queue.hpp"
#include "edge/session/details.hpp"
#include "pdi_client/guard.hpp"
#include "shared/json/fields.hpp"
#include "shared/json/writer.hpp"

namespace perkline::edge {
namespace {

using net::Request;
using net::Response;

constexpr const char* interrupted =
    "the daemon ends: the job was interrupted; what it has done stays done, and it runs again after the "
    "start";

Response respond(Result<std::string> body, const Request& request) {
  if (!body) return net::problem_response(body.error(), request.traceparent);
  return net::json_response(200, std::move(*body));
}

Task<Response> tell_status(std::shared_ptr<const ControlParts> parts) {
  co_return net::json_response(200, render(parts->status()));
}

Task<Response> list_sessions(std::shared_ptr<const ControlParts> parts, Request request) {
  const WallTime since = parts->clock.wall_now() - listed_age;
  co_return respond(session::render_sessions(parts->store, since, listed_max), request);
}

Task<Response> show_session(std::shared_ptr<const ControlParts> parts, Request request) {
  co_return respond(session_details(parts->store, request.path_values.at(0)), request);
}

Task<Response> list_queue(std::shared_ptr<const ControlParts> parts, Request request) {
  co_return respond(session::render_queue(parts->store, listed_max), request);
}

Task<Response> decide(std::shared_ptr<const ControlParts> parts, bool discard, Request request) {
  auto decision = read_decision(request.body, discard);
  if (!decision) co_return net::problem_response(decision.error(), request.traceparent);
  const auto session = session_named(parts->store, request.path_values.at(0));
  if (!session) co_return net::problem_response(session.error(), request.traceparent);
  const SessionId id = session->id;
  const auto done = discard ? co_await parts->queue.discard(id, std::move(decision->reason), decision->actor)
                            : co_await parts->queue.retry(id, decision->actor);
  if (!done) co_return net::problem_response(done.error(), request.traceparent);
  co_return respond(session_details(parts->store, id.str()), request);
}

Task<Response> set_breaker(std::shared_ptr<const ControlParts> parts, Request request) {
  const auto action = json::read_body(request.body, [](json::Fields& fields, const json::Value&) {
    std::string named = fields.required_text("action");
    if (!named.empty() && named != "force-open" && named != "auto")
      fields.fault("action", "must be force-open or auto");
    return named;
  });
  if (!action) co_return net::problem_response(action.error(), request.traceparent);
  if (*action == "auto") {
    parts->guard.automatic();
  } else {
    parts->guard.force_open();
  }
  co_return co_await tell_status(parts);
}

Task<Response> list_jobs(std::shared_ptr<const ControlParts> parts) {
  co_return net::json_response(200, jobs::render(parts->jobs.standing()));
}

Task<Response> run_job(std::shared_ptr<const ControlParts> parts, Request request) {
  const auto job = jobs::job_named(request.path_values.at(0));
  if (!job)
    co_return net::problem_response(Error{.code = Errc::not_found, .detail = "no such job"},
                                    request.traceparent);
  auto done = co_await parts->jobs.run_by_hand(*job);
  if (!done && done.error().code == Errc::cancelled) done = fail(Errc::overloaded, interrupted);
  if (!done) co_return net::problem_response(done.error(), request.traceparent);
  co_return net::json_response(200, jobs::render(*done));
}

Task<Response> back_up(std::shared_ptr<const ControlParts> parts, Request request) {
  auto document = json::parse(request.body);
  if (!document) co_return net::problem_response(document.error(), request.traceparent);
  std::vector<FieldFault> faults;
  json::Fields fields(document->root(), faults);
  const std::filesystem::path folder = fields.required_text("folder");
  if (faults.empty() && !folder.is_absolute()) fields.fault("folder", "must be absolute");
  if (!faults.empty())
    co_return net::problem_response(json::validation_error(std::move(faults)), request.traceparent);
  co_return respond(co_await parts->backups.make(folder), request);
}

Task<Response> adopt_epoch(std::shared_ptr<const ControlParts> parts, Request request) {
  auto document = json::parse(request.body);
  if (!document) co_return net::problem_response(document.error(), request.traceparent);
  std::vector<FieldFault> faults;
  json::Fields fields(document->root(), faults);
  const std::int64_t epoch = fields.required_integer("epoch", 1, std::numeric_limits<std::int64_t>::max());
  if (!faults.empty())
    co_return net::problem_response(json::validation_error(std::move(faults)), request.traceparent);
  const auto adopted = co_await parts->adopt(static_cast<std::uint64_t>(epoch));
  if (!adopted) co_return net::problem_response(adopted.error(), request.traceparent);
  co_return net::json_response(200, render(*adopted, static_cast<std::uint64_t>(epoch)));
}

Task<Result<net::Principal>> admit() {
  co_return net::Principal{};
}

}  // namespace

std::string render(const StatusReport& report) {
  json::Writer out;
  out.begin_object();
  out.field("storeId", report.store.str())
      .field("version", PERKLINE_VERSION)
      .field("running", report.running);
  out.key("uptime");
  report.uptime ? out.value(report.uptime->count()) : out.null();
  out.key("outbox").begin_object();
  out.field("epoch", report.epoch).field("tail", report.tail).field("acked", report.acked);
  out.field("lag", report.tail - std::min(report.tail, report.acked)).end_object();
  out.field("queueDepth", report.queue_depth).field("inReview", report.in_review);
  out.key("breaker");
  report.breaker.empty() ? out.null() : out.value(report.breaker);
  out.key("hub");
  report.hub.empty() ? out.null() : out.value(report.hub);
  out.key("hubReason");
  report.hub_reason.empty() ? out.null() : out.value(report.hub_reason);
  out.key("grantedEpoch");
  report.granted_epoch ? out.value(*report.granted_epoch) : out.null();
  out.key("wheelSeeds");
  report.wheel_seeds ? out.value(*report.wheel_seeds) : out.null();
  out.key("wheelTrouble");
  report.wheel_trouble.empty() ? out.null() : out.value(report.wheel_trouble);
  out.field("settlementHeld", report.settlement_held);
  out.end_object();
  return out.take();
}

std::string render(const journal::Adopted& adopted, std::uint64_t epoch) {
  json::Writer out;
  out.begin_object().field("epoch", epoch).field("events", adopted.events);
  out.key("historyLost");
  adopted.history_lost ? out.value(*adopted.history_lost) : out.null();
  return out.end_object().take();
}

std::string control_socket(const std::string& data_dir) {
  return data_dir + "/control.sock";
}

Result<session::Session> session_named(const session::SessionStore& store, const std::string& name) {
  auto session = store.find(SessionId(name));
  if (!session) return failure(session);
  if (*session) return std::move(**session);
  auto named = store.find(TransactionId(name));
  if (!named) return failure(named);
  if (!*named) return fail(Errc::not_found, "no such session or transaction");
  if (auto* sale = std::get_if<session::Session>(&**named)) return std::move(*sale);
  return fail(Errc::not_found, "a return of another store's sale: it has no session here");
}

Result<std::string> session_details(const session::SessionStore& store, const std::string& name) {
  const auto session = session_named(store, name);
  if (!session) return std::unexpected(session.error());
  return session::render_details(*session);
}

Result<ReviewDecision> read_decision(std::string_view body, bool with_reason) {
  return json::read_body(body, [with_reason](json::Fields& fields, const json::Value&) {
    ReviewDecision decision{.actor = fields.required_text("actor")};
    if (with_reason) decision.reason = fields.required_text("reason");
    return decision;
  });
}

void add_control_routes(net::Router& router, ControlParts parts) {
  using net::Method;
  const auto shared = std::make_shared<const ControlParts>(std::move(parts));
  router.add({Method::get, "/status", "anyone", [shared](Request) { return tell_status(shared); }});
  router.add({Method::get, "/sessions", "anyone",
              [shared](Request request) { return list_sessions(shared, std::move(request)); }});
  router.add({Method::get, "/sessions/{id}", "anyone",
              [shared](Request request) { return show_session(shared, std::move(request)); }});
  router.add({Method::get, "/queue", "anyone",
              [shared](Request request) { return list_queue(shared, std::move(request)); }});
  router.add({Method::post, "/queue/{id}/retry", "anyone",
              [shared](Request request) { return decide(shared, false, std::move(request)); }});
  router.add({Method::post, "/queue/{id}/discard", "anyone",
              [shared](Request request) { return decide(shared, true, std::move(request)); }});
  router.add({Method::get, "/jobs", "anyone", [shared](Request) { return list_jobs(shared); }});
  router.add({Method::post, "/jobs/{name}", "anyone",
              [shared](Request request) { return run_job(shared, std::move(request)); }});
  router.add({Method::post, "/backup", "anyone",
              [shared](Request request) { return back_up(shared, std::move(request)); }});
  router.add({Method::post, "/epoch/adopt", "anyone",
              [shared](Request request) { return adopt_epoch(shared, std::move(request)); }});
  router.add({Method::post, "/breaker", "anyone",
              [shared](Request request) { return set_breaker(shared, std::move(request)); }});
}

net::Guard control_guard() {
  return [](const net::RequestHead&, const net::Route&) { return admit(); };
}

}  // namespace perkline::edge
