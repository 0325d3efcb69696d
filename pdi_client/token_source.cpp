#include "pdi_client/token_source.hpp"

#include <algorithm>

#include "pdi_client/answers.hpp"
#include "pdi_client/retry_after.hpp"
#include "pdi_client/token_answer.hpp"
#include "pdi_client/verdict.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/reactor.hpp"
#include "shared/ops/log.hpp"

namespace perkline::pdi {
namespace {

BreakerOptions with_one_permit(BreakerOptions options) {
  options.half_open_permits = 1;
  return options;
}

/// What a refresh without a token says about the endpoint.
Failure failure_of(const std::expected<net::HttpAnswer, net::HttpFailure>& answer) {
  if (!answer) {
    const bool cancelled = answer.error().error.code == Errc::cancelled;
    return {.outcome = cancelled ? Outcome::cancelled : Outcome::unavailable, .error = {}};
  }
  if (answer->status >= 400 && is_invalid_client(answer->body))
    return {.outcome = Outcome::rejected, .error = {}};
  Failure failure{.outcome = outcome_of(answer->status).value_or(Outcome::unavailable), .error = {}};
  if (const auto asked = answer->headers.find("Retry-After"))
    failure.error.retry_after = parse_retry_after(*asked, answer->headers.find("Date").value_or(""));
  return failure;
}

}  // namespace

TokenSource::TokenSource(net::AsyncClock& clock, Rng& rng, std::unique_ptr<net::HttpOrigin> origin,
                         TokenSourceOptions options)
    : clock_(clock),
      rng_(rng),
      origin_(std::move(origin)),
      options_(std::move(options)),
      breaker_(with_one_permit(options_.breaker), rng_) {}

Task<Result<AccessToken>> TokenSource::get(MonoTime deadline) {
  const MonoTime give_up = std::min<MonoTime>(deadline, now() + limits::token_wait);
  while (true) {
    co_await refresh_if_due();
    if (auto token = state_.usable(now())) co_return std::move(*token);
    if (now() >= give_up || is_failing()) break;
    if (state_.refreshing()) {
      co_await await_refresh(give_up);
    } else {
      // The token was refused within a second of its birth.
      co_await clock_.sleep_until(std::min(give_up, state_.retry_at()));
    }
  }
  const auto pause = std::chrono::ceil<Millis>(retry_at() - now());
  co_return fail(Error{
      .code = Errc::pdi_unavailable, .detail = "no access token", .retry_after = std::max(pause, Millis{0})});
}

Task<bool> TokenSource::forbidden(AccessToken token) {
  const bool asked = state_.forbidden(token.generation);
  co_await refresh_if_due();
  co_return asked;
}

/// No refresh is under way, and none may begin for now.
bool TokenSource::is_failing() const {
  return state_.is_failing(now()) || (!state_.refreshing() && breaker_.open_at() > now());
}

/// In a flow of its own: whoever asked may be cancelled, the others still wait for it.
Task<void> TokenSource::refresh_if_due() {
  if (!state_.wants_refresh(now())) co_return;
  auto permit = breaker_.admit(now());
  if (!permit) co_return;
  state_.begin(now());
  co_await net::spawn_child(refresh(std::move(*permit)));
}

Task<void> TokenSource::await_refresh(MonoTime deadline) {
  auto signal = std::make_shared<net::Signal>();
  waiting_.push_back(signal);
  (void)co_await clock_.wait_for(*signal, deadline);
  waiting_.remove(signal);
}

Task<void> TokenSource::refresh(Breaker::Permit permit) {
  co_await request(std::move(permit));
  for (const auto& signal : waiting_) signal->notify();
}

Task<void> TokenSource::request(Breaker::Permit permit) {
  net::HttpCall call{.method = net::Method::post,
                     .target = options_.target,
                     .content_type = "application/x-www-form-urlencoded",
                     .body = "grant_type=client_credentials"};
  call.headers.add("Authorization", basic_authorization(options_.client_id, options_.client_secret));
  const MonoTime began = now();
  const auto answer = co_await origin_->call(std::move(call), began + limits::token_wait);
  auto grant = answer && answer->status == 200 ? read_token_grant(answer->body) : std::nullopt;
  if (!grant) {
    fail_refresh(std::move(permit), answer);
    co_return;
  }
  std::move(permit).succeeded(is_slow(now() - began, limits::token_wait), now());
  state_.succeeded(std::move(grant->access_token), grant->expires_in);
  tell("ok");
}

void TokenSource::fail_refresh(Breaker::Permit permit,
                               const std::expected<net::HttpAnswer, net::HttpFailure>& answer) {
  const Failure failure = failure_of(answer);
  const bool invalid_client = failure.outcome == Outcome::rejected && is_invalid_client(answer->body);
  judge(std::move(permit), failure, now());
  state_.failed({.invalid_client = invalid_client, .retry_after = failure.error.retry_after}, now(), rng_);
  tell(invalid_client ? "invalid_client" : "failed");
  ops::log(invalid_client ? ops::Level::error : ops::Level::warn, "pdi",
           invalid_client ? "PDI does not know our client id and secret" : "no access token was to be had",
           {{"status", std::int64_t{answer ? answer->status : 0}},
            {"why", answer ? std::string_view("answer") : name_of(answer.error().error.code)}});
}

}  // namespace perkline::pdi
