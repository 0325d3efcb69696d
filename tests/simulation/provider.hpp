#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "pdi_client/sandbox/books.hpp"
#include "pdi_client/sandbox/token_desk.hpp"
#include "shared/net/http_client.hpp"
#include "tests/simulation/fate.hpp"
#include "tests/simulation/scenario.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::simulation {

/// PDI as the stores see it: the sandbox's own books, token desk and HTTP API behind lines that misbehave.
/// It survives every crash of ours. As the sandbox it never deduplicates; it books nothing later than the
/// quiet time after it was sent, which is what the store relies on.
class Provider {
 public:
  Provider(const Scenario& scenario, Timeline& time, Trace& trace);

  /// The ends of one store's lines. All must outlive them; what is on its way outlives the process.
  struct End {
    std::string store;
    net::AsyncClock& clock;
    Fate& fate;
  };
  std::unique_ptr<net::HttpOrigin> calls_from(End end);
  std::unique_ptr<net::HttpOrigin> tokens_from(End end);

  void go_dark(bool dark) { dark_ = dark; }
  /// Nothing goes wrong any more.
  void behave();
  test::VirtualTime& time() { return clock_.time; }

  const pdi::sandbox::Books& books() const { return books_; }
  std::vector<pdi::sandbox::Member> members() const;
  /// Whether PDI has ever said no to a call of that transaction's: 400, 404, 409 or 422.
  bool has_refused(const TransactionId& transaction) const { return refused_.contains(transaction); }
  bool has_booked(const TransactionId& transaction) const { return booked_.contains(transaction); }

 private:
  class Line;
  class CallLine;
  class TokenLine;
  struct WallClock final : Clock {
    WallTime wall_now() const override { return time.wall; }
    MonoTime mono_now() const override { return time.mono; }
    test::VirtualTime time;
  };
  struct Course;
  struct Sent;

  Course draw_course(pdi::sandbox::Endpoint endpoint);
  void set_course(Course& course, Misbehaviour misbehaviour, pdi::sandbox::Endpoint endpoint);
  void send(pdi::sandbox::Endpoint endpoint, const Course& course, net::HttpCall call,
            std::shared_ptr<Sent> sent);
  net::Response act(pdi::sandbox::Endpoint endpoint, const net::HttpCall& call);
  net::Response serve(pdi::sandbox::Endpoint endpoint, const net::Request& request);
  void note_refusal(pdi::sandbox::Endpoint endpoint, const net::Request& request);
  void check_last_booking();

  const Scenario& scenario_;
  Timeline& timeline_;
  Trace& trace_;
  SeededRng rng_;
  WallClock clock_;
  pdi::sandbox::Books books_;
  pdi::sandbox::TokenDesk desk_;
  std::array<Habit, pdi::sandbox::endpoint_count> habits_;
  bool dark_ = false;
  std::set<TransactionId> refused_;
  std::set<TransactionId> booked_;
};

}  // namespace perkline::simulation
