#include "shared/net/ops_port.hpp"

#include <thread>

#include "shared/core/html.hpp"
#include "shared/json/value.hpp"
#include "shared/net/http_server.hpp"
#include "shared/ops/health.hpp"
#include "shared/ops/metrics.hpp"

namespace perkline::net {
namespace {

Task<Response> ready_made(Response response) {
  co_return response;
}
Task<Result<Principal>> anyone() {
  co_return Principal{};
}

Response report_response(ops::Health::Report report) {
  return {.status = report.http_status, .body = std::move(report.body)};
}

std::string text_of(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value != nullptr ? html_escaped(value->text()) : std::string();
}

/// The same report as `/health/live`, for people.
std::string status_page(const std::string& title, const ops::Health::Report& report) {
  std::string page =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + html_escaped(title) +
      "</title><style>body{font:16px sans-serif;margin:2em}td,th{padding:.2em 1em;text-align:left}"
      "</style></head><body><h1>" +
      html_escaped(title) + "</h1>";
  const auto document = json::parse(report.body);
  if (document) {
    const json::Value& root = document->root();
    page += "<p>" + text_of(root, "status") + " at " + text_of(root, "timestamp") + "</p>";
    page += "<table><tr><th>check</th><th>status</th><th>circuit breaker</th></tr>";
    if (const json::Value* checks = root.find("checks")) {
      for (const auto& [name, check] : checks->members()) {
        page += "<tr><td>" + html_escaped(name) + "</td><td>" + text_of(check, "status") + "</td><td>" +
                text_of(check, "circuitBreaker") + "</td></tr>";
      }
    }
    page += "</table>";
  }
  return page + "<p><a href=\"/health/live\">health</a> <a href=\"/metrics\">metrics</a></p></body></html>";
}

}  // namespace

class OpsPort::Impl {
 public:
  Impl(std::string listen, std::string title, const ops::Health& health, const ops::Metrics& metrics)
      : title_(std::move(title)),
        health_(health),
        metrics_(metrics),
        server_(reactor_, {.listen = std::move(listen)}, router_,
                [](const RequestHead&, const Route&) { return anyone(); }) {
    route("/health", [this] { return report_response(health_.alive()); });
    route("/health/ready", [this] { return report_response(health_.ready()); });
    route("/health/live", [this] { return report_response(health_.live()); });
    route("/metrics", [this] {
      return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_.text()};
    });
    route("/", [this] {
      return Response{.content_type = "text/html; charset=utf-8",
                      .body = status_page(title_, health_.live())};
    });
  }

  ~Impl() {
    reactor_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start() {
    if (auto started = server_.start(); !started) return started;
    thread_ = std::thread([this] { reactor_.run(); });
    return {};
  }

  std::uint16_t port() const { return server_.port(); }

 private:
  void route(std::string pattern, std::function<Response()> answer) {
    router_.add({.method = Method::get,
                 .pattern = std::move(pattern),
                 .access = "anyone",
                 .handler = [answer = std::move(answer)](const Request&) { return ready_made(answer()); }});
  }

  std::string title_;
  const ops::Health& health_;
  const ops::Metrics& metrics_;
  Reactor reactor_;
  Router router_;
  HttpServer server_;
  std::thread thread_;
};

OpsPort::OpsPort(std::string listen, std::string title, const ops::Health& health,
                 const ops::Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(listen), std::move(title), health, metrics)) {}
OpsPort::~OpsPort() = default;

Result<void> OpsPort::start() {
  return impl_->start();
}
std::uint16_t OpsPort::port() const {
  return impl_->port();
}

}  // namespace perkline::net
