#include "pdi_client/token_source.hpp"

#include <algorithm>

#include "pdi_client/token_answer.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/deadline.hpp"
#include "shared/ops/log.hpp"

namespace perkline::pdi {

TokenSource::TokenSource(net::Reactor& reactor, std::unique_ptr<net::HttpClient> client,
                         TokenSourceOptions options)
    : reactor_(reactor), client_(std::move(client)), options_(std::move(options)) {}

Task<Result<AccessToken>> TokenSource::get(MonoTime deadline) {
  const MonoTime give_up = std::min<MonoTime>(deadline, now() + limits::token_wait);
  while (true) {
    refresh_if_due();
    if (auto token = state_.usable(now())) co_return std::move(*token);
    if (now() >= give_up || state_.is_failing(now())) break;
    if (state_.refreshing()) {
      co_await await_refresh(give_up);
    } else {
      // The token was refused within a second of its birth.
      co_await reactor_.clock().sleep_until(std::min(give_up, state_.retry_at()));
    }
  }
  const auto pause = std::chrono::ceil<Millis>(state_.retry_at() - now());
  co_return fail(Error{
      .code = Errc::pdi_unavailable, .detail = "no access token", .retry_after = std::max(pause, Millis{0})});
}

bool TokenSource::forbidden(const AccessToken& token) {
  const bool asked = state_.forbidden(token.generation);
  refresh_if_due();
  return asked;
}

/// In a flow of its own: whoever asked may be cancelled, the others still wait for it.
void TokenSource::refresh_if_due() {
  if (!state_.wants_refresh(now())) return;
  state_.begin(now());
  reactor_.spawn(refresh());
}

Task<Result<void>> TokenSource::told(std::shared_ptr<net::Signal> signal) {
  co_await signal->wait();
  co_return Result<void>{};
}

Task<void> TokenSource::await_refresh(MonoTime deadline) {
  auto signal = std::make_shared<net::Signal>();
  waiting_.push_back(signal);
  (void)co_await net::with_deadline(reactor_.clock(), deadline, told(signal));
  waiting_.remove(signal);
}

Task<void> TokenSource::refresh() {
  co_await request();
  for (const auto& signal : waiting_) signal->notify();
}

Task<void> TokenSource::request() {
  net::HttpCall call{.method = net::Method::post,
                     .target = options_.target,
                     .content_type = "application/x-www-form-urlencoded",
                     .body = "grant_type=client_credentials"};
  call.headers.add("Authorization", basic_authorization(options_.client_id, options_.client_secret));
  const auto answer = co_await client_->call(std::move(call), now() + limits::token_wait);
  auto grant = answer && answer->status == 200 ? read_token_grant(answer->body) : std::nullopt;
  if (!grant) {
    fail_refresh(answer);
    co_return;
  }
  state_.succeeded(std::move(grant->access_token), grant->expires_in);
  tell("ok");
}

void TokenSource::fail_refresh(const std::expected<net::HttpAnswer, net::HttpFailure>& answer) {
  const bool invalid_client = answer && answer->status >= 400 && is_invalid_client(answer->body);
  state_.failed(invalid_client, now(), rng_);
  tell(invalid_client ? "invalid_client" : "failed");
  ops::log(invalid_client ? ops::Level::error : ops::Level::warn, "pdi",
           invalid_client ? "PDI does not know our client id and secret" : "no access token was to be had",
           {{"status", std::int64_t{answer ? answer->status : 0}},
            {"why", answer ? std::string_view("answer") : name_of(answer.error().error.code)}});
}

}  // namespace perkline::pdi
