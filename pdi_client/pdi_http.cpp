#include "pdi_client/pdi_http.hpp"

#include "pdi_client/answers.hpp"
#include "pdi_client/retry_after.hpp"
#include "pdi_client/token_source.hpp"
#include "shared/core/limits.hpp"
#include "shared/json/writer.hpp"
#include "shared/net/http_client.hpp"

namespace perkline::pdi {
namespace {

constexpr std::string_view ok = "ok";

struct SplitUrl {
  std::string origin;
  std::string path;  ///< Empty, or begins with `/`.
};

SplitUrl split(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t path = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  if (path == std::string::npos) return {url, ""};
  std::string prefix = url.substr(path);
  while (prefix.ends_with('/')) prefix.pop_back();
  return {url.substr(0, path), prefix};
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
};

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
    case Outcome::not_tried:
      return "not_tried";
  }
  return {};
}

struct PdiHttp::State {
  net::Reactor& reactor;
  PdiHttpOptions options;
  std::string prefix;
  std::unique_ptr<net::HttpClient> client;
  TokenSource tokens;
  std::size_t in_flight = 0;

  MonoTime earlier(MonoTime deadline, Millis timeout) const {
    return std::min<MonoTime>(deadline, reactor.clock().mono_now() + timeout);
  }
  void tell(std::string_view endpoint, std::string_view outcome) const {
    if (options.on_call) options.on_call(endpoint, outcome);
  }

  Task<Reply<std::string>> exchange(Request request, MonoTime deadline);
  Task<Reply<std::string>> with_tokens(Request request, MonoTime deadline);

  /// The call, and its body as `read` takes it.
  template <class T, class Read>
  Task<Reply<T>> call(Request request, MonoTime deadline, Read read) {
    const std::string_view endpoint = request.endpoint;
    auto body = co_await exchange(std::move(request), deadline);
    if (!body) {
      tell(endpoint, name_of(body.error().outcome));
      co_return std::unexpected(std::move(body.error()));
    }
    auto value = read(*body);
    if (!value) {
      tell(endpoint, "malformed");
      co_return std::unexpected(failed(Outcome::unavailable, true));
    }
    tell(endpoint, ok);
    co_return std::move(*value);
  }
};

Task<Reply<std::string>> PdiHttp::State::exchange(Request request, MonoTime deadline) {
  if (in_flight >= options.max_in_flight) co_return std::unexpected(failed(Outcome::not_tried, false));
  // Counts down on every way out, also when the waiting flow is destroyed.
  struct InFlight {
    explicit InFlight(std::size_t& counted) : count(counted) { ++count; }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight() { --count; }
    std::size_t& count;
  } const place(in_flight);
  co_return co_await with_tokens(std::move(request), deadline);
}

Task<Reply<std::string>> PdiHttp::State::with_tokens(Request request, MonoTime deadline) {
  for (bool first = true;; first = false) {
    const auto token = co_await tokens.get(deadline);
    if (!token) co_return std::unexpected(failed(Outcome::unauthorized, false, token.error().retry_after));
    net::HttpCall call{.method = request.method, .target = request.target, .body = request.body};
    call.headers.add("Authorization", "Bearer " + token->text);
    auto answer = co_await client->call(std::move(call), deadline);
    if (!answer) {
      const Outcome outcome =
          answer.error().error.code == Errc::overloaded ? Outcome::not_tried : Outcome::unavailable;
      co_return std::unexpected(failed(outcome, answer.error().may_have_been_sent));
    }
    const auto outcome = outcome_of(answer->status);
    if (!outcome) co_return std::move(answer->body);
    if (*outcome == Outcome::unauthorized) tokens.refused(*token);
    if (*outcome != Outcome::unauthorized || !first) co_return std::unexpected(failure_of(*outcome, *answer));
  }
}

PdiHttp::PdiHttp(std::unique_ptr<State> state) : state_(std::move(state)) {}
PdiHttp::~PdiHttp() = default;

Result<std::unique_ptr<PdiHttp>> PdiHttp::make(net::Reactor& reactor, PdiHttpOptions options) {
  const SplitUrl url = split(options.url);
  const SplitUrl token_url = split(options.token_url);
  auto client = net::HttpClient::make(reactor, {.origin = url.origin,
                                                .ca_file = options.ca_file,
                                                .connections_max = options.max_in_flight,
                                                .answer_bytes_max = limits::pdi_answer_bytes_max});
  if (!client) return failure(client);
  auto token_client = net::HttpClient::make(
      reactor, {.origin = token_url.origin, .ca_file = options.ca_file, .connections_max = 2});
  if (!token_client) return failure(token_client);
  TokenSourceOptions token_options{.target = token_url.path.empty() ? "/" : token_url.path,
                                   .client_id = options.client_id,
                                   .client_secret = options.client_secret,
                                   .on_refresh = options.on_refresh};
  auto state = std::unique_ptr<State>(
      new State{.reactor = reactor,
                .options = std::move(options),
                .prefix = url.path,
                .client = std::move(*client),
                .tokens = TokenSource(reactor, std::move(*token_client), std::move(token_options))});
  return std::unique_ptr<PdiHttp>(new PdiHttp(std::move(state)));
}

Task<Reply<Identified>> PdiHttp::identify(IdentifyCall call, MonoTime deadline) {
  json::Writer body;
  body.begin_object().field("customerId", call.customer.str()).field("channelId", call.channel.str());
  body.field("transactionId", call.transaction.str()).end_object();
  Request request{"identify", net::Method::post, state_->prefix + "/identify", body.take()};
  co_return co_await state_->call<Identified>(
      std::move(request), state_->earlier(deadline, state_->options.timeouts.identify), read_identified);
}

Task<Reply<Rewards>> PdiHttp::calculate(CalculateCall call, MonoTime deadline) {
  json::Writer body;
  body.begin_object()
      .field("sessionId", call.session.str())
      .field("transactionAmount", format_amount(call.transaction_amount));
  body.key("items").begin_array();
  for (const Item& item : call.items) {
    body.begin_object().field("sku", item.sku).field("qty", format_quantity(item.quantity));
    if (item.unit_price) body.field("unitPrice", format_amount(*item.unit_price));
    if (!item.category.empty()) body.field("category", item.category);
    body.end_object();
  }
  body.end_array().end_object();
  Request request{"calculateRewards", net::Method::post, state_->prefix + "/calculateRewards", body.take()};
  co_return co_await state_->call<Rewards>(
      std::move(request), state_->earlier(deadline, state_->options.timeouts.calculate), read_rewards);
}

Task<Reply<Finalized>> PdiHttp::finalize(FinalizeCall call, MonoTime deadline) {
  json::Writer body;
  body.begin_object().field("sessionId", call.session.str()).field("transactionId", call.transaction.str());
  body.field("finalAmount", format_amount(call.final_amount)).field("applyRewards", call.apply_rewards);
  if (call.redeem) body.field("redeemPoints", call.redeem->count);
  body.end_object();
  Request request{"finalize", net::Method::post, state_->prefix + "/finalize", body.take()};
  co_return co_await state_->call<Finalized>(
      std::move(request), state_->earlier(deadline, state_->options.timeouts.finalize),
      [call](std::string_view answer) { return read_finalized(answer, call); });
}

Task<Reply<SessionStatus>> PdiHttp::status(ProviderSessionId session, MonoTime deadline) {
  Request request{"getSessionStatus", net::Method::get,
                  state_->prefix + "/getSessionStatus?sessionId=" + net::percent_encode(session.str()), ""};
  co_return co_await state_->call<SessionStatus>(
      std::move(request), state_->earlier(deadline, state_->options.timeouts.status),
      [session](std::string_view answer) { return read_status(answer, session); });
}

}  // namespace perkline::pdi
