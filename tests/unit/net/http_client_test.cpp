#include "shared/net/http_client.hpp"

#include <future>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <gtest/gtest.h>

#include "shared/net/off_limits.hpp"
#include "tests/unit/net/scripted_peer.hpp"
#include "tests/unit/net/serving.hpp"

namespace perkline::test {
namespace {

using net::HttpAnswer;
using net::HttpCall;
using net::HttpClientOptions;
using net::HttpFailure;
using net::Method;

using Outcome = std::expected<HttpAnswer, HttpFailure>;

/// A client on a reactor of its own.
class Calling {
 public:
  explicit Calling(HttpClientOptions options) {
    reactor_.run([&] { client_ = net::HttpClient::make(*reactor_, std::move(options)).value(); });
  }
  explicit Calling(std::string origin) : Calling(HttpClientOptions{.origin = std::move(origin)}) {}
  ~Calling() {
    reactor_.run([this] { client_.reset(); });
  }

  MonoTime in(Millis time) { return reactor_->clock().mono_now() + time; }
  Outcome call(HttpCall call, Millis within = seconds{10}) {
    return reactor_.await(client_->call(std::move(call), in(within)));
  }
  Outcome get(std::string target = "/") { return call({.target = std::move(target)}); }
  RunningReactor& reactor() { return reactor_; }
  net::HttpClient& client() { return *client_; }

 private:
  RunningReactor reactor_;
  std::unique_ptr<net::HttpClient> client_;
};

/// `timed_out, sent`.
std::string failure_of(const Outcome& outcome) {
  if (outcome) return "status " + std::to_string(outcome->status);
  return std::string(name_of(outcome.error().error.code)) +
         (outcome.error().may_have_been_sent ? ", sent" : ", not sent");
}

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(HttpClient, SendsExactlyWhatWasAsked) {
  std::promise<std::string> seen;
  ScriptedPeer peer([&](RawHttp& connection) {
    const auto request = connection.read_answer();
    seen.set_value(request->head + request->body);
    connection.send(ok);
  });
  Calling calling(peer.origin());
  HttpCall call{.method = Method::post, .target = "/identify?x=1", .body = "{}"};
  call.headers.add("Authorization", "Bearer t\r\nX-Evil: 1");
  call.headers.add("Content-Length", "77");
  EXPECT_EQ(calling.call(call)->body, "ok");
  EXPECT_EQ(seen.get_future().get(),
            "POST /identify?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(peer.port()) +
                "\r\nAuthorization: Bearer t  X-Evil: 1\r\nContent-Type: application/json\r\n"
                "Content-Length: 2\r\n\r\n{}");
}

TEST(HttpClient, UsesAConnectionAgain) {
  ScriptedPeer peer([](RawHttp& connection) {
    while (connection.read_answer()) connection.send(ok);
  });
  Calling calling(peer.origin());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(failure_of(calling.get()), "status 200");
  EXPECT_EQ(peer.accepted(), 1);
}

TEST(HttpClient, NoticesThatAKeptConnectionWasClosed) {
  std::promise<void> closed;
  ScriptedPeer peer([&, first = true](RawHttp& connection) mutable {
    connection.read_answer();
    connection.send(ok);
    connection.close();
    if (std::exchange(first, false)) closed.set_value();
  });
  Calling calling(peer.origin());
  EXPECT_EQ(failure_of(calling.get()), "status 200");
  closed.get_future().wait();
  EXPECT_EQ(failure_of(calling.get()), "status 200");
  EXPECT_EQ(peer.accepted(), 2);
}

TEST(HttpClient, ClosesAConnectionNobodyUses) {
  std::promise<bool> closed;
  ScriptedPeer peer([&](RawHttp& connection) {
    connection.read_answer();
    connection.send(ok);
    closed.set_value(connection.is_closed());
  });
  Calling calling(HttpClientOptions{.origin = peer.origin(), .kept_idle_max = Millis{20}});
  EXPECT_EQ(failure_of(calling.get()), "status 200");
  EXPECT_TRUE(closed.get_future().get());
}

TEST(HttpClient, DropsAConnectionThatSaidMoreThanItsAnswer) {
  ScriptedPeer peer(answering(std::string(ok) + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"));
  Calling calling(peer.origin());
  EXPECT_EQ(calling.get()->body, "ok");
  EXPECT_EQ(calling.get()->body, "ok");
}

TEST(HttpClient, DropsAConnectionThatThePeerWillClose) {
  ScriptedPeer peer(answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"));
  Calling calling(peer.origin());
  EXPECT_EQ(calling.get()->body, "ok");
  EXPECT_EQ(calling.get()->body, "ok");
  EXPECT_EQ(peer.accepted(), 2);
}

TEST(HttpClient, RepeatsNothing) {
  ScriptedPeer peer([](RawHttp& connection) { connection.read_answer(); });
  Calling calling(peer.origin());
  EXPECT_EQ(failure_of(calling.get()), "connection_lost, sent");
  EXPECT_EQ(peer.accepted(), 1);
}

TEST(HttpClient, FollowsNothing) {
  ScriptedPeer peer(answering("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"));
  Calling calling(peer.origin());
  const auto answer = calling.get();
  EXPECT_EQ(failure_of(answer), "status 302");
  EXPECT_EQ(answer->headers.find("location"), "/elsewhere");
  EXPECT_EQ(peer.accepted(), 1);
}

TEST(HttpClient, RefusedConnectionSentNothing) {
  std::string origin;
  {
    origin = ScriptedPeer([](RawHttp&) {}).origin();
  }
  Calling calling(origin);
  EXPECT_EQ(failure_of(calling.get()), "connection_failed, not sent");
}

TEST(HttpClient, UnknownHostSentNothing) {
  Calling calling("http://no-such-host.invalid");
  EXPECT_EQ(failure_of(calling.get()), "connection_failed, not sent");
}

TEST(HttpClient, KeepsOffAddressesThatNobodyOutThereHasHoweverTheyAreFound) {
  for (const char* host :
       {"169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", "[fe80::1]"}) {
    Calling calling({.origin = std::string("http://") + host, .keeps_off_limits = true});
    EXPECT_EQ(failure_of(calling.call({.target = "/"}, seconds{5})), "forbidden, not sent") << host;
  }
  ScriptedPeer peer([&](RawHttp& connection) {
    connection.read_answer();
    connection.send(ok);
  });
  Calling calling({.origin = peer.origin(), .keeps_off_limits = true});
  EXPECT_EQ(failure_of(calling.get()), "status 200") << "loopback is no such address";
}

TEST(OffLimits, AreWhatNoServiceElsewhereHas) {
  for (const char* host :
       {"169.254.0.0", "169.254.255.255", "169.254.43518", "0251.0376.1", "0.0.0.0", "0", "224.0.0.1",
        "239.255.255.255", "255.255.255.255", "fe80::1", "fe80::1%eth0", "febf::1", "ff02::1",
        "::", "fd00:ec2::254", "::ffff:a9fe:1", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1"})
    EXPECT_TRUE(net::is_off_limits(host)) << host;
  for (const char* host : {"127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "169.253.255.255", "169.255.0.0",
                           "223.255.255.255", "93.184.216.34", "fec0::1", "fe00::1", "fd00:ec2::253",
                           "::ffff:127.0.0.1", "2001:db8::1", "example.com", "169.254.example", ""})
    EXPECT_FALSE(net::is_off_limits(host)) << host;
}

TEST(HttpClient, ResetBeforeTheAnswerMayHaveBeenDone) {
  ScriptedPeer peer([](RawHttp& connection) {
    connection.read_answer();
    connection.reset();
  });
  Calling calling(peer.origin());
  EXPECT_EQ(failure_of(calling.get()), "connection_lost, sent");
}

TEST(HttpClient, SilentPeerIsLeftAtTheDeadline) {
  std::promise<bool> closed;
  ScriptedPeer peer([&](RawHttp& connection) {
    connection.read_answer();
    closed.set_value(connection.is_closed());
  });
  Calling calling(peer.origin());
  EXPECT_EQ(failure_of(calling.call({}, Millis{50})), "timed_out, sent");
  EXPECT_TRUE(closed.get_future().get());
}

TEST(HttpClient, DrippingPeerIsLeftAtTheDeadline) {
  ScriptedPeer peer([&](RawHttp& connection) {
    connection.read_answer();
    connection.send("HTTP/1.1 200 OK\r\nX: ");
    while (connection.send("x")) {
      std::this_thread::yield();
    }
  });
  HttpClientOptions options{.origin = peer.origin()};
  Calling calling(options);
  const std::string failure = failure_of(calling.call({}, Millis{50}));
  EXPECT_TRUE(failure == "timed_out, sent" || failure == "malformed_answer, sent") << failure;
}

TEST(HttpClient, HandshakeThatNeverComesIsLeftAtTheDeadlineUnsent) {
  ScriptedPeer peer([](RawHttp& connection) { connection.is_closed(); });
  Calling calling("https://127.0.0.1:" + std::to_string(peer.port()));
  EXPECT_EQ(failure_of(calling.call({}, Millis{50})), "timed_out, not sent");
}

TEST(HttpClient, PassedDeadlineSendsNothing) {
  ScriptedPeer peer(answering(std::string(ok)));
  Calling calling(peer.origin());
  EXPECT_EQ(failure_of(calling.call({}, Millis{0})), "timed_out, not sent");
  EXPECT_EQ(peer.accepted(), 0);
}

TEST(HttpClient, BrokenAnswersAreToldApart) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "connection_lost, sent"},
      {"HTTP/1.1 200 OK\r\nContent-Le", "connection_lost, sent"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "connection_lost, sent"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", "connection_lost, sent"},
      {"rubbish\r\n\r\n", "malformed_answer, sent"},
      {"HTTP/1.1 2000 OK\r\n\r\n", "malformed_answer, sent"},
      {"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", "malformed_answer, sent"},
      {"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "malformed_answer, sent"},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "malformed_answer, sent"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "malformed_answer, sent"},
      {"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", "malformed_answer, sent"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
       "malformed_answer, sent"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed_answer, sent"},
  };
  for (const auto& [bytes, failure] : cases) {
    ScriptedPeer peer(answering(bytes));
    Calling calling(peer.origin());
    EXPECT_EQ(failure_of(calling.get()), failure) << bytes;
  }
}

TEST(HttpClient, AnswerMayBeAsLongAsTheCap) {
  const std::string body(1000, 'x');
  const std::pair<std::string, std::size_t> framings[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body, 1000},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + body + "\r\n0\r\n\r\n", 1000},
      {"HTTP/1.1 200 OK\r\n\r\n" + body, 1000},
  };
  for (const auto& [bytes, length] : framings) {
    ScriptedPeer peer(answering(bytes));
    Calling enough(HttpClientOptions{.origin = peer.origin(), .answer_bytes_max = length});
    EXPECT_EQ(enough.get()->body, body);
    Calling short_of_one(HttpClientOptions{.origin = peer.origin(), .answer_bytes_max = length - 1});
    EXPECT_EQ(failure_of(short_of_one.get()), "malformed_answer, sent");
  }
}

TEST(HttpClient, OnlySoManyCallsAtOnce) {
  std::promise<void> arrived;
  std::promise<void> go;
  ScriptedPeer peer([&](RawHttp& connection) {
    connection.read_answer();
    arrived.set_value();
    go.get_future().wait();
    connection.send(ok);
  });
  Calling calling(HttpClientOptions{.origin = peer.origin(), .connections_max = 1});
  auto first = std::async(std::launch::async, [&] { return calling.get(); });
  arrived.get_future().wait();
  EXPECT_EQ(failure_of(calling.get()), "overloaded, not sent");
  go.set_value();
  EXPECT_EQ(failure_of(first.get()), "status 200");
}

Task<void> call_and_count(net::HttpClient& client, MonoTime deadline, int& answered, std::promise<void>& all,
                          int wanted) {
  const auto answer = co_await client.call({.target = "/wait"}, deadline);
  if (answer && answer->body == "released" && ++answered == wanted) all.set_value();
}

TEST(HttpClient, HoldsHundredsOfCallsOpen) {
  constexpr int calls = 300;
  Serving serving;
  Calling calling(HttpClientOptions{.origin = "http://127.0.0.1:" + std::to_string(serving.port()),
                                    .connections_max = calls});
  int answered = 0;
  std::promise<void> all;
  calling.reactor().run([&] {
    for (int i = 0; i < calls; ++i) {
      calling.reactor()->spawn(
          call_and_count(calling.client(), calling.in(seconds{30}), answered, all, calls));
    }
  });
  while (serving.waiting() < calls) {
  }
  serving.release();
  EXPECT_EQ(all.get_future().wait_for(seconds{30}), std::future_status::ready);
}

Task<Outcome> cancelled_call(net::HttpClient& client, net::AsyncClock& clock, Millis after) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto first = co_await (client.call({}, MonoTime::max()) || clock.sleep(after));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return std::unexpected(HttpFailure{.error = fail(Errc::cancelled).error()});
}

TEST(HttpClient, CancelledCallClosesItsConnection) {
  std::promise<bool> closed;
  ScriptedPeer peer([&, first = true](RawHttp& connection) mutable {
    connection.read_answer();
    if (!std::exchange(first, false)) {
      connection.send(ok);
      return;
    }
    closed.set_value(connection.is_closed());
  });
  Calling calling(HttpClientOptions{.origin = peer.origin(), .connections_max = 1});
  const auto outcome =
      calling.reactor().await(cancelled_call(calling.client(), calling.reactor()->clock(), Millis{20}));
  EXPECT_EQ(outcome.error().error.code, Errc::cancelled);
  EXPECT_TRUE(closed.get_future().get());
  EXPECT_EQ(failure_of(calling.get()), "status 200") << "its place must be free again";
}

TEST(HttpClient, ClientMayGoWhileACallIsUnderWay) {
  std::promise<void> arrived;
  ScriptedPeer peer([&](RawHttp& connection) {
    connection.read_answer();
    arrived.set_value();
    connection.is_closed();
  });
  std::future<Outcome> outcome;
  {
    RunningReactor reactor;
    auto client = net::HttpClient::make(*reactor, {.origin = peer.origin()}).value();
    outcome = std::async(std::launch::async, [&] {
      return reactor.await(client->call({}, reactor->clock().mono_now() + Millis{100}));
    });
    arrived.get_future().wait();
    reactor.run([&] { client.reset(); });
    EXPECT_EQ(failure_of(outcome.get()), "timed_out, sent");
  }
}

TEST(HttpClient, RefusesTargetsThatCouldSplitTheRequest) {
  ScriptedPeer peer(answering(std::string(ok)));
  Calling calling(peer.origin());
  for (const char* target : {"", "x", "/a b", "/a\r\nX: y", "/#", "/\xC3\xA9"}) {
    EXPECT_EQ(failure_of(calling.get(target)), "bad_request, not sent") << target;
  }
  EXPECT_EQ(peer.accepted(), 0);
}

TEST(HttpClient, RefusesOriginsThatAreNone) {
  RunningReactor reactor;
  for (const char* origin :
       {"", "host", "ftp://host", "http://", "http://host/path", "http://host:0", "http://host:x",
        "https://a b", "http://user@host", "http://[::1", "http://host:99999"}) {
    const auto client = net::HttpClient::make(*reactor, {.origin = origin});
    ASSERT_FALSE(client) << origin;
    EXPECT_EQ(client.error().code, Errc::bad_request) << origin;
  }
  EXPECT_TRUE(net::HttpClient::make(*reactor, {.origin = "http://[::1]:80"}));
  EXPECT_TRUE(net::HttpClient::make(*reactor, {.origin = "https://pdi.example"}));
  EXPECT_FALSE(
      net::HttpClient::make(*reactor, {.origin = "https://pdi.example", .ca_file = "/no/such/file"}));
}

}  // namespace
}  // namespace perkline::test
