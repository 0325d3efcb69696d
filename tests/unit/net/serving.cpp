#include "tests/unit/net/serving.hpp"

#include <stdexcept>

#include "shared/net/http.hpp"
#include "shared/net/signal.hpp"
#include "shared/net/web_socket.hpp"

namespace perkline::test {

using net::Method;
using net::Request;
using net::RequestHead;
using net::Response;
using net::Route;

/// What GET /wait waits at. Polled, as it is no more than a test's.
struct Serving::Gate {
  net::AsyncClock* clock = nullptr;
  bool open = false;
  int waiting = 0;
};

namespace {

Task<Response> echo(Request request) {
  co_return Response{.content_type = "text/plain", .body = std::move(request.body)};
}

Task<Response> thing(Request request) {
  co_return Response{.content_type = "text/plain",
                     .body = request.path_values.at(0) + " " + request.query_value("q").value_or("-")};
}

Task<Response> peer(Request request) {
  co_return Response{.content_type = "text/plain", .body = "<" + request.peer + ">"};
}

Task<Response> throws(Request) {
  throw std::runtime_error("the exception's own text");
  co_return Response{};
}

Task<Response> injects(Request request) {
  Response response = net::json_response(200, "{}");
  response.headers.add("X-Echo", request.query_value("v").value_or(""));
  response.headers.add("Content-Length", "9999");
  co_return response;
}

Task<Response> big(Request) {
  co_return Response{.body = std::string(Serving::big_bytes, 'x')};
}

Task<Response> wait_at(auto& gate) {
  ++gate.waiting;
  while (!gate.open) co_await gate.clock->sleep(Millis{1});
  --gate.waiting;
  co_return Response{.content_type = "text/plain", .body = "released"};
}

Task<Response> reset(Request) {
  co_return Response{.body = "never", .delivery = net::Delivery::reset};
}
Task<Response> drip(Request) {
  co_return Response{
      .content_type = "text/plain", .body = "drop", .delivery = net::Delivery::drip, .drip_pause = Millis{0}};
}

Task<void> talk(net::WebSocket& socket, int texts, bool flood, bool then_throw) {
  for (int i = 1; i <= texts; ++i) co_await socket.send(std::to_string(i));
  if (then_throw) throw std::runtime_error("the server's own text");
  while (flood && co_await socket.send(std::string(Serving::flood_bytes, 'x'))) {
  }
  net::Signal never;
  co_await never.wait();
}

Task<Response> open_socket(Request request) {
  Response response{.status = 101};
  response.headers.add("Sec-WebSocket-Protocol", "perkline");
  response.talk = [texts = std::stoi(request.query_value("say").value_or("0")),
                   flood = request.query_value("flood").has_value(),
                   then_throw = request.query_value("throw").has_value()](net::WebSocket& socket) {
    return talk(socket, texts, flood, then_throw);
  };
  co_return response;
}

Task<Result<net::Principal>> check(const RequestHead& head, const Route& route) {
  if (route.access == "anyone") co_return net::Principal{};
  if (route.access == "throws") throw std::runtime_error("the guard's own text");
  const auto who = head.headers.find("Authorization");
  if (!who) co_return fail(Errc::unauthenticated, "no token");
  if (*who != "admin") co_return fail(Errc::forbidden, "only admins");
  co_return net::Principal{.id = "root", .role = "admin"};
}

}  // namespace

Serving::Serving(net::HttpServerOptions options) : gate_(std::make_unique<Gate>()) {
  gate_->clock = &reactor_->clock();
  const auto add = [this](Method method, std::string pattern, net::Handler handler,
                          std::string access = "anyone", bool accepts_form = false,
                          bool accepts_any_type = false, bool upgrades = false) {
    router_.add({.method = method,
                 .pattern = std::move(pattern),
                 .access = std::move(access),
                 .handler = std::move(handler),
                 .accepts_form = accepts_form,
                 .accepts_any_type = accepts_any_type,
                 .upgrades = upgrades});
  };
  add(Method::post, "/echo", echo);
  add(Method::post, "/form", echo, "anyone", true);
  add(Method::post, "/any-type", echo, "anyone", false, true);
  add(Method::get, "/things/{id}", thing);
  add(Method::get, "/peer", peer);
  add(Method::get, "/throws", throws);
  add(Method::get, "/guard-throws", thing, "throws");
  add(Method::get, "/injects", injects);
  add(Method::get, "/big", big);
  add(Method::get, "/socket", open_socket, "anyone", false, false, true);
  add(Method::get, "/secret-socket", open_socket, "admin", false, false, true);
  add(Method::get, "/reset", reset);
  add(Method::get, "/drip", drip);
  add(Method::get, "/secret", echo, "admin");
  add(Method::post, "/secret", echo, "admin");
  add(Method::get, "/wait", [this](const Request&) { return wait_at(*gate_); });

  server_ = std::make_unique<net::HttpServer>(
      *reactor_, std::move(options), router_,
      [](const RequestHead& head, const Route& route) { return check(head, route); },
      [this](const net::Answered& answered) {
        seen_.push_back({.route = std::string(answered.route), .status = answered.status});
      });
  reactor_.run([this] { started_ = server_->start(); });
}

Serving::~Serving() {
  release();
  reactor_.run([this] { server_.reset(); });
}

std::optional<RawAnswer> Serving::ask(std::string_view bytes) const {
  RawHttp connection = connect();
  connection.send(bytes);
  return connection.read_answer();
}

void Serving::release() {
  reactor_.run([this] { gate_->open = true; });
}

std::vector<Serving::Seen> Serving::seen() {
  std::vector<Seen> copy;
  reactor_.run([&] { copy = seen_; });
  return copy;
}

int Serving::waiting() {
  int waiting = 0;
  reactor_.run([&] { waiting = gate_->waiting; });
  return waiting;
}

std::string request(std::string_view method, std::string_view target, std::string_view more_fields,
                    std::string_view body) {
  std::string text(method);
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: test\r\n");
  return text.append(more_fields).append("\r\n").append(body);
}

std::string post(std::string_view target, std::string_view body, std::string_view more_fields) {
  std::string fields =
      "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return request("POST", target, fields.append(more_fields), body);
}

}  // namespace perkline::test
