#include <gtest/gtest.h>

#include "pdi_client/sandbox/spoil.hpp"
#include "tests/contract/pdi/sandboxed.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

using pdi::Outcome;

/// What a finalize meets, and what becomes of it.
struct Case {
  const char* name;
  const char* fault;  ///< Members behind `endpoint`.
  Outcome outcome;
  bool may_have_been_sent;
  std::size_t booked;
};

void PrintTo(const Case& met, std::ostream* out) {
  *out << met.name;
}

class PdiFaults : public Sandboxed, public ::testing::WithParamInterface<Case> {};

TEST_P(PdiFaults, FinalizeMeetsIt) {
  auto options = client_options();
  options.timeouts.finalize = Millis{300};
  connect(std::move(options));
  const auto session = calculated();
  sandbox->fault(std::string(R"({"endpoint":"finalize",)") + GetParam().fault + "}");
  const auto reply = finalize(session);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().outcome, GetParam().outcome);
  EXPECT_EQ(reply.error().may_have_been_sent, GetParam().may_have_been_sent);
  EXPECT_EQ(sandbox->booked(), GetParam().booked);

  sandbox->fault(R"({"endpoint":"*","mode":"ok"})");
  EXPECT_EQ(sandbox->booked(), GetParam().booked) << "what was held books nothing when it is closed";
  EXPECT_TRUE(status(session)) << "and the client goes on";
}

INSTANTIATE_TEST_SUITE_P(
    Each, PdiFaults,
    ::testing::Values(
        Case{"hang", R"("mode":"hang")", Outcome::unavailable, true, 0},
        Case{"reset", R"("mode":"reset")", Outcome::unavailable, true, 0},
        Case{"delay", R"("mode":"delay","delayMs":60000)", Outcome::unavailable, true, 1},
        Case{"malformed", R"("mode":"malformed")", Outcome::unavailable, true, 1},
        Case{"timeout_after_commit", R"("mode":"timeout_after_commit")", Outcome::unavailable, true, 1},
        Case{"drip", R"("mode":"drip")", Outcome::unavailable, true, 1},
        Case{"found_302", R"("mode":"status","status":302)", Outcome::unavailable, true, 0},
        Case{"refused_400", R"("mode":"status","status":400)", Outcome::rejected, false, 0},
        Case{"forbidden_403", R"("mode":"status","status":403)", Outcome::forbidden, false, 0},
        Case{"not_found_404", R"("mode":"status","status":404)", Outcome::rejected, false, 0},
        Case{"timeout_408", R"("mode":"status","status":408)", Outcome::unavailable, true, 0},
        Case{"conflict_409", R"("mode":"status","status":409)", Outcome::rejected, false, 0},
        Case{"unprocessable_422", R"("mode":"status","status":422)", Outcome::rejected, false, 0},
        Case{"too_many_429", R"("mode":"status","status":429)", Outcome::rate_limited, false, 0},
        Case{"broken_500", R"("mode":"status","status":500)", Outcome::unavailable, true, 0},
        Case{"unavailable_503", R"("mode":"status")", Outcome::unavailable, true, 0}),
    [](const auto& info) { return info.param.name; });

class PdiFaultsOnce : public Sandboxed {
 protected:
  std::optional<Millis> asked_to_wait(const std::string& fault) {
    sandbox->fault(R"({"endpoint":"getSessionStatus","mode":"status",)" + fault + "}");
    const auto reply = status(ProviderSessionId("any"));
    EXPECT_FALSE(reply);
    return reply ? std::nullopt : reply.error().error.retry_after;
  }
  void expect_malformed(const char* endpoint, bool ok, const pdi::Failure& failure) {
    EXPECT_FALSE(ok) << endpoint;
    EXPECT_EQ(failure.outcome, Outcome::unavailable) << endpoint;
    EXPECT_TRUE(failure.may_have_been_sent) << endpoint;
  }
};

TEST_F(PdiFaultsOnce, RetryAfterIsHandedOn) {
  EXPECT_EQ(asked_to_wait(R"("status":429,"retryAfter":"7")"), seconds{7});
  EXPECT_EQ(asked_to_wait(R"("status":503,"retryAfter":"99999")"), seconds{600});
  EXPECT_EQ(asked_to_wait(R"("status":503,"retryAfter":"Sun, 06 Nov 1994 08:49:37 GMT")"), Millis{0});
  EXPECT_EQ(asked_to_wait(R"("status":503,"retryAfter":"soon")"), std::nullopt);
  EXPECT_EQ(asked_to_wait(R"("status":503)"), std::nullopt);
}

TEST_F(PdiFaultsOnce, ShortDelayIsWaitedFor) {
  sandbox->fault(R"({"endpoint":"*","mode":"delay","delayMs":30})");
  const auto session = calculated();
  EXPECT_TRUE(finalize(session));
  EXPECT_EQ(sandbox->booked(), 1u);
}

TEST_F(PdiFaultsOnce, FaultsOfACountEnd) {
  sandbox->fault(R"({"endpoint":"identify","mode":"status","count":2})");
  EXPECT_FALSE(identify());
  EXPECT_FALSE(identify());
  EXPECT_TRUE(identify());
}

TEST_F(PdiFaultsOnce, EverySpoiltAnswerIsNoticed) {
  using pdi::sandbox::Endpoint;
  const auto session = calculated();
  sandbox->fault(R"({"endpoint":"*","mode":"malformed"})");
  for (std::size_t i = 0; i < pdi::sandbox::spoilings(Endpoint::identify); ++i) {
    const auto reply = identify();
    expect_malformed("identify", reply.has_value(), reply ? pdi::Failure{} : reply.error());
  }
  for (std::size_t i = 0; i < pdi::sandbox::spoilings(Endpoint::calculate); ++i) {
    const auto reply = calculate(session);
    expect_malformed("calculateRewards", reply.has_value(), reply ? pdi::Failure{} : reply.error());
  }
  for (std::size_t i = 0; i < pdi::sandbox::spoilings(Endpoint::status); ++i) {
    const auto reply = status(session);
    expect_malformed("getSessionStatus", reply.has_value(), reply ? pdi::Failure{} : reply.error());
  }
  for (std::size_t i = 0; i < pdi::sandbox::spoilings(Endpoint::finalize); ++i) {
    const auto reply = finalize(session);
    expect_malformed("finalize", reply.has_value(), reply ? pdi::Failure{} : reply.error());
  }
  EXPECT_EQ(sandbox->booked(), pdi::sandbox::spoilings(Endpoint::finalize));
  EXPECT_GT(told("finalize malformed"), 0u);
}

TEST_F(PdiFaultsOnce, EarlierOfDeadlineAndTimeoutCounts) {
  sandbox->fault(R"({"endpoint":"getSessionStatus","mode":"hang"})");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(status(ProviderSessionId("s"), Millis{100}));
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{2});
  auto options = client_options();
  options.timeouts.status = Millis{100};
  connect(std::move(options));
  EXPECT_FALSE(status(ProviderSessionId("s"), seconds{20}));
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{5});
}

/// An identify that is left to itself.
Task<void> identify_into(pdi::Pdi& client,
                         std::shared_ptr<std::optional<pdi::Reply<pdi::Identified>>> reply) {
  *reply = co_await client.identify(
      {.customer = CustomerId("CUST-00001"), .channel = ChannelId("c"), .transaction = TransactionId("t")},
      within(seconds{60}));
}

class PdiHeldCalls : public Sandboxed {
 protected:
  std::shared_ptr<std::optional<pdi::Reply<pdi::Identified>>> start() {
    auto reply = std::make_shared<std::optional<pdi::Reply<pdi::Identified>>>();
    reactor->spawn(identify_into(*client, reply));
    return reply;
  }
  bool has_ended(const std::shared_ptr<std::optional<pdi::Reply<pdi::Identified>>>& reply) {
    bool ended = false;
    reactor.run([&] { ended = reply->has_value(); });
    return ended;
  }
  void connect_with_patience(std::size_t max_in_flight = 64) {
    auto options = client_options();
    options.timeouts.identify = seconds{60};
    options.max_in_flight = max_in_flight;
    connect(std::move(options));
    ASSERT_TRUE(identify());
  }
};

TEST_F(PdiHeldCalls, ChangeOfFaultsClosesThem) {
  connect_with_patience();
  for (const std::string mode :
       {R"("hang")", R"("timeout_after_commit")", R"("delay","delayMs":60000)", R"("drip","delayMs":200)"}) {
    const auto before = sandbox->arrived("identify");
    sandbox->fault(R"({"endpoint":"identify","mode":)" + mode + "}");
    const auto reply = start();
    ASSERT_TRUE(eventually([&] { return sandbox->arrived("identify") == before + 1; })) << mode;
    EXPECT_FALSE(has_ended(reply)) << mode;
    sandbox->fault(R"({"endpoint":"finalize","mode":"ok"})");
    ASSERT_TRUE(eventually([&] { return has_ended(reply); }, seconds{10})) << mode;
    EXPECT_FALSE(**reply) << mode;
  }
}

TEST_F(PdiHeldCalls, BeyondMaxInFlightNothingIsSent) {
  connect_with_patience(2);
  sandbox->fault(R"({"endpoint":"identify","mode":"hang"})");
  const auto first = start();
  const auto second = start();
  ASSERT_TRUE(eventually([&] { return sandbox->arrived("identify") == 3; }));
  const auto third = identify();
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().outcome, Outcome::not_tried);
  EXPECT_FALSE(third.error().may_have_been_sent);
  EXPECT_EQ(sandbox->arrived("identify"), 3);
  EXPECT_EQ(told("identify not_tried"), 1u);

  sandbox->fault(R"({"endpoint":"*","mode":"ok"})");
  ASSERT_TRUE(eventually([&] { return has_ended(first) && has_ended(second); }));
  EXPECT_TRUE(identify()) << "places are given back";
}

}  // namespace
}  // namespace perkline::test
