#include "pdi_client/sandbox/sandbox.hpp"

#include <array>
#include <list>
#include <optional>

#include "pdi_client/sandbox/calls.hpp"
#include "pdi_client/sandbox/faults.hpp"
#include "pdi_client/sandbox/spoil.hpp"
#include "pdi_client/sandbox/token_desk.hpp"
#include "shared/json/writer.hpp"
#include "shared/net/http_server.hpp"
#include "shared/net/signal.hpp"

namespace perkline::pdi::sandbox {
namespace {

constexpr std::size_t connections_max = 8192;
constexpr Millis drip_pause{50};  ///< Unless the fault says another; then 10 s do not suffice for an answer.

net::Response closed() {
  return {.delivery = net::Delivery::reset};
}

net::Response with_status(const Fault& fault) {
  net::Response response = refused({fault.status, "FAULT", "as asked for"});
  if (!fault.retry_after.empty()) response.headers.add("Retry-After", fault.retry_after);
  return response;
}

/// Calls that wait, each until its own time or until all are let go.
class HeldCalls {
 public:
  explicit HeldCalls(net::AsyncClock& clock) : clock_(clock) {}

  /// True at `time`, false when let go before.
  static Task<bool> until(HeldCalls& calls, MonoTime time) {
    const auto place = calls.held_.insert(calls.held_.end(), std::make_shared<net::Signal>());
    const bool let_go = co_await calls.clock_.wait_for(**place, time);
    calls.held_.erase(place);
    co_return !let_go;
  }
  void let_go() {
    for (const auto& call : held_) call->notify();
  }

 private:
  net::AsyncClock& clock_;
  std::list<std::shared_ptr<net::Signal>> held_;
};

}  // namespace

class Sandbox::Impl {
 public:
  Impl(net::Reactor& reactor, SandboxConfig config)
      : clock_(reactor.clock()),
        chance_(static_cast<std::uint64_t>(config.seed)),
        books_(config.members, static_cast<std::uint64_t>(config.seed), clock_, rng_),
        desk_(std::move(config.clients), rng_),
        held_(clock_) {
    add_calls();
    add_controls();
    net::HttpServerOptions options{
        .listen = std::move(config.listen),
        .tls = {.cert_file = std::move(config.tls.cert_file), .key_file = std::move(config.tls.key_file)},
        .connections_max = connections_max,
        .body_bytes_max = limits::mib};
    server_.emplace(
        reactor, std::move(options), router_,
        [this](const net::RequestHead& head, const net::Route& route) { return admit(*this, head, route); });
  }

  net::HttpServer& server() { return *server_; }
  /// Calls that are delayed, hang or drip end with a reset.
  void close_held() {
    held_.let_go();
    server_->reset_held();
  }

 private:
  using Call = net::Response (*)(Books&, const net::Request&);
  using Control = net::Response (Impl::*)(const net::Request&);

  void add_calls() {
    add_call(Endpoint::identify, net::Method::post, "/identify");
    add_call(Endpoint::calculate, net::Method::post, "/calculateRewards");
    add_call(Endpoint::finalize, net::Method::post, "/finalize");
    add_call(Endpoint::status, net::Method::get, "/getSessionStatus");
    router_.add({.method = net::Method::post,
                 .pattern = "/oauth/token",
                 .access = "anyone",
                 .handler = handler_of(Endpoint::token),
                 .accepts_form = true});
  }
  void add_call(Endpoint endpoint, net::Method method, const char* path) {
    router_.add({.method = method, .pattern = path, .access = "bearer", .handler = handler_of(endpoint)});
  }
  net::Handler handler_of(Endpoint endpoint) {
    return [this, endpoint](net::Request request) { return serve(*this, endpoint, std::move(request)); };
  }

  void add_controls() {
    add_control(net::Method::put, "/sandbox/faults", &Impl::change_faults);
    add_control(net::Method::get, "/sandbox/ledger", &Impl::tell_ledger);
    add_control(net::Method::get, "/sandbox/members/{id}", &Impl::tell_member);
    add_control(net::Method::get, "/sandbox/stats", &Impl::tell_stats);
  }
  /// Of whatever type a body says it is: `curl -d` calls all of them forms.
  void add_control(net::Method method, const char* path, Control control) {
    router_.add(
        {.method = method,
         .pattern = path,
         .access = "anyone",
         .handler = [this, control](net::Request request) { return at_once((this->*control)(request)); },
         .accepts_any_type = true});
  }
  static Task<net::Response> at_once(net::Response response) { co_return response; }

  static Task<Result<net::Principal>> admit(Impl& sandbox, const net::RequestHead& head,
                                            const net::Route& route) {
    if (route.access == "anyone") co_return net::Principal{};
    const std::string_view authorization = head.headers.find("Authorization").value_or("");
    if (sandbox.desk_.admits(authorization, sandbox.clock_.mono_now())) co_return net::Principal{};
    co_return fail(Errc::unauthenticated, "a valid access token is needed");
  }

  /// A call with whatever fault it draws. What books, books on arrival; what does not, never does so later.
  static Task<net::Response> serve(Impl& sandbox, Endpoint endpoint, net::Request request) {
    ++sandbox.calls_[static_cast<std::size_t>(endpoint)];
    const Fault fault = sandbox.faults_.draw(endpoint, sandbox.chance_);
    if (fault.mode == FaultMode::hang) co_return net::Response{.delivery = net::Delivery::never};
    if (fault.mode == FaultMode::reset) co_return closed();
    if (fault.mode == FaultMode::status) co_return with_status(fault);

    net::Response response = sandbox.answer(endpoint, request);
    if (fault.mode == FaultMode::timeout_after_commit) {
      response.delivery = net::Delivery::never;
    } else if (fault.mode == FaultMode::drip) {
      response.delivery = net::Delivery::drip;
      response.drip_pause = fault.delay > Millis{0} ? fault.delay : drip_pause;
    } else if (fault.mode == FaultMode::malformed && response.status == 200) {
      response.body = spoil(endpoint, response.body, sandbox.spoilt_[static_cast<std::size_t>(endpoint)]++);
    } else if (fault.mode == FaultMode::delay) {
      const MonoTime due = sandbox.clock_.mono_now() + fault.delay;
      if (!co_await HeldCalls::until(sandbox.held_, due)) co_return closed();
    }
    co_return response;
  }

  net::Response answer(Endpoint endpoint, const net::Request& request) {
    switch (endpoint) {
      case Endpoint::identify:
        return identify(books_, request);
      case Endpoint::calculate:
        return calculate_rewards(books_, request);
      case Endpoint::finalize:
        return finalize(books_, request);
      case Endpoint::status:
        return session_status(books_, request);
      case Endpoint::token:
        return desk_.grant(request, clock_.mono_now());
    }
    return refused({500, "INTERNAL", ""});
  }

  net::Response change_faults(const net::Request& request) {
    if (auto changed = faults_.change(request.body); !changed)
      return net::problem_response(changed.error(), request.traceparent);
    close_held();
    return {.status = 204};
  }
  net::Response tell_ledger(const net::Request& request) { return ledger(books_, request); }
  net::Response tell_member(const net::Request& request) { return member(books_, request); }
  /// How many calls of each endpoint have arrived, faulty ones too, and how many sessions there are.
  net::Response tell_stats(const net::Request&) {
    json::Writer stats;
    stats.begin_object();
    for (std::size_t i = 0; i < endpoint_count; ++i)
      stats.field(name_of(static_cast<Endpoint>(i)), calls_[i]);
    stats.field("sessions", books_.sessions()).end_object();
    return net::json_response(200, stats.take());
  }

  net::AsyncClock& clock_;
  SystemRng rng_;
  SeededRng chance_;  ///< Of faults: the same seed misbehaves the same.
  Books books_;
  TokenDesk desk_;
  Faults faults_;
  HeldCalls held_;
  std::array<std::uint64_t, endpoint_count> calls_{};
  std::array<std::size_t, endpoint_count> spoilt_{};
  net::Router router_;
  std::optional<net::HttpServer> server_;
};

Sandbox::Sandbox(net::Reactor& reactor, SandboxConfig config)
    : impl_(std::make_unique<Impl>(reactor, std::move(config))) {}
Sandbox::~Sandbox() = default;
Result<void> Sandbox::start() {
  return impl_->server().start();
}
std::uint16_t Sandbox::port() const {
  return impl_->server().port();
}
Task<void> Sandbox::drain(MonoTime deadline) {
  impl_->close_held();
  co_await impl_->server().drain(deadline);
}

}  // namespace perkline::pdi::sandbox
