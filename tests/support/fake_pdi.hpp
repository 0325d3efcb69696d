#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
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

  FakePdi();
  ~FakePdi();
  std::string url() const;

  /// A good answer's body becomes what this makes of it. finalize has booked all the same.
  using Spoil = std::function<std::string(std::string good)>;
  void spoil(Call call, Spoil how);
  /// Answered in the place of a good answer. finalize books nothing then.
  void answer(Call call, net::Response response);
  /// All four calls but the token's.
  void answer_all(const net::Response& response);
  /// Every answer of that call comes so much later.
  void delay(Call call, Millis time);
  /// Takes back all of it, and closes what is being held.
  void behave();

  std::size_t calls(Call call) const;
  /// The most that were under way at a time.
  std::size_t in_flight_max(Call call) const;
  std::vector<MonoTime> arrivals(Call call) const;
  /// How often finalize has booked that transaction.
  std::size_t booked(const std::string& transaction) const;
  /// Counts from nought again, without what is under way.
  void forget_counts();

 private:
  struct Endpoint {
    Spoil spoil;
    std::optional<net::Response> response;
    Millis delay{0};
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
  const Endpoint& at(Call call) const { return endpoints_[static_cast<std::size_t>(call)]; }
  void route(Call call, net::Method method, const std::string& path, bool form = false);
  static Task<net::Response> serve(FakePdi& pdi, Call call, net::Request request);
  net::Response good(Call call, const net::Request& request);
  std::string identified(const net::Request& request);
  std::string calculated(const net::Request& request);
  net::Response finalized(const net::Request& request);
  net::Response told(const net::Request& request) const;
  std::string figures(const Session& session) const;

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
