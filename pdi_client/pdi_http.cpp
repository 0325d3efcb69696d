#include "pdi_client/pdi_http.hpp"

#include <algorithm>

#include "pdi_client/answers.hpp"
#include "pdi_client/places.hpp"
#include "pdi_client/requests.hpp"
#include "pdi_client/retry_after.hpp"
#include "pdi_client/token_source.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/http_client.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::pdi {
namespace {

constexpr std::string_view ok = "ok";
constexpr std::string_view malformed = "malformed";  ///< Tells a bad answer from none; for metrics only.

struct SplitUrl {
  std::string origin;
  std::string path;  ///< Empty, or begins with `/`.
};

SplitUrl split(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t path = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  if (path == std::string::npos) return {url, ""};
  return {url.substr(0, path), url.substr(path)};
}

Failure failed(Outcome outcome, bool may_have_been_sent, std::optional<Millis> retry_after = std::nullopt) {
  return {.outcome = outcome,
          .may_have_been_sent = may_have_been_sent,
          .error = {.code = Errc::pdi_unavailable,
                    .detail = std::string(name_of(outcome)),
                    .retry_after = retry_after}};
}

/// One of PDI's four calls on its way.
struct Request {
  std::string_view endpoint;
  net::Method method;
  std::string target;
  std::string body;
  std::string traceparent;
};

/// What a call without an answer means.
Outcome outcome_of(const net::HttpFailure& failure) {
  if (failure.error.code == Errc::overloaded) return Outcome::not_tried;
  return failure.error.code == Errc::cancelled ? Outcome::cancelled : Outcome::unavailable;
}

Failure failure_of(Outcome outcome, const net::HttpAnswer& answer) {
  if (outcome == Outcome::rejected) {
    ProviderFault fault = read_refusal(answer.body);
    if (fault.code.empty()) fault.code = "HTTP_" + std::to_string(answer.status);
    return {.outcome = outcome,
            .may_have_been_sent = false,
            .error = {.code = Errc::pdi_rejected, .detail = fault.code, .provider = fault}};
  }
  const auto asked = answer.headers.find("Retry-After");
  const auto pause =
      asked ? parse_retry_after(*asked, answer.headers.find("Date").value_or("")) : std::nullopt;
  return failed(outcome, outcome == Outcome::unavailable, pause);
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::rejected:
      return "rejected";
    case Outcome::rate_limited:
      return "rate_limited";
    case Outcome::unauthorized:
      return "unauthorized";
    case Outcome::forbidden:
      return "forbidden";
    case Outcome::unavailable:
      return "unavailable";
    case Outcome::no_token:
      return "no_token";
    case Outcome::not_tried:
      return "not_tried";
    case Outcome::cancelled:
      return "cancelled";
  }
  return {};
}

struct PdiHttp::State {
  net::AsyncClock& clock;
  PdiHttpOptions options;
  std::string prefix;  ///< Goes before the calls' own names.
  std::unique_ptr<net::HttpOrigin> origin;
  TokenSource tokens;
  SeededRng span_ids;  ///< Need only be unique.
  Places in_flight{options.max_in_flight};

  MonoTime earlier(MonoTime deadline, Millis timeout) const {
    return std::min<MonoTime>(deadline, clock.mono_now() + timeout);
  }
  /// What a call was, once it has ended.
  struct Called {
    std::string_view endpoint;
    std::string traceparent;
    MonoTime began;
  };
  void tell(const Called& call, std::string_view outcome) const {
    const auto lasted = clock.mono_now() - call.began;
    if (options.on_call) options.on_call(call.endpoint, outcome, lasted);
    if (!ops::log_enabled(ops::Level::debug)) return;
    const std::chrono::duration<double, std::milli> took = lasted;
    ops::log(ops::Level::debug, "pdi", "called",
             {{"endpoint", call.endpoint},
              {"outcome", outcome},
              {"duration", took.count()},
              {"traceId", ops::trace_id_of(call.traceparent)},
              {"spanId", ops::span_id_of(call.traceparent)}});
  }

  Task<Reply<std::string>> exchange(Request request, MonoTime deadline);
  Task<Reply<net::HttpAnswer>> send(Request request, AccessToken token, MonoTime deadline);
  Task<Failure> refusal(Outcome outcome, net::HttpAnswer answer, AccessToken token);

  /// The call, and its body as `read` takes it.
  template <class T, class Read>
  Task<Reply<T>> call(Request request, MonoTime deadline, Read read) {
    if (!request.traceparent.empty())
      request.traceparent = ops::child_traceparent(request.traceparent, span_ids);
    const Called called{
        .endpoint = request.endpoint, .traceparent = request.traceparent, .began = clock.mono_now()};
    auto body = co_await exchange(std::move(request), deadline);
    if (!body) {
      tell(called, name_of(body.error().outcome));
      co_return std::unexpected(std::move(body.error()));
    }
    auto value = read(*body);
    if (!value) {
      tell(called, malformed);
      co_return std::unexpected(failed(Outcome::unavailable, true));
    }
    tell(called, ok);
    co_return std::move(*value);
  }
};

/// The answer's body. A 401 is tried again with another token, once.
Task<Reply<std::string>> PdiHttp::State::exchange(Request request, MonoTime deadline) {
  const Places::Place place = in_flight.take();
  if (!place) co_return std::unexpected(failed(Outcome::not_tried, false));
  for (bool first = true;; first = false) {
    const auto token = co_await tokens.get(deadline);
    if (!token) co_return std::unexpected(failed(Outcome::no_token, false, token.error().retry_after));
    auto answer = co_await send(request, *token, deadline);
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    const auto outcome = outcome_of(answer->status);
    if (!outcome) co_return std::move(answer->body);
    Failure failure = co_await refusal(*outcome, std::move(*answer), *token);
    if (*outcome != Outcome::unauthorized || !first) co_return std::unexpected(std::move(failure));
  }
}

Task<Reply<net::HttpAnswer>> PdiHttp::State::send(Request request, AccessToken token, MonoTime deadline) {
  net::HttpCall call{
      .method = request.method, .target = std::move(request.target), .body = std::move(request.body)};
  call.headers.add("Authorization", "Bearer " + token.text);
  if (!request.traceparent.empty()) call.headers.add("traceparent", std::move(request.traceparent));
  auto answer = co_await origin->call(std::move(call), deadline);
  if (answer) co_return std::move(*answer);
  co_return std::unexpected(failed(outcome_of(answer.error()), answer.error().may_have_been_sent));
}

/// What an answer that is no success means, for the call and for the token it came with.
Task<Failure> PdiHttp::State::refusal(Outcome outcome, net::HttpAnswer answer, AccessToken token) {
  if (outcome == Outcome::unauthorized) tokens.refused(token);
  if (outcome == Outcome::forbidden && co_await tokens.forbidden(token))
    ops::log(ops::Level::error, "pdi", "PDI forbids our calls", {{"status", std::int64_t{answer.status}}});
  co_return failure_of(outcome, answer);
}

PdiHttp::~PdiHttp() = default;

BreakerState PdiHttp::token_breaker() {
  return state_->tokens.breaker();
}

PdiHttp::PdiHttp(PdiHttpPorts ports, PdiHttpOptions options) {
  SplitUrl url = split(options.url);
  while (url.path.ends_with('/')) url.path.pop_back();
  const std::string token_path = split(options.token_url).path;
  TokenSourceOptions token_options{.target = token_path.empty() ? "/" : token_path,
                                   .client_id = options.client_id,
                                   .client_secret = options.client_secret,
                                   .breaker = options.token_breaker,
                                   .on_refresh = options.on_refresh};
  state_.reset(new State{
      .clock = ports.clock,
      .options = std::move(options),
      .prefix = std::move(url.path),
      .origin = std::move(ports.calls),
      .tokens = TokenSource(ports.clock, ports.rng, std::move(ports.tokens), std::move(token_options)),
      .span_ids = SeededRng(ports.rng.next())});
}

Result<std::unique_ptr<PdiHttp>> PdiHttp::make(net::Reactor& reactor, PdiHttpOptions options) {
  static SystemRng rng;
  auto calls = net::HttpClient::make(reactor, {.origin = split(options.url).origin,
                                               .ca_file = options.ca_file,
                                               .connections_max = options.max_in_flight,
                                               .answer_bytes_max = limits::pdi_answer_bytes_max});
  if (!calls) return failure(calls);
  auto tokens = net::HttpClient::make(reactor, {.origin = split(options.token_url).origin,
                                                .ca_file = options.ca_file,
                                                .connections_max = 2,
                                                .answer_bytes_max = limits::pdi_answer_bytes_max});
  if (!tokens) return failure(tokens);
  return std::make_unique<PdiHttp>(
      PdiHttpPorts{
          .clock = reactor.clock(), .rng = rng, .calls = std::move(*calls), .tokens = std::move(*tokens)},
      std::move(options));
}

Task<Reply<Identified>> PdiHttp::identify(IdentifyCall call, MonoTime deadline) {
  Request request{"identify", net::Method::post, state_->prefix + "/identify", request_body(call),
                  std::move(call.traceparent)};
  co_return co_await state_->call<Identified>(
      std::move(request), state_->earlier(deadline, state_->options.timeouts.identify), read_identified);
}

Task<Reply<Rewards>> PdiHttp::calculate(CalculateCall call, MonoTime deadline) {
  Request request{"calculateRewards", net::Method::post, state_->prefix + "/calculateRewards",
                  request_body(call), std::move(call.traceparent)};
  co_return co_await state_->call<Rewards>(
      std::move(request), state_->earlier(deadline, state_->options.timeouts.calculate),
      [session = std::move(call.session)](std::string_view answer) { return read_rewards(answer, session); });
}

Task<Reply<Finalized>> PdiHttp::finalize(FinalizeCall call, MonoTime deadline) {
  Request request{"finalize", net::Method::post, state_->prefix + "/finalize", request_body(call),
                  call.traceparent};
  co_return co_await state_->call<Finalized>(
      std::move(request), state_->earlier(deadline, state_->options.timeouts.finalize),
      [call = std::move(call)](std::string_view answer) { return read_finalized(answer, call); });
}

Task<Reply<SessionStatus>> PdiHttp::status(StatusCall call, MonoTime deadline) {
  Request request{"getSessionStatus",
                  net::Method::get,
                  state_->prefix + "/getSessionStatus?sessionId=" + net::percent_encode(call.session.str()),
                  {},
                  std::move(call.traceparent)};
  co_return co_await state_->call<SessionStatus>(
      std::move(request), state_->earlier(deadline, state_->options.timeouts.status),
      [session = std::move(call.session)](std::string_view answer) { return read_status(answer, session); });
}

}  // namespace perkline::pdi
