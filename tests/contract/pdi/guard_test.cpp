#include "pdi_client/guard.hpp"

#include <gtest/gtest.h>

#include "shared/net/deadline.hpp"
#include "shared/net/signal.hpp"
#include "tests/contract/pdi/sandboxed.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

using pdi::BreakerState;
using pdi::Outcome;

/// The guard before the real client and the real sandbox.
class GuardedPdi : public Sandboxed {
 protected:
  GuardedPdi() { make({.open_base = Millis{200}, .open_max = Millis{200}}); }
  ~GuardedPdi() override {
    reactor.run([&] { guard.reset(); });
  }

  void make(pdi::BreakerOptions breaker) {
    reactor.run(
        [&] { guard.emplace(*client, reactor->clock(), rng, pdi::GuardOptions{.breaker = breaker}); });
  }
  BreakerState state() {
    BreakerState is{};
    reactor.run([&] { is = guard->state(); });
    return is;
  }
  pdi::Reply<pdi::SessionStatus> ask(pdi::Pdi& by) {
    return reactor.await(by.status(ProviderSessionId("nobody"), within(seconds{20})));
  }
  /// Asks as a till until it is turned away.
  void until_open() {
    ASSERT_TRUE(eventually([&] {
      const auto reply = ask(guard->tills());
      return !reply && reply.error().outcome == Outcome::not_tried;
    }));
  }
  struct Crowd {
    int left;
    net::Signal done;
  };
  static Task<void> ask_into(pdi::Pdi& by, std::shared_ptr<Crowd> crowd) {
    (void)co_await by.status(ProviderSessionId("nobody"), within(seconds{20}));
    if (--crowd->left == 0) crowd->done.notify();
  }
  static Task<Result<void>> ask_in_vain(pdi::Pdi& by) {
    (void)co_await by.status(ProviderSessionId("nobody"), within(seconds{20}));
    co_return Result<void>{};
  }
  static Task<void> ask_many(pdi::Pdi& by, int count) {
    auto crowd = std::make_shared<Crowd>();
    crowd->left = count;
    for (int i = 0; i < count; ++i) co_await net::spawn_child(ask_into(by, crowd));
    co_await crowd->done.wait();
  }

  SystemRng rng;
  std::optional<pdi::Guard> guard;
};

TEST_F(GuardedPdi, OpensInAnOutageAndClosesAfterThreeGoodProbes) {
  sandbox->fault(R"({"endpoint":"*","mode":"reset"})");
  sandbox->fault(R"({"endpoint":"token","mode":"ok"})");
  until_open();
  sandbox->fault(R"({"endpoint":"*","mode":"ok"})");
  EXPECT_EQ(ask(guard->tills()).error().outcome, Outcome::not_tried);
  const auto before = sandbox->arrived("getSessionStatus");
  ASSERT_TRUE(eventually([&] {
    (void)ask(guard->settlement());
    return state() == BreakerState::closed;
  }));
  EXPECT_EQ(sandbox->arrived("getSessionStatus") - before, 3);
  EXPECT_EQ(ask(guard->tills()).error().outcome, Outcome::rejected);
}

TEST_F(GuardedPdi, AStormOfRefusedTokensOpensItAndSparesTheTokenEndpoint) {
  make({.open_base = minutes{10}, .open_max = minutes{10}});
  ASSERT_EQ(ask(guard->tills()).error().outcome, Outcome::rejected);
  sandbox->fault(R"({"endpoint":"getSessionStatus","mode":"status","status":401})");
  const auto began = std::chrono::steady_clock::now();
  reactor.await(ask_many(guard->tills(), 40));
  EXPECT_EQ(state(), BreakerState::open);
  reactor.await(ask_many(guard->tills(), 40));
  const auto took = std::chrono::ceil<seconds>(std::chrono::steady_clock::now() - began);
  EXPECT_LE(sandbox->arrived("token"), 2 + took.count()) << "the first, and one a second at most";
  EXPECT_LE(sandbox->arrived("getSessionStatus"), 81) << "each call was replayed once at most";
}

TEST_F(GuardedPdi, ATokenEndpointThatIsDownSaysNothingOfPdi) {
  sandbox->fault(R"({"endpoint":"token","mode":"status","status":500})");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(guard->tills()).error().outcome, Outcome::no_token);
  EXPECT_EQ(state(), BreakerState::closed);
  EXPECT_EQ(sandbox->arrived("getSessionStatus"), 0);
}

TEST_F(GuardedPdi, ACallThatIsCancelledSaysNothingOfPdi) {
  make({.consecutive_failures = 1});
  ASSERT_EQ(ask(guard->tills()).error().outcome, Outcome::rejected);
  sandbox->fault(R"({"endpoint":"getSessionStatus","mode":"hang"})");
  const auto given_up =
      reactor.await(net::with_deadline(reactor->clock(), within(Millis{100}), ask_in_vain(guard->tills())));
  EXPECT_EQ(given_up.error().code, Errc::timed_out);
  EXPECT_EQ(told("getSessionStatus cancelled"), 1u);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(GuardedPdi, SettlementLeavesTillsTheirPlaces) {
  sandbox->fault(R"({"endpoint":"getSessionStatus","mode":"delay","delayMs":100})");
  ASSERT_EQ(ask(guard->tills()).error().outcome, Outcome::rejected);
  const auto before = sandbox->arrived("getSessionStatus");
  reactor.await(ask_many(guard->settlement(), 20));
  EXPECT_EQ(sandbox->arrived("getSessionStatus") - before, 4);
}

}  // namespace
}  // namespace perkline::test
