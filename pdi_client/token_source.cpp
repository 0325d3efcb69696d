#include "pdi_client/token_source.hpp"

#include <charconv>

#include "pdi_client/base64.hpp"
#include "shared/core/limits.hpp"
#include "shared/json/value.hpp"
#include "shared/net/deadline.hpp"
#include "shared/ops/log.hpp"

namespace perkline::pdi {
namespace {

constexpr std::size_t token_bytes_max = 8192;

std::optional<std::int64_t> whole_number(const json::Value* value) {
  if (value == nullptr || !value->is(json::Value::Kind::number)) return std::nullopt;
  std::int64_t number = 0;
  const std::string_view text = value->text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

TokenSource::TokenSource(net::Reactor& reactor, std::unique_ptr<net::HttpClient> client,
                         TokenSourceOptions options)
    : reactor_(reactor), client_(std::move(client)), options_(std::move(options)) {}

Task<Result<void>> TokenSource::told(std::shared_ptr<net::Signal> signal) {
  co_await signal->wait();
  co_return Result<void>{};
}

Task<Result<AccessToken>> TokenSource::get(MonoTime deadline) {
  const MonoTime began = reactor_.clock().mono_now();
  // A flow of its own: whoever asked may be cancelled, the others still wait for it.
  if (state_.wants_refresh(began)) {
    state_.begin(began);
    reactor_.spawn(refresh());
  }
  if (auto token = state_.usable(began)) co_return std::move(*token);
  if (state_.refreshing()) {
    auto signal = std::make_shared<net::Signal>();
    waiting_.push_back(signal);
    [[maybe_unused]] const auto waited = co_await net::with_deadline(
        reactor_.clock(), std::min<MonoTime>(deadline, began + limits::token_wait), told(signal));
    waiting_.remove(signal);
    if (auto token = state_.usable(reactor_.clock().mono_now())) co_return std::move(*token);
  }
  const auto pause = std::chrono::ceil<Millis>(state_.retry_at() - reactor_.clock().mono_now());
  co_return fail(Error{
      .code = Errc::pdi_unavailable, .detail = "no access token", .retry_after = std::max(pause, Millis{0})});
}

Task<void> TokenSource::refresh() {
  [[maybe_unused]] const bool refreshed = co_await request();
  for (const auto& signal : waiting_) signal->notify();
}

Task<bool> TokenSource::request() {
  net::HttpCall call{.method = net::Method::post,
                     .target = options_.target,
                     .content_type = "application/x-www-form-urlencoded",
                     .body = "grant_type=client_credentials"};
  call.headers.add("Authorization", "Basic " + base64_encode(net::percent_encode(options_.client_id) + ':' +
                                                             net::percent_encode(options_.client_secret)));
  const auto answer =
      co_await client_->call(std::move(call), reactor_.clock().mono_now() + limits::token_wait);
  const MonoTime now = reactor_.clock().mono_now();
  const auto tell = [this](std::string_view result) {
    if (options_.on_refresh) options_.on_refresh(result);
  };
  if (answer && answer->status == 200) {
    const auto document = json::parse(answer->body);
    const json::Value* text = document ? document->root().find("access_token") : nullptr;
    if (text != nullptr && text->is(json::Value::Kind::string) && !text->text().empty() &&
        text->text().size() <= token_bytes_max) {
      state_.succeeded(std::string(text->text()), whole_number(document->root().find("expires_in")), now);
      tell("ok");
      co_return true;
    }
  }
  const bool invalid_client = answer && (answer->status == 401 || answer->status == 400) &&
                              answer->body.find("invalid_client") != std::string::npos;
  state_.failed(invalid_client, now, rng_);
  tell(invalid_client ? "invalid_client" : "failed");
  ops::log(invalid_client ? ops::Level::error : ops::Level::warn, "pdi",
           invalid_client ? "PDI does not know our client id and secret" : "no access token was to be had",
           {{"status", std::int64_t{answer ? answer->status : 0}}});
  co_return false;
}

}  // namespace perkline::pdi
