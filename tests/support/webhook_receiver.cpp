#include "tests/support/webhook_receiver.hpp"

#include <algorithm>

#include "shared/core/assert.hpp"
#include "shared/json/value.hpp"

namespace perkline::test {
namespace {

Task<Result<net::Principal>> anyone() {
  co_return net::Principal{};
}

std::string field_of(const net::Request& request, std::string_view name) {
  return std::string(request.headers.find(name).value_or(""));
}

}  // namespace

WebhookReceiver::WebhookReceiver() {
  for (const char* path : {"/hook", "/elsewhere"}) {
    router_.add({.method = net::Method::post,
                 .pattern = path,
                 .access = "anyone",
                 .handler = [this](net::Request request) { return serve(*this, std::move(request)); }});
  }
  Result<void> started;
  reactor_.run([&] {
    server_ = std::make_unique<net::HttpServer>(
        *reactor_, net::HttpServerOptions{.listen = "127.0.0.1:0"}, router_,
        [](const net::RequestHead&, const net::Route&) { return anyone(); });
    started = server_->start();
  });
  PERKLINE_ASSERT(started.has_value());
}

WebhookReceiver::~WebhookReceiver() {
  reactor_.run([&] { server_->reset_held(); });
  reactor_.await(server_->drain(reactor_->clock().mono_now() + seconds{1}));
  reactor_.run([&] { server_.reset(); });
}

void WebhookReceiver::answer(net::Response response) {
  const std::scoped_lock lock(mutex_);
  response_ = std::move(response);
}

void WebhookReceiver::answer_next(std::vector<net::Response> responses) {
  const std::scoped_lock lock(mutex_);
  next_.insert(next_.end(), responses.begin(), responses.end());
}

void WebhookReceiver::delay(Millis time) {
  const std::scoped_lock lock(mutex_);
  delay_ = time;
}

Task<net::Response> WebhookReceiver::serve(WebhookReceiver& receiver, net::Request request) {
  net::Response response;
  Millis delay{0};
  {
    const std::scoped_lock lock(receiver.mutex_);
    receiver.in_flight_max_ = std::max(receiver.in_flight_max_, ++receiver.in_flight_);
    receiver.received_.push_back({.path = request.path + (request.query.empty() ? "" : "?" + request.query),
                                  .body = request.body,
                                  .signature = field_of(request, "Perkline-Signature"),
                                  .event_id = field_of(request, "Perkline-Event-Id"),
                                  .delivery_id = field_of(request, "Perkline-Delivery-Id")});
    response = receiver.response_;
    if (!receiver.next_.empty()) {
      response = std::move(receiver.next_.front());
      receiver.next_.pop_front();
    }
    delay = receiver.delay_;
  }
  if (delay > Millis{0}) co_await receiver.reactor_->clock().sleep(delay);
  const std::scoped_lock lock(receiver.mutex_);
  --receiver.in_flight_;
  co_return response;
}

std::vector<WebhookReceiver::Received> WebhookReceiver::received() const {
  const std::scoped_lock lock(mutex_);
  return received_;
}

std::vector<std::string> WebhookReceiver::members(const std::string& name) const {
  std::vector<std::string> all;
  for (const Received& each : received()) {
    const auto document = json::parse(each.body);
    const json::Value* found = document ? document->root().find(name) : nullptr;
    all.emplace_back(found == nullptr ? "" : std::string(found->text()));
  }
  return all;
}

std::size_t WebhookReceiver::in_flight_max() const {
  const std::scoped_lock lock(mutex_);
  return in_flight_max_;
}

}  // namespace perkline::test
