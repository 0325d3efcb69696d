#include "edge/control.hpp"

#include <algorithm>

#include "edge/session/details.hpp"
#include "shared/json/writer.hpp"

namespace perkline::edge {
namespace {

using net::Request;
using net::Response;

Task<Response> tell_status(std::function<StatusReport()> status) {
  co_return net::json_response(200, render(status()));
}

Task<Response> show_session(const session::SessionStore& store, Request request) {
  auto details = session_details(store, request.path_values.at(0));
  if (!details) co_return net::problem_response(details.error(), request.traceparent);
  co_return net::json_response(200, std::move(*details));
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
  out.field("queueDepth", report.queue_depth);
  out.key("hub");
  report.hub.empty() ? out.null() : out.value(report.hub);
  out.end_object();
  return out.take();
}

std::string control_socket(const std::string& data_dir) {
  return data_dir + "/control.sock";
}

Result<std::string> session_details(const session::SessionStore& store, const std::string& id) {
  auto session = store.find(SessionId(id));
  if (!session) return failure(session);
  if (!*session) return fail(Errc::not_found, "no such session");
  return session::render_details(**session);
}

void add_control_routes(net::Router& router, std::function<StatusReport()> status,
                        const session::SessionStore& store) {
  router.add({net::Method::get, "/status", "anyone", [status](Request) { return tell_status(status); }});
  router.add({net::Method::get, "/sessions/{id}", "anyone",
              [&store](Request request) { return show_session(store, std::move(request)); }});
}

net::Guard control_guard() {
  return [](const net::RequestHead&, const net::Route&) { return admit(); };
}

}  // namespace perkline::edge
