#include <utility>

#include <gtest/gtest.h>

#include "pdi_client/guard.hpp"
#include "tests/support/sim_pdi.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::pdi {
namespace {

using test::PdiCall;
using test::PdiFault;

/// Stands between guard and PDI, and holds the guard to its promises with each call.
class Watching final : public Pdi {
 public:
  explicit Watching(Pdi& pdi) : pdi_(pdi) {}

  Task<Reply<Identified>> identify(IdentifyCall call, MonoTime deadline) override {
    return watched<Identified>(&Pdi::identify, std::move(call), deadline);
  }
  Task<Reply<Rewards>> calculate(CalculateCall call, MonoTime deadline) override {
    return watched<Rewards>(&Pdi::calculate, std::move(call), deadline);
  }
  Task<Reply<Finalized>> finalize(FinalizeCall call, MonoTime deadline) override {
    return watched<Finalized>(&Pdi::finalize, std::move(call), deadline);
  }
  Task<Reply<SessionStatus>> status(StatusCall call, MonoTime deadline) override {
    return watched<SessionStatus>(&Pdi::status, std::move(call), deadline);
  }

  Guard* guard = nullptr;
  std::size_t changes = 0;  ///< Of the guard's state.
  std::size_t sent = 0;

 private:
  template <class T, class What>
  Task<Reply<T>> watched(Task<Reply<T>> (Pdi::*call)(What, MonoTime), What what, MonoTime deadline) {
    const BreakerState is = guard->state();
    EXPECT_TRUE(is == BreakerState::closed || is == BreakerState::half_open) << name_of(is);
    const bool probe = is == BreakerState::half_open;
    const std::size_t began = changes;
    EXPECT_FALSE(probe && probing_ == began) << "two probes at a time";
    if (probe) probing_ = began;
    ++sent;
    auto reply = co_await (pdi_.*call)(std::move(what), deadline);
    if (probe && probing_ == began) probing_ = none;
    co_return reply;
  }

  static constexpr std::size_t none = SIZE_MAX;
  Pdi& pdi_;
  std::size_t probing_ = none;  ///< The half-open time of the probe under way.
};

class GuardHistory {
 public:
  explicit GuardHistory(std::uint64_t seed) : rng_(seed) {
    watching_.guard = &guard_;
    books_.otherwise([this](PdiCall) { return fault(); });
  }

  void run() {
    for (int i = 0; i < 6; ++i) world_.spawn(caller(guard_.tills()));
    for (int i = 0; i < 6; ++i) world_.spawn(caller(guard_.settlement()));
    world_.spawn(moods());
    world_.run_until([this] { return left_ == 0; });
    EXPECT_EQ(left_, 0);
    EXPECT_GT(watching_.sent, 100U);
  }
  std::size_t changes() const { return watching_.changes; }

 private:
  Millis up_to(std::uint64_t bound) { return Millis{static_cast<std::int64_t>(rng_.below(bound))}; }

  PdiFault fault() {
    if (rng_.below(100) < trouble_) {
      if (rng_.below(2) == 0) return {.refuse_to_send = test::pdi_not_sent(Outcome::unavailable)};
      return {.there = up_to(3000), .lose_answer = true};
    }
    switch (rng_.below(30)) {
      case 0:
        return {.refuse_to_send = test::pdi_not_sent(Outcome::rate_limited, up_to(9000))};
      case 1:
        return {.refuse_to_send = test::pdi_not_sent(Outcome::no_token)};
      case 2:
        return {.refuse_to_send = test::pdi_not_sent(Outcome::unauthorized, up_to(9000))};
      default:
        return {.there = up_to(200), .back = up_to(rng_.below(10) == 0 ? 4000 : 200)};
    }
  }
  /// PDI has good and bad times, and now and then an operator interferes.
  Task<void> moods() {
    while (left_ > 1) {
      co_await world_.clock().sleep(up_to(90'000));
      trouble_ = rng_.below(2) == 0 ? 0 : rng_.below(100);
      if (rng_.below(8) == 0) guard_.force_open();
      if (rng_.below(2) == 0) guard_.automatic();
    }
    guard_.automatic();
    --left_;
  }
  Task<void> caller(Pdi& by) {
    for (int i = 0; i < 150; ++i) {
      co_await world_.clock().sleep(up_to(8000));
      const MonoTime deadline = world_.clock().mono_now() + up_to(5000);
      if (rng_.below(2) == 0) {
        (void)co_await by.status(ProviderSessionId("s"), deadline);
      } else {
        (void)co_await by.identify({.customer = CustomerId("CUST-12345"),
                                    .channel = ChannelId("POS-1"),
                                    .transaction = TransactionId("T-1")},
                                   deadline);
      }
    }
    --left_;
  }

  SeededRng rng_;
  test::VirtualTime time_;
  test::SimWorld world_{time_};
  test::SimPdiBooks books_;
  test::SimPdi pdi_{books_, world_.clock()};
  Watching watching_{pdi_};
  Guard guard_{watching_, world_.clock(), rng_, {.on_change = [this](BreakerState from, BreakerState to) {
                 EXPECT_NE(from, to);
                 ++watching_.changes;
               }}};
  std::uint64_t trouble_ = 0;  ///< In a hundred calls.
  int left_ = 13;
};

TEST(GuardHistories, NoCallWhileOpenAndOneProbeAtATime) {
  std::size_t changes = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    GuardHistory history(seed);
    history.run();
    changes += history.changes();
    ASSERT_FALSE(testing::Test::HasFailure());
  }
  EXPECT_GT(changes, 1000U) << "the histories are too dull to tell";
}

}  // namespace
}  // namespace perkline::pdi
