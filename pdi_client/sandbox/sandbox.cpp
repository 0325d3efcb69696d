#include "pdi_client/sandbox/sandbox.hpp"

#include <algorithm>
#include <list>
#include <unordered_map>

#include "pdi_client/base64.hpp"
#include "pdi_client/sandbox/books.hpp"
#include "pdi_client/sandbox/faults.hpp"
#include "shared/core/bytes.hpp"
#include "shared/json/fields.hpp"
#include "shared/json/writer.hpp"
#include "shared/net/deadline.hpp"
#include "shared/net/http_server.hpp"
#include "shared/net/signal.hpp"

namespace perkline::pdi::sandbox {
namespace {

constexpr seconds token_life{3600};
constexpr std::size_t connections_max = 4096;
constexpr Millis drip_pause{50};

Currency usd() {
  return *find_currency("USD");
}

net::Response refused(int status, std::string_view code, std::string_view message) {
  json::Writer body;
  body.begin_object().field("code", code).field("message", message).end_object();
  return net::json_response(status, body.take());
}
net::Response refused(const Refusal& refusal) {
  return refused(refusal.status, refusal.code, refusal.message);
}

/// A call's fields, or the answer that names every fault.
class Body {
 public:
  explicit Body(const std::string& text) : document_(json::parse(text)) {
    if (document_) fields_.emplace(document_->root(), faults_);
  }
  bool sound() const { return fields_.has_value(); }
  json::Fields& fields() { return *fields_; }
  const json::Value& root() const { return document_->root(); }
  std::optional<net::Response> complaint() const {
    if (!sound()) return refused(400, "MALFORMED", "not JSON");
    if (faults_.empty()) return std::nullopt;
    return refused(400, "INVALID", faults_.front().field + ' ' + faults_.front().message);
  }

 private:
  Result<json::Document> document_;
  std::vector<FieldFault> faults_;
  std::optional<json::Fields> fields_;
};

/// `name=value&…` of a form; nullopt when absent.
std::optional<std::string> form_value(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name || equals == std::string_view::npos) continue;
    std::string value(pair.substr(equals + 1));
    std::ranges::replace(value, '+', ' ');
    return net::percent_decode(value);
  }
  return std::nullopt;
}

}  // namespace

class Sandbox::Impl {
 public:
  Impl(net::Reactor& reactor, SandboxConfig config)
      : reactor_(reactor),
        config_(std::move(config)),
        chance_(static_cast<std::uint64_t>(config_.seed)),
        books_(config_.members, static_cast<std::uint64_t>(config_.seed), reactor.clock(), rng_) {
    add_call(Endpoint::token, net::Method::post, "/oauth/token", "anyone", &Impl::token, true);
    add_call(Endpoint::identify, net::Method::post, "/identify", "bearer", &Impl::identify);
    add_call(Endpoint::calculate, net::Method::post, "/calculateRewards", "bearer", &Impl::calculate);
    add_call(Endpoint::finalize, net::Method::post, "/finalize", "bearer", &Impl::finalize);
    add_call(Endpoint::status, net::Method::get, "/getSessionStatus", "bearer", &Impl::session_status);
    add_control(net::Method::put, "/sandbox/faults", &Impl::change_faults);
    add_control(net::Method::get, "/sandbox/ledger", &Impl::ledger);
    add_control(net::Method::get, "/sandbox/stats", &Impl::stats);
    server_.emplace(
        reactor_,
        net::HttpServerOptions{.listen = config_.listen,
                               .unix_socket = {},
                               .tls = {.cert_file = config_.tls.cert_file, .key_file = config_.tls.key_file},
                               .connections_max = connections_max},
        router_,
        [this](const net::RequestHead& head, const net::Route& route) { return admit(*this, head, route); });
  }

  net::HttpServer& server() { return *server_; }

 private:
  using Answer = net::Response (Impl::*)(const net::Request&);

  void add_call(Endpoint endpoint, net::Method method, const char* path, const char* access, Answer answer,
                bool form = false) {
    router_.add(
        {.method = method,
         .pattern = path,
         .access = access,
         .handler = [this, endpoint, answer](
                        net::Request request) { return serve(*this, endpoint, answer, std::move(request)); },
         .accepts_form = form});
  }
  void add_control(net::Method method, const char* path, Answer answer) {
    router_.add(
        {.method = method,
         .pattern = path,
         .access = "anyone",
         .handler = [this, answer](net::Request request) { return at_once((this->*answer)(request)); }});
  }
  static Task<net::Response> at_once(net::Response response) { co_return response; }

  static Task<Result<net::Principal>> admit(Impl& sandbox, const net::RequestHead& head,
                                            const net::Route& route) {
    if (route.access == "anyone") co_return net::Principal{};
    constexpr std::string_view scheme = "Bearer ";
    const std::string_view authorization = head.headers.find("Authorization").value_or("");
    if (authorization.starts_with(scheme)) {
      const auto token = sandbox.tokens_.find(std::string(authorization.substr(scheme.size())));
      if (token != sandbox.tokens_.end() && token->second > sandbox.reactor_.clock().mono_now())
        co_return net::Principal{};
    }
    co_return fail(Errc::unauthenticated, "a valid access token is needed");
  }

  /// A call with whatever fault it draws. What books, books on arrival; what is held never does so later.
  static Task<net::Response> serve(Impl& sandbox, Endpoint endpoint, Answer answer, net::Request request) {
    ++sandbox.calls_[static_cast<std::size_t>(endpoint)];
    const Fault fault = sandbox.faults_.draw(endpoint, sandbox.chance_);
    net::Response closed;
    closed.delivery = net::Delivery::reset;
    switch (fault.mode) {
      case FaultMode::ok:
        co_return (sandbox.*answer)(request);
      case FaultMode::reset:
        co_return closed;
      case FaultMode::status: {
        net::Response response = refused(fault.status, "FAULT", "as asked for");
        if (!fault.retry_after.empty()) response.headers.add("Retry-After", fault.retry_after);
        co_return response;
      }
      case FaultMode::hang:
        co_await hold(sandbox, MonoTime::max());
        co_return closed;
      case FaultMode::timeout_after_commit:
        (sandbox.*answer)(request);
        co_await hold(sandbox, MonoTime::max());
        co_return closed;
      case FaultMode::delay: {
        net::Response response = (sandbox.*answer)(request);
        const bool released = co_await hold(sandbox, sandbox.reactor_.clock().mono_now() + fault.delay);
        co_return released ? closed : response;
      }
      case FaultMode::malformed: {
        net::Response response = (sandbox.*answer)(request);
        response.body = "{\"earnedPoints\": \"lots\", ";
        co_return response;
      }
      case FaultMode::drip: {
        net::Response response = (sandbox.*answer)(request);
        response.delivery = net::Delivery::drip;
        response.drip_pause = fault.delay > Millis{0} ? fault.delay : drip_pause;
        co_return response;
      }
    }
    co_return closed;
  }

  static Task<Result<void>> released(std::shared_ptr<net::Signal> signal) {
    co_await signal->wait();
    co_return Result<void>{};
  }
  /// Keeps a call until `deadline`; true when a change of faults ended it before.
  static Task<bool> hold(Impl& sandbox, MonoTime deadline) {
    const auto place = sandbox.held_.insert(sandbox.held_.end(), std::make_shared<net::Signal>());
    const std::uint64_t change = sandbox.changes_;
    if (deadline == MonoTime::max()) {
      co_await (*place)->wait();
    } else {
      [[maybe_unused]] const auto waited =
          co_await net::with_deadline(sandbox.reactor_.clock(), deadline, released(*place));
    }
    sandbox.held_.erase(place);
    co_return sandbox.changes_ != change;
  }

  net::Response change_faults(const net::Request& request) {
    if (auto changed = faults_.change(request.body); !changed)
      return net::problem_response(changed.error(), request.traceparent);
    ++changes_;
    for (const auto& held : held_) held->notify();
    net::Response done;
    done.status = 204;
    return done;
  }

  net::Response token(const net::Request& request) {
    std::string id = form_value(request.body, "client_id").value_or("");
    std::string secret = form_value(request.body, "client_secret").value_or("");
    constexpr std::string_view scheme = "Basic ";
    const std::string_view authorization = request.headers.find("Authorization").value_or("");
    if (authorization.starts_with(scheme)) {
      const std::string pair = base64_decode(authorization.substr(scheme.size())).value_or("");
      const std::size_t colon = std::min(pair.find(':'), pair.size());
      id = net::percent_decode(pair.substr(0, colon)).value_or("");
      secret = colon < pair.size() ? net::percent_decode(pair.substr(colon + 1)).value_or("") : "";
    }
    if (form_value(request.body, "grant_type") != "client_credentials") {
      return net::json_response(400, R"({"error":"unsupported_grant_type"})");
    }
    const bool known = std::ranges::any_of(config_.clients, [&](const SandboxConfig::Client& client) {
      return client.id == id && equal_in_constant_time(client.secret, secret);
    });
    if (!known) return net::json_response(401, R"({"error":"invalid_client"})");
    std::string bytes(32, '\0');
    rng_.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    const std::string text = to_hex(bytes);
    const MonoTime now = reactor_.clock().mono_now();
    std::erase_if(tokens_, [&](const auto& old) { return old.second <= now; });
    tokens_.emplace(text, now + token_life);
    json::Writer body;
    body.begin_object()
        .field("access_token", text)
        .field("token_type", "Bearer")
        .field("expires_in", token_life.count())
        .end_object();
    return net::json_response(200, body.take());
  }

  net::Response identify(const net::Request& request) {
    Body body(request.body);
    if (!body.sound()) return *body.complaint();
    const CustomerId customer(body.fields().required_id("customerId"));
    body.fields().required_id("channelId");
    body.fields().required_id("transactionId");
    if (auto complaint = body.complaint()) return *complaint;
    const auto identified = books_.identify(customer);
    if (!identified) return refused(identified.error());
    json::Writer answer;
    answer.begin_object()
        .field("sessionId", identified->session)
        .field("status", "active")
        .field("customerName", identified->member.name);
    answer.field("currentPoints", identified->member.points.count)
        .field("tier", identified->member.tier.name)
        .end_object();
    return net::json_response(200, answer.take());
  }

  net::Response calculate(const net::Request& request) {
    Body body(request.body);
    if (!body.sound()) return *body.complaint();
    const std::string session = body.fields().required_id("sessionId");
    const Money amount = body.fields().required_amount("transactionAmount", usd());
    body.fields().required_array("items", limits::basket_items_max);
    if (auto complaint = body.complaint()) return *complaint;
    const auto rewards = books_.calculate(session, amount);
    if (!rewards) return refused(rewards.error());
    json::Writer answer;
    answer.begin_object().field("earnedPoints", rewards->earned().count);
    answer.field("multiplier", static_cast<double>(rewards->multiplier_hundredths) / 100)
        .field("bonusPoints", rewards->tier_bonus.count);
    answer.key("breakdown")
        .begin_object()
        .field("basePoints", rewards->base.count)
        .field("tierBonus", rewards->tier_bonus.count);
    answer.end_object().end_object();
    return net::json_response(200, answer.take());
  }

  static void write_booking(json::Writer& answer, const Booking& booking) {
    answer.field("earnedPoints", booking.earned.count).field("redeemedPoints", booking.redeemed.count);
    answer.field("newBalance", booking.new_balance.count).field("receiptId", booking.receipt.str());
  }

  net::Response finalize(const net::Request& request) {
    Body body(request.body);
    if (!body.sound()) return *body.complaint();
    Finalize call{
        .session = body.fields().required_id("sessionId"),
        .transaction = TransactionId(body.fields().required_id("transactionId")),
        .amount = body.fields().required_amount("finalAmount", usd()),
        .apply_rewards = body.fields().required_bool("applyRewards"),
        .redeem = Points{body.fields().optional_integer("redeemPoints", 0, points_max.count).value_or(0)}};
    if (auto complaint = body.complaint()) return *complaint;
    const auto booking = books_.finalize(call);
    if (!booking) return refused(booking.error());
    json::Writer answer;
    answer.begin_object().field("sessionId", call.session).field("status", "finalized");
    write_booking(answer, *booking);
    answer.end_object();
    return net::json_response(200, answer.take());
  }

  net::Response session_status(const net::Request& request) {
    const auto session = books_.session(request.query_value("sessionId").value_or(""));
    if (!session) return refused(session.error());
    json::Writer answer;
    answer.begin_object()
        .field("sessionId", session->id)
        .field("status", name_of(session->state))
        .field("customerId", session->customer.str());
    if (session->booking) {
      answer.field("transactionId", books_.ledger()[*session->booking].transaction.str());
      write_booking(answer, books_.ledger()[*session->booking]);
    }
    answer.end_object();
    return net::json_response(200, answer.take());
  }

  net::Response ledger(const net::Request&) {
    json::Writer answer;
    answer.begin_object().key("items").begin_array();
    for (const Booking& booking : books_.ledger()) {
      answer.begin_object()
          .field("transactionId", booking.transaction.str())
          .field("sessionId", booking.session);
      answer.field("customerId", booking.customer.str()).field("finalAmount", format_amount(booking.amount));
      write_booking(answer, booking);
      answer.field("at", format_time(booking.at)).end_object();
    }
    answer.end_array().end_object();
    return net::json_response(200, answer.take());
  }

  net::Response stats(const net::Request&) {
    json::Writer answer;
    answer.begin_object();
    constexpr std::array names{"identify", "calculateRewards", "finalize", "getSessionStatus", "token"};
    for (std::size_t i = 0; i < names.size(); ++i) answer.field(names[i], calls_[i]);
    answer.field("held", held_.size()).end_object();
    return net::json_response(200, answer.take());
  }

  net::Reactor& reactor_;
  SandboxConfig config_;
  SystemRng rng_;
  SeededRng chance_;  ///< Of faults: the same seed misbehaves the same.
  Books books_;
  Faults faults_;
  std::list<std::shared_ptr<net::Signal>> held_;
  std::uint64_t changes_ = 0;
  std::array<std::uint64_t, endpoint_count> calls_{};
  std::unordered_map<std::string, MonoTime> tokens_;
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
  return impl_->server().drain(deadline);
}

}  // namespace perkline::pdi::sandbox
