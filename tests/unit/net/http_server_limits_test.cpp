#include <vector>

#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/unit/net/serving.hpp"

namespace perkline::test {
namespace {

using net::HttpServerOptions;
using net::HttpServerTimeouts;

/// One time-out that a test can wait for; the others stay as they are.
HttpServerOptions with(Millis HttpServerTimeouts::* timeout) {
  HttpServerOptions options{.listen = "0"};
  options.timeouts.*timeout = Millis{50};
  options.timeouts.sweep = Millis{5};
  return options;
}

TEST(HttpServerLimits, HeadThatDoesNotEndIsClosed) {
  const Serving serving(with(&HttpServerTimeouts::head));
  RawHttp connection = serving.connect();
  connection.send("GET /things/1 HTTP/1.1\r\nHost: a\r\n");
  EXPECT_EQ(connection.read_until_closed(), "");
}

TEST(HttpServerLimits, HeadTimeoutCountsForLaterRequestsToo) {
  const Serving serving(with(&HttpServerTimeouts::head));
  RawHttp connection = serving.connect();
  connection.send(request("GET", "/things/1") + "GET /thi");
  EXPECT_EQ(connection.read_answer()->status, 200);
  EXPECT_EQ(connection.read_until_closed(), "");
}

TEST(HttpServerLimits, BodyThatDoesNotEndIsClosed) {
  const Serving serving(with(&HttpServerTimeouts::body));
  RawHttp connection = serving.connect();
  std::string cut_short = post("/echo", "{\"a\":1}");
  cut_short.pop_back();
  connection.send(cut_short);
  EXPECT_EQ(connection.read_until_closed(), "");
}

TEST(HttpServerLimits, IdleConnectionIsClosed) {
  const Serving serving(with(&HttpServerTimeouts::idle));
  RawHttp fresh = serving.connect();
  RawHttp used = serving.connect();
  used.send(request("GET", "/things/1"));
  EXPECT_EQ(used.read_answer()->status, 200);
  EXPECT_TRUE(fresh.is_closed());
  EXPECT_TRUE(used.is_closed());
}

TEST(HttpServerLimits, IdleTimeoutSparesAWorkingHandler) {
  HttpServerOptions options = with(&HttpServerTimeouts::idle);
  options.timeouts.head = options.timeouts.body = options.timeouts.write = Millis{50};
  Serving serving(options);
  RawHttp working = serving.connect();
  working.send(request("GET", "/wait"));
  EXPECT_TRUE(serving.connect().is_closed());  // Idle just as long, and closed.
  serving.release();
  EXPECT_EQ(working.read_answer()->body, "released");
}

TEST(HttpServerLimits, ReaderThatDoesNotReadIsClosed) {
  Serving serving(with(&HttpServerTimeouts::write));
  RawHttp connection = serving.connect();
  connection.send(request("GET", "/big"));
  EXPECT_EQ(serving.ask(request("GET", "/things/1"))->status, 200);
  while (serving.seen().size() < 2) {
  }
  const auto held = connection.read_until_closed();
  ASSERT_TRUE(held);
  EXPECT_LT(held->size(), limits::mib) << "only what the sockets held may arrive, and that is not much";
}

TEST(HttpServerLimits, LargeAnswerArrivesWhole) {
  const Serving serving;
  const auto answer = serving.ask(request("GET", "/big"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body.size(), Serving::big_bytes);
}

TEST(HttpServerLimits, LargeBodiesHaveALimitTogetherAndSmallOnesAlwaysRoom) {
  const Serving serving({.listen = "0", .large_bodies_bytes_max = 100 * limits::kib});
  const std::string large = post("/echo", std::string(90'000, 'x'));
  const std::string other = post("/echo", std::string(60'000, 'y'));
  // Whichever of the two is there before the other keeps it out.
  EXPECT_TRUE(eventually([&] {
    RawHttp first = serving.connect();
    first.send(large.substr(0, large.size() - 1));
    std::optional<RawAnswer> refused;
    EXPECT_TRUE(eventually([&] {
      refused = serving.ask(other);
      return refused && refused->status == 503;
    }));
    EXPECT_EQ(refused->code(), "OVERLOADED");
    EXPECT_EQ(refused->field("Retry-After"), "1");
    EXPECT_EQ(refused->field("Connection"), "close");
    EXPECT_EQ(serving.ask(post("/echo", std::string(16'000, 'z')))->status, 200) << "a small one";
    first.send("x");
    return first.read_answer()->body.size() == 90'000u;
  })) << "who is in is served";
  EXPECT_TRUE(eventually([&] { return serving.ask(other)->status == 200; })) << "what it held is free again";
  RawHttp gone = serving.connect();
  gone.send(large.substr(0, large.size() - 1));
  EXPECT_TRUE(eventually([&] { return serving.ask(other)->status == 503; }));
  gone.close();
  EXPECT_TRUE(eventually([&] { return serving.ask(other)->status == 200; })) << "also of who has gone";
}

TEST(HttpServerLimits, RefusalReachesAClientThatIsStillSending) {
  const Serving serving;
  RawHttp connection = serving.connect();
  const std::string chunk(64 * limits::kib, 'x');
  connection.send(request("POST", "/secret", "Content-Length: 900000\r\nContent-Type: application/json\r\n"));
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(connection.send(chunk)) << i;
  const auto answer = connection.read_answer();
  ASSERT_TRUE(answer) << "lost to a reset";
  EXPECT_EQ(answer->status, 401);
  EXPECT_EQ(answer->field("Connection"), "close");
  EXPECT_TRUE(connection.is_closed());
}

TEST(HttpServerLimits, LingeringEndsByTimeWhenTheClientStays) {
  const Serving serving(with(&HttpServerTimeouts::linger));
  RawHttp connection = serving.connect();
  connection.send(request("POST", "/secret", "Content-Length: 900000\r\n"));
  EXPECT_EQ(connection.read_answer()->status, 401);
  EXPECT_TRUE(connection.is_closed());  // Half-closed at once …
  while (connection.send("x")) {        // … and closed in the end: then sending fails.
  }
}

TEST(HttpServerLimits, LingeringEndsBySizeWhenTheClientNeverStops) {
  const Serving serving;
  RawHttp connection = serving.connect();
  connection.send(request("POST", "/secret", "Content-Length: 900000000\r\n"));
  const std::string chunk(64 * limits::kib, 'x');
  std::size_t taken = 0;
  while (connection.send(chunk) && taken < 100 * limits::mib) taken += chunk.size();
  // Beyond what was dropped, sockets' buffers took some.
  EXPECT_GE(taken, limits::lingering_close_bytes_max);
  EXPECT_LT(taken, 32 * limits::mib);
}

TEST(HttpServerLimits, ConnectionBeyondTheLimitIsToldSoAndClosed) {
  const Serving serving({.listen = "0", .connections_max = 2});
  RawHttp first = serving.connect();
  RawHttp second = serving.connect();
  for (RawHttp* connection : {&first, &second}) {
    connection->send(request("GET", "/things/1"));
    ASSERT_EQ(connection->read_answer()->status, 200);
  }
  RawHttp third = serving.connect();
  third.send(post("/echo", std::string(100'000, 'x')));
  const auto refused = third.read_answer();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->code(), "OVERLOADED");
  EXPECT_EQ(refused->field("Content-Type"), "application/problem+json");
  EXPECT_EQ(refused->field("Retry-After"), "1");
  EXPECT_EQ(refused->field("Connection"), "close");
  EXPECT_TRUE(third.is_closed());
  first.send(request("GET", "/things/1", "Connection: close\r\n"));
  EXPECT_EQ(first.read_answer()->status, 200);
  EXPECT_TRUE(first.is_closed());
  first.close();
  // Its place is free as soon as the server has seen our end.
  while (true) {
    RawHttp fourth = serving.connect();
    fourth.send(request("GET", "/things/1"));
    if (fourth.read_answer().value_or(RawAnswer{}).status == 200) break;
  }
}

TEST(HttpServerLimits, WhoIsRefusedHasNoPlaceToKeep) {
  Serving serving({.listen = "0", .connections_max = 1});
  RawHttp first = serving.connect();
  first.send(request("GET", "/things/1"));
  ASSERT_EQ(first.read_answer()->status, 200);
  std::vector<RawHttp> refused;
  for (std::size_t i = 0; i < limits::http_refusals_max + 10; ++i) {
    refused.push_back(serving.connect());
    // Those who wait for nothing but their own end.
    const bool told = refused.back().read_answer().value_or(RawAnswer{}).status == 503;
    EXPECT_EQ(told, i < limits::http_refusals_max) << i;
  }
  first.send(request("GET", "/things/1"));
  EXPECT_EQ(first.read_answer()->status, 200) << "nobody is put out";
}

TEST(HttpServerLimits, ThousandUnfinishedHeadsBlockNobody) {
  const Serving serving({.listen = "0", .connections_max = 1100});
  std::vector<RawHttp> slow;
  for (int i = 0; i < 1000; ++i) {
    slow.push_back(serving.connect());
    slow.back().send("POST /echo HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  }
  RawHttp other = serving.connect();
  for (int i = 0; i < 100; ++i) {
    other.send(post("/echo", "{}"));
    ASSERT_EQ(other.read_answer().value_or(RawAnswer{}).body, "{}");
  }
}

TEST(HttpServerLimits, DrainLetsRequestsInProgressFinish) {
  Serving serving;
  RawHttp idle = serving.connect();
  RawHttp working = serving.connect();
  working.send(request("GET", "/wait"));
  while (serving.waiting() == 0) {
  }
  std::future<void> drained = std::async(
      std::launch::async, [&] { serving.reactor().await(serving.server().drain(MonoTime::max())); });
  EXPECT_EQ(idle.read_until_closed(), "");
  EXPECT_FALSE(is_listening(serving.port()));
  serving.release();
  const auto answer = working.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "released");
  EXPECT_EQ(answer->field("Connection"), "close");
  working.close();
  drained.wait();
}

TEST(HttpServerLimits, DrainEndsAtItsDeadline) {
  Serving serving;
  RawHttp working = serving.connect();
  working.send(request("GET", "/wait"));
  while (serving.waiting() == 0) {
  }
  serving.reactor().await(serving.server().drain(serving.reactor()->clock().mono_now() + Millis{20}));
  EXPECT_EQ(working.read_until_closed(), "");
}

}  // namespace
}  // namespace perkline::test
