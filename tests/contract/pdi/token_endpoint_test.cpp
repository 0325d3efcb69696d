#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pdi_client/pdi_http.hpp"
#include "shared/net/http_server.hpp"
#include "shared/net/signal.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/running_reactor.hpp"

/// Token endpoints that the sandbox does not play.
namespace perkline::test {
namespace {

using pdi::BreakerState;
using pdi::Outcome;
using std::chrono::steady_clock;

/// What the token endpoint answers with; changed on the reactor's thread only.
struct Answer {
  int status = 200;
  std::string body = R"({"access_token":"t","token_type":"Bearer","expires_in":3600})";
  std::string retry_after = {};
  Millis pause{0};
  net::Delivery delivery = net::Delivery::whole;
};

/// A PDI that knows one member, and a token endpoint that takes every client. Belongs to the reactor's
/// thread.
class TinyPdi {
 public:
  explicit TinyPdi(net::Reactor& reactor) : clock_(reactor.clock()) {
    router_.add({.method = net::Method::post,
                 .pattern = "/oauth/token",
                 .access = "anyone",
                 .handler = [this](net::Request) { return token(*this); },
                 .accepts_form = true});
    router_.add({.method = net::Method::post,
                 .pattern = "/identify",
                 .access = "anyone",
                 .handler = [](net::Request) { return identified(); }});
    server_.emplace(reactor, net::HttpServerOptions{.listen = "0"}, router_, anyone);
  }
  net::HttpServer& server() { return *server_; }

  Answer answer;
  std::vector<MonoTime> asked;  ///< When a token was.
  int in_flight_max = 0;

 private:
  static Task<Result<net::Principal>> anyone(const net::RequestHead&, const net::Route&) {
    co_return net::Principal{};
  }
  static Task<net::Response> token(TinyPdi& self) {
    self.asked.push_back(self.clock_.mono_now());
    self.in_flight_max = std::max(self.in_flight_max, ++self.in_flight_);
    const Answer answer = self.answer;
    co_await self.clock_.sleep(answer.pause);
    --self.in_flight_;
    net::Response response = net::json_response(answer.status, answer.body);
    if (!answer.retry_after.empty()) response.headers.add("Retry-After", answer.retry_after);
    response.delivery = answer.delivery;
    co_return response;
  }
  static Task<net::Response> identified() {
    co_return net::json_response(
        200, R"({"sessionId":"s-1","customerName":"Jo","currentPoints":0,"tier":"Base"})");
  }

  net::AsyncClock& clock_;
  net::Router router_;
  std::optional<net::HttpServer> server_;
  int in_flight_ = 0;
};

class TokenEndpoint : public ::testing::Test {
 protected:
  TokenEndpoint() {
    reactor.run([&] {
      pdi = std::make_unique<TinyPdi>(*reactor);
      ASSERT_TRUE(pdi->server().start());
    });
    connect({});
  }
  ~TokenEndpoint() override {
    reactor.run([&] { client.reset(); });
    reactor.await(pdi->server().drain(steady_clock::now()));
    reactor.run([&] { pdi.reset(); });
  }

  void connect(pdi::BreakerOptions breaker) {
    const std::string origin = "http://127.0.0.1:" + std::to_string(pdi->server().port());
    connect(std::move(breaker), origin, origin + "/oauth/token");
  }
  void connect(pdi::BreakerOptions breaker, const std::string& url, const std::string& token_url) {
    reactor.run([&] {
      client = pdi::PdiHttp::make(*reactor, {.url = url,
                                             .token_url = token_url,
                                             .client_id = "id",
                                             .client_secret = "secret",
                                             .ca_file = "",
                                             .token_breaker = breaker})
                   .value();
    });
  }
  void answer_with(Answer answer) {
    reactor.run([&] { pdi->answer = std::move(answer); });
  }
  pdi::Reply<pdi::Identified> identify(Millis patience = seconds{10}) {
    return reactor.await(identify_once(*client, patience));
  }
  /// As many at once; how each ended, `ok` or the outcome's name.
  std::vector<std::string> identify_all(int count, Millis patience = seconds{10}) {
    return reactor.await(identify_many(*client, count, patience));
  }
  std::size_t asked() {
    std::size_t count = 0;
    reactor.run([&] { count = pdi->asked.size(); });
    return count;
  }
  BreakerState breaker() {
    BreakerState state{};
    reactor.run([&] { state = client->token_breaker(); });
    return state;
  }
  /// So far, one refresh at a time and one a second at most.
  void expect_patience() {
    reactor.run([&] {
      EXPECT_LE(pdi->in_flight_max, 1);
      for (std::size_t i = 1; i < pdi->asked.size(); ++i)
        // The client counts from when it asked, which is a little before it was heard.
        EXPECT_GE(pdi->asked[i] - pdi->asked[i - 1], Millis{900}) << i;
    });
  }

  RunningReactor reactor;
  std::unique_ptr<TinyPdi> pdi;
  std::unique_ptr<pdi::PdiHttp> client;

 private:
  static Task<pdi::Reply<pdi::Identified>> identify_once(pdi::Pdi& client, Millis patience) {
    return client.identify(
        {.customer = CustomerId("C"), .channel = ChannelId("c"), .transaction = TransactionId("t")},
        steady_clock::now() + patience);
  }
  struct Crowd {
    std::vector<std::string> ended;
    int left;
    net::Signal done;
  };
  static Task<void> identify_into(pdi::Pdi& client, Millis patience, std::shared_ptr<Crowd> crowd) {
    const auto reply = co_await identify_once(client, patience);
    crowd->ended.emplace_back(reply ? "ok" : name_of(reply.error().outcome));
    if (--crowd->left == 0) crowd->done.notify();
  }
  static Task<std::vector<std::string>> identify_many(pdi::Pdi& client, int count, Millis patience) {
    auto crowd = std::make_shared<Crowd>();
    crowd->left = count;
    for (int i = 0; i < count; ++i) co_await net::spawn_child(identify_into(client, patience, crowd));
    co_await crowd->done.wait();
    co_return crowd->ended;
  }
};

class TokenLives : public TokenEndpoint, public ::testing::WithParamInterface<const char*> {};

TEST_P(TokenLives, OneTokenServesManyCalls) {
  answer_with({.body = std::string(R"({"access_token":"t","token_type":"Bearer")") + GetParam() + "}"});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(identify());
  EXPECT_EQ(asked(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Absurd, TokenLives,
                         ::testing::Values("", R"(,"expires_in":0)", R"(,"expires_in":-1)",
                                           R"(,"expires_in":9223372036854775807)", R"(,"expires_in":1e300)",
                                           R"(,"expires_in":null)", R"(,"expires_in":"soon")",
                                           R"(,"expires_in":1.5)"));

TEST_F(TokenEndpoint, ALifeOfASecondIsOneRefreshASecond) {
  answer_with({.body = R"({"access_token":"t","token_type":"Bearer","expires_in":1})"});
  ASSERT_TRUE(eventually([&] { return !identify() || asked() >= 3; }));
  EXPECT_EQ(asked(), 3u) << "each call went well, if late";
  expect_patience();
}

TEST_F(TokenEndpoint, WhileItIsDownItIsAskedOnceASecondAtMostAndByOneAtATime) {
  answer_with({.status = 500, .body = "{}", .pause = Millis{100}});
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(identify_all(30), std::vector<std::string>(30, "no_token"));
    return asked() >= 3;
  }));
  expect_patience();
  EXPECT_EQ(breaker(), BreakerState::closed) << "three failures are not enough";
  answer_with({});
  EXPECT_TRUE(eventually([&] { return identify().has_value(); }));
  expect_patience();
}

TEST_F(TokenEndpoint, ItsBreakerOpensAndClosesWithOneGoodRefresh) {
  connect({.consecutive_failures = 2, .open_base = Millis{1500}, .open_max = Millis{1500}});
  answer_with({.status = 503, .body = "{}"});
  ASSERT_TRUE(eventually([&] { return !identify() && breaker() == BreakerState::open; }));
  EXPECT_EQ(asked(), 2u);
  const auto refused = identify();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::no_token);
  EXPECT_GT(refused.error().error.retry_after.value_or(Millis{0}), Millis{0});
  EXPECT_EQ(asked(), 2u) << "nobody is asked while it is open";
  answer_with({});
  EXPECT_TRUE(eventually([&] { return identify().has_value(); }));
  EXPECT_EQ(breaker(), BreakerState::closed);
  EXPECT_EQ(asked(), 3u);
  expect_patience();
}

TEST_F(TokenEndpoint, AnUnknownClientIsNoReasonToOpenItsBreaker) {
  connect({.consecutive_failures = 1});
  answer_with({.status = 401, .body = R"({"error":"invalid_client"})"});
  EXPECT_FALSE(identify());
  EXPECT_EQ(breaker(), BreakerState::closed);
}

TEST_F(TokenEndpoint, ItsPatienceIsKeptTo) {
  connect({.consecutive_failures = 1});
  answer_with({.status = 429, .body = "{}", .retry_after = "40"});
  for (int i = 0; i < 5; ++i) {
    const auto reply = identify();
    ASSERT_FALSE(reply);
    EXPECT_GT(reply.error().error.retry_after.value_or(Millis{0}), seconds{30});
  }
  EXPECT_EQ(asked(), 1u);
  EXPECT_EQ(breaker(), BreakerState::closed) << "a 429 is no failure";
}

TEST_F(TokenEndpoint, OneThatNeverAnswersIsAskedOnceByAll) {
  answer_with({.delivery = net::Delivery::never});
  EXPECT_EQ(identify_all(20, Millis{200}), std::vector<std::string>(20, "no_token"));
  EXPECT_EQ(identify_all(20, Millis{200}), std::vector<std::string>(20, "no_token"));
  EXPECT_EQ(asked(), 1u);
}

TEST_F(TokenEndpoint, OneThatIsNotThereIsNotTriedAgainAndAgain) {
  connect({.consecutive_failures = 1}, "http://127.0.0.1:1", "http://127.0.0.1:1/oauth/token");
  const auto began = steady_clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(identify().error().outcome, Outcome::no_token);
  EXPECT_LT(steady_clock::now() - began, seconds{5});
  EXPECT_EQ(breaker(), BreakerState::open);
}

}  // namespace
}  // namespace perkline::test
