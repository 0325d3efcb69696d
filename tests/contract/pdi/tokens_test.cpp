#include <gtest/gtest.h>

#include "shared/net/signal.hpp"
#include "tests/contract/pdi/sandboxed.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

using pdi::Outcome;

/// Several identifies at once; how many went well.
Task<void> identify_one(pdi::Pdi& client, std::shared_ptr<int> good, std::shared_ptr<int> left,
                        std::shared_ptr<net::Signal> done) {
  const auto reply = co_await client.identify(
      {.customer = CustomerId("CUST-00001"), .channel = ChannelId("c"), .transaction = TransactionId("t")},
      within(seconds{20}));
  *good += reply ? 1 : 0;
  if (--*left == 0) done->notify();
}
Task<int> identify_many(pdi::Pdi& client, int count) {
  auto good = std::make_shared<int>(0);
  auto left = std::make_shared<int>(count);
  auto done = std::make_shared<net::Signal>();
  for (int i = 0; i < count; ++i) co_await net::spawn_child(identify_one(client, good, left, done));
  co_await done->wait();
  co_return *good;
}

class PdiTokens : public Sandboxed {};

TEST_F(PdiTokens, FiftyCallsAtOnceMakeOneRefresh) {
  sandbox->fault(R"({"endpoint":"token","mode":"delay","delayMs":100})");
  EXPECT_EQ(reactor.await(identify_many(*client, 50)), 50);
  EXPECT_EQ(sandbox->arrived("token"), 1);
  EXPECT_EQ(refreshed("ok"), 1u);
}

TEST_F(PdiTokens, RefusedTokenIsRefreshedAndTheCallReplayedOnce) {
  ASSERT_TRUE(identify());
  sandbox->fault(R"({"endpoint":"identify","mode":"status","status":401,"count":1})");
  EXPECT_TRUE(identify());
  EXPECT_EQ(sandbox->arrived("token"), 2);
  EXPECT_EQ(sandbox->arrived("identify"), 3);
  EXPECT_EQ(told("identify ok"), 2u);
}

TEST_F(PdiTokens, TwoRefusalsInARowAreUnauthorizedAndNothingWasDone) {
  const auto session = calculated();
  sandbox->fault(R"({"endpoint":"finalize","mode":"status","status":401})");
  const auto reply = finalize(session);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().outcome, Outcome::unauthorized);
  EXPECT_FALSE(reply.error().may_have_been_sent);
  EXPECT_EQ(reply.error().error.code, Errc::pdi_unavailable);
  EXPECT_EQ(sandbox->arrived("finalize"), 2);
  EXPECT_EQ(sandbox->booked(), 0u);
}

TEST_F(PdiTokens, ManyRefusalsOfOneTokenMakeOneRefresh) {
  ASSERT_TRUE(identify());
  sandbox->fault(R"({"endpoint":"identify","mode":"status","status":401,"count":20})");
  EXPECT_EQ(reactor.await(identify_many(*client, 20)), 20);
  EXPECT_EQ(sandbox->arrived("token"), 2);
}

TEST_F(PdiTokens, TokensOfBeforeARestartAreReplaced) {
  ASSERT_TRUE(identify());
  // Another sandbox knows none of the tokens of the first.
  auto options = client_options();
  SandboxHost other(reactor, sandbox_config(), certificates.ca_file());
  options.token_url = sandbox->origin() + "/oauth/token";
  options.url = other.origin();
  connect(std::move(options));
  const auto reply = identify();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().outcome, Outcome::unauthorized);
  reactor.run([&] { client.reset(); });
}

TEST_F(PdiTokens, ForbiddenMakesOneRefreshHoweverOften) {
  ASSERT_TRUE(identify());
  sandbox->fault(R"({"endpoint":"identify","mode":"status","status":403})");
  for (int i = 0; i < 3; ++i) {
    const auto reply = identify();
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().outcome, Outcome::forbidden);
    EXPECT_FALSE(reply.error().may_have_been_sent);
  }
  // A second after the first token's birth.
  ASSERT_TRUE(eventually([&] { return !identify() && refreshed("ok") == 2; }));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(identify());
  EXPECT_EQ(sandbox->arrived("token"), 2);
}

TEST_F(PdiTokens, UnknownClientIsToldAndNotAskedForAgain) {
  auto options = client_options();
  options.client_secret = "wrong";
  connect(std::move(options));
  for (int i = 0; i < 3; ++i) {
    const auto reply = identify();
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().outcome, Outcome::no_token);
    EXPECT_FALSE(reply.error().may_have_been_sent);
    EXPECT_GT(reply.error().error.retry_after.value_or(Millis{0}), seconds{290});
  }
  EXPECT_EQ(sandbox->arrived("token"), 1);
  EXPECT_EQ(sandbox->arrived("identify"), 0);
  EXPECT_EQ(refreshed("invalid_client"), 1u);
}

TEST_F(PdiTokens, FailedRefreshIsRemembered) {
  sandbox->fault(R"({"endpoint":"token","mode":"status","status":500})");
  for (int i = 0; i < 5; ++i) {
    const auto reply = identify();
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().outcome, Outcome::no_token);
  }
  EXPECT_LE(sandbox->arrived("token"), 2) << "at most one a second";
  EXPECT_GE(refreshed("failed"), 1u);
  sandbox->fault(R"({"endpoint":"token","mode":"ok"})");
  EXPECT_TRUE(eventually([&] { return identify().has_value(); }));
}

TEST_F(PdiTokens, EverySpoiltTokenAnswerIsAFailure) {
  sandbox->fault(R"({"endpoint":"token","mode":"malformed"})");
  EXPECT_FALSE(identify());
  EXPECT_EQ(refreshed("failed"), 1u);
}

TEST_F(PdiTokens, NobodyWaitsLongerForATokenThanHisDeadline) {
  sandbox->fault(R"({"endpoint":"token","mode":"hang"})");
  const auto began = std::chrono::steady_clock::now();
  const auto reply = identify("CUST-12345", Millis{200});
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{3});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().outcome, Outcome::no_token);
  EXPECT_FALSE(reply.error().may_have_been_sent);
  EXPECT_EQ(sandbox->arrived("identify"), 0);
}

}  // namespace
}  // namespace perkline::test
