#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "shared/net/http_server.hpp"
#include "tests/support/running_reactor.hpp"

namespace perkline::test {

/// A PDI that says what a test tells it to: what pdi-sandbox cannot say. A real HTTP server on a thread of
/// its own, which counts what it is asked. It behaves until told otherwise: every member is Fay, Gold, with
/// 1000 points, and every sale earns her 450. It never deduplicates. Any thread.
class FakePdi {
 public:
  enum class Call : std::uint8_t { identify, calculate, finalize, status, token };
  static constexpr std::size_t call_count = 5;
  static constexpr std::int64_t points = 1000;
  static constexpr std::int64_t earned = 450;

  /// A token that PDI knows nothing of: a call that comes with it is answered 401.
  static constexpr std::string_view foreign_token = "somebody-elses-token";

  /// Plain HTTP unless `tls` says otherwise.
  explicit FakePdi(net::ServerTls tls = {});
  ~FakePdi();
  std::string url() const;
  std::uint16_t port() const { return server_->port(); }

  /// A good answer's body becomes what this makes of it. finalize has booked all the same.
  using Spoil = std::function<std::string(std::string good)>;
  void spoil(Call call, Spoil how);
  /// Answered in the place of a good answer. finalize books nothing then.
  void answer(Call call, net::Response response);
  /// How a good answer leaves, once what it tells of is done: finalize has booked.
  void deliver(Call call, net::Delivery how, Millis drip_pause = Millis{0});
  /// All four calls but the token's.
  void answer_all(const net::Response& response);
  /// Every answer of that call comes so much later.
  void delay(Call call, Millis time);
  /// No answer of that call leaves until let_go() or behave().
  void hold(Call call);
  void let_go(Call call);
  /// Takes back all of it, and closes what is being held.
  void behave();

  std::size_t calls(Call call) const;
  /// The most that were under way at a time.
  std::size_t in_flight_max(Call call) const;
  std::vector<MonoTime> arrivals(Call call) const;
  /// How many sessions identify has opened for that transaction.
  std::size_t opened(const std::string& transaction) const;
  /// How often finalize has booked that transaction.
  std::size_t booked(const std::string& transaction) const;
  /// Counts from nought again, without what is under way.
  void forget_counts();

 private:
  struct Endpoint {
    Spoil spoil;
    std::optional<net::Response> response;
    net::Delivery delivery = net::Delivery::whole;
    Millis drip_pause{0};
    Millis delay{0};
    bool held = false;
    std::vector<MonoTime> arrivals;
    std::size_t in_flight = 0;
    std::size_t in_flight_max = 0;
  };
  struct Session {
    std::string transaction;
    std::string status = "active";
    std::string receipt;
  };

  Endpoint& at(Call call) { return endpoints_[static_cast<std::size_t>(call)]; }
  bool held(Call call) const;
  const Endpoint& at(Call call) const { return endpoints_[static_cast<std::size_t>(call)]; }
  void route(Call call, net::Method method, const std::string& path, bool form = false);
  static Task<net::Response> serve(FakePdi& pdi, Call call, net::Request request);
  net::Response made(Call call, const net::Request& request);
  net::Response good(Call call, const net::Request& request);
  std::string identified(const net::Request& request);
  std::string calculated(const net::Request& request);
  net::Response finalized(const net::Request& request);
  net::Response told(const net::Request& request) const;
  std::string figures(const Session& session) const;

  std::string_view scheme_;
  mutable std::mutex mutex_;
  std::array<Endpoint, call_count> endpoints_;
  std::map<std::string, Session> sessions_;
  std::map<std::string, std::size_t> booked_;
  std::size_t tokens_ = 0;
  std::size_t count_ = 0;  ///< Which one since forget_counts().
  net::Router router_;
  RunningReactor reactor_;
  std::unique_ptr<net::HttpServer> server_;
};

/// The body with that member's value replaced by `raw`, or without it when `raw` is empty. Only for members
/// that are no objects.
std::string with_member(const std::string& body, const std::string& name, const std::string& raw);

}  // namespace perkline::test
