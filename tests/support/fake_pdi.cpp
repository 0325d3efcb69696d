#include "tests/support/fake_pdi.hpp"

#include <algorithm>

#include "shared/core/assert.hpp"
#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"

namespace perkline::test {
namespace {

Task<Result<net::Principal>> anyone() {
  co_return net::Principal{};
}

std::string member(const std::string& body, std::string_view name) {
  const auto document = json::parse(body);
  const json::Value* value = document ? document->root().find(name) : nullptr;
  return value == nullptr ? std::string() : std::string(value->text());
}

net::Response unknown_session() {
  return net::json_response(404, R"({"code":"UNKNOWN_SESSION","message":"no such session"})");
}

}  // namespace

FakePdi::FakePdi(net::ServerTls tls) : scheme_(tls.cert_file.empty() ? "http" : "https") {
  route(Call::identify, net::Method::post, "/identify");
  route(Call::calculate, net::Method::post, "/calculateRewards");
  route(Call::finalize, net::Method::post, "/finalize");
  route(Call::status, net::Method::get, "/getSessionStatus");
  route(Call::token, net::Method::post, "/oauth/token", true);
  Result<void> started;
  reactor_.run([&] {
    server_ = std::make_unique<net::HttpServer>(
        *reactor_,
        net::HttpServerOptions{.listen = "127.0.0.1:0", .tls = std::move(tls), .connections_max = 4096},
        router_, [](const net::RequestHead&, const net::Route&) { return anyone(); });
    started = server_->start();
  });
  PERKLINE_ASSERT(started.has_value());
}

FakePdi::~FakePdi() {
  behave();
  reactor_.await(server_->drain(reactor_->clock().mono_now() + seconds{1}));
  reactor_.run([&] { server_.reset(); });
}

std::string FakePdi::url() const {
  return std::string(scheme_) + "://127.0.0.1:" + std::to_string(server_->port());
}

void FakePdi::route(Call call, net::Method method, const std::string& path, bool form) {
  router_.add(
      {.method = method,
       .pattern = path,
       .access = "anyone",
       .handler = [this, call](net::Request request) { return serve(*this, call, std::move(request)); },
       .accepts_form = form});
}

namespace {

constexpr Millis held_pause{10};

}  // namespace

Task<net::Response> FakePdi::serve(FakePdi& pdi, Call call, net::Request request) {
  net::Response response;
  Millis delay{0};
  std::size_t count = 0;
  {
    const std::scoped_lock lock(pdi.mutex_);
    count = pdi.count_;
    Endpoint& endpoint = pdi.at(call);
    endpoint.arrivals.push_back(pdi.reactor_->clock().mono_now());
    endpoint.in_flight_max = std::max(endpoint.in_flight_max, ++endpoint.in_flight);
    response = pdi.made(call, request);
    delay = endpoint.delay;
  }
  if (delay > Millis{0}) co_await pdi.reactor_->clock().sleep(delay);
  while (pdi.held(call)) co_await pdi.reactor_->clock().sleep(held_pause);
  const std::scoped_lock lock(pdi.mutex_);
  if (count == pdi.count_) --pdi.at(call).in_flight;
  co_return response;
}

net::Response FakePdi::made(Call call, const net::Request& request) {
  const Endpoint& endpoint = at(call);
  const bool foreign = request.headers.find("Authorization").value_or("").ends_with(foreign_token);
  if (foreign && call != Call::token) return net::json_response(401, "{}");
  if (endpoint.response) return *endpoint.response;
  net::Response response = good(call, request);
  if (response.status != 200) return response;
  if (endpoint.spoil) response.body = endpoint.spoil(std::move(response.body));
  response.delivery = endpoint.delivery;
  response.drip_pause = endpoint.drip_pause;
  return response;
}

net::Response FakePdi::good(Call call, const net::Request& request) {
  switch (call) {
    case Call::identify:
      return net::json_response(200, identified(request));
    case Call::calculate:
      return net::json_response(200, calculated(request));
    case Call::finalize:
      return finalized(request);
    case Call::status:
      return told(request);
    case Call::token:
      return net::json_response(200, R"({"access_token":"token-)" + std::to_string(++tokens_) +
                                         R"(","token_type":"Bearer","expires_in":3600})");
  }
  return {};
}

std::string FakePdi::identified(const net::Request& request) {
  const std::string id = "fake-" + std::to_string(sessions_.size() + 1);
  sessions_[id].transaction = member(request.body, "transactionId");
  json::Writer out;
  out.begin_object().field("sessionId", id).field("status", "active").field("customerName", "Fay Doe");
  return out.field("currentPoints", points).field("tier", "Gold").end_object().take();
}

std::string FakePdi::calculated(const net::Request& request) {
  const std::string id = member(request.body, "sessionId");
  Session& session = sessions_[id];
  if (session.status == "active") session.status = "calculated";
  return R"({"sessionId":")" + id + R"(","earnedPoints":450,"multiplier":3.0,"bonusPoints":150,)" +
         R"("breakdown":{"basePoints":300,"tierBonus":150}})";
}

net::Response FakePdi::finalized(const net::Request& request) {
  const std::string id = member(request.body, "sessionId");
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return unknown_session();
  std::size_t all = 0;
  for (const auto& [transaction, times] : booked_) all += times;
  found->second.status = "finalized";
  found->second.receipt = "R-" + std::to_string(all + 1);
  ++booked_[member(request.body, "transactionId")];
  return net::json_response(200, R"({"sessionId":")" + id + R"(",)" + figures(found->second) + '}');
}

net::Response FakePdi::told(const net::Request& request) const {
  const std::string id = request.query_value("sessionId").value_or("");
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return unknown_session();
  return net::json_response(200, R"({"sessionId":")" + id + R"(",)" + figures(found->second) + '}');
}

std::string FakePdi::figures(const Session& session) const {
  std::string text = R"("status":")" + session.status + '"';
  if (session.status != "finalized") return text;
  return text + R"(,"earnedPoints":450,"redeemedPoints":0,"newBalance":1450,"receiptId":")" +
         session.receipt + '"';
}

void FakePdi::spoil(Call call, Spoil how) {
  const std::scoped_lock lock(mutex_);
  at(call).spoil = std::move(how);
}

void FakePdi::answer(Call call, net::Response response) {
  const std::scoped_lock lock(mutex_);
  at(call).response = std::move(response);
}

void FakePdi::deliver(Call call, net::Delivery how, Millis drip_pause) {
  const std::scoped_lock lock(mutex_);
  at(call).delivery = how;
  at(call).drip_pause = drip_pause;
}

void FakePdi::answer_all(const net::Response& response) {
  for (const Call call : {Call::identify, Call::calculate, Call::finalize, Call::status})
    answer(call, response);
}

void FakePdi::delay(Call call, Millis time) {
  const std::scoped_lock lock(mutex_);
  at(call).delay = time;
}

void FakePdi::hold(Call call) {
  const std::scoped_lock lock(mutex_);
  at(call).held = true;
}

void FakePdi::let_go(Call call) {
  const std::scoped_lock lock(mutex_);
  at(call).held = false;
}

bool FakePdi::held(Call call) const {
  const std::scoped_lock lock(mutex_);
  return at(call).held;
}

void FakePdi::behave() {
  {
    const std::scoped_lock lock(mutex_);
    for (Endpoint& endpoint : endpoints_) {
      endpoint.spoil = nullptr;
      endpoint.response.reset();
      endpoint.delivery = net::Delivery::whole;
      endpoint.delay = Millis{0};
      endpoint.held = false;
    }
  }
  reactor_.run([this] { server_->reset_held(); });
}

std::size_t FakePdi::calls(Call call) const {
  const std::scoped_lock lock(mutex_);
  return at(call).arrivals.size();
}

std::size_t FakePdi::in_flight_max(Call call) const {
  const std::scoped_lock lock(mutex_);
  return at(call).in_flight_max;
}

std::vector<MonoTime> FakePdi::arrivals(Call call) const {
  const std::scoped_lock lock(mutex_);
  return at(call).arrivals;
}

std::size_t FakePdi::opened(const std::string& transaction) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count(sessions_, transaction, [](const auto& known) { return known.second.transaction; }));
}

std::size_t FakePdi::booked(const std::string& transaction) const {
  const std::scoped_lock lock(mutex_);
  const auto found = booked_.find(transaction);
  return found == booked_.end() ? 0 : found->second;
}

void FakePdi::forget_counts() {
  const std::scoped_lock lock(mutex_);
  for (Endpoint& endpoint : endpoints_) {
    endpoint.arrivals.clear();
    endpoint.in_flight = endpoint.in_flight_max = 0;
  }
  ++count_;
}

std::string with_member(const std::string& body, const std::string& name, const std::string& raw) {
  const std::string key = '"' + name + "\":";
  const std::size_t begin = body.find(key);
  PERKLINE_ASSERT(begin != std::string::npos);
  const std::size_t end = body.find_first_of(",}", begin);
  if (!raw.empty()) return body.substr(0, begin) + key + raw + body.substr(end);
  // Without the comma that parted it from its neighbour.
  if (body[end] == ',') return body.substr(0, begin) + body.substr(end + 1);
  return body.substr(0, begin - 1) + body.substr(end);
}

}  // namespace perkline::test
