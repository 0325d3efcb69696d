#include "shared/net/link.hpp"

#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "shared/core/limits.hpp"
#include "shared/net/zmq_socket.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/tcp_proxy.hpp"

namespace perkline::net {
namespace {

constexpr seconds patience{20};

/// A hub's end and stores' ends over real sockets on loopback, on one reactor with a thread of its own.
class Link : public ::testing::Test {
 protected:
  Link() : thread_([this] { reactor_.run(); }) {
    server_ = make_server("tcp://127.0.0.1:*");
    EXPECT_TRUE(server_->start());
    endpoint_ = server_->endpoint();
  }
  ~Link() override {
    reactor_.stop();
    thread_.join();
  }

  std::unique_ptr<StoreServer> make_server(const std::string& listen) {
    return make_store_server(
        reactor_,
        {.listen = listen, .secret_key = hub_keys_.secret_key, .on_refusal = [this] { ++refusals_; }},
        [this](const std::string& key) -> std::optional<StoreId> {
          const std::scoped_lock lock(mutex_);
          const auto found = directory_.find(key);
          return found == directory_.end() ? std::nullopt : std::optional(found->second);
        });
  }
  void let_in(const std::string& key, const StoreId& store) {
    const std::scoped_lock lock(mutex_);
    directory_[key] = store;
  }
  void revoke(const std::string& key) {
    const std::scoped_lock lock(mutex_);
    directory_.erase(key);
  }
  std::unique_ptr<HubLink> connect(const CurveKeys& keys, const StoreId& store) {
    return connect(keys, store, {endpoint_});
  }
  std::unique_ptr<HubLink> connect(const CurveKeys& keys, const StoreId& store,
                                   std::vector<std::string> endpoints) {
    auto link = make_store_link(reactor_, {.endpoints = std::move(endpoints),
                                           .store = store,
                                           .secret_key = keys.secret_key,
                                           .hub_public_key = hub_keys_.public_key});
    EXPECT_TRUE(link);
    return std::move(*link);
  }

  /// Runs a task on the reactor's thread and waits for its value.
  template <class T>
  T run(Task<T> task) {
    std::promise<T> promise;
    reactor_.spawn([](Task<T> inner, std::promise<T>& out) -> Task<void> {
      out.set_value(co_await std::move(inner));
    }(std::move(task), promise));
    return promise.get_future().get();
  }
  std::optional<std::string> hear(HubLink& link, Millis at_most = patience) {
    auto frame = run(link.receive(std::chrono::steady_clock::now() + at_most));
    return frame ? std::optional(*frame) : std::nullopt;
  }
  /// The next frame at the hub; the test runs into its time-out when there is none.
  StoreServer::Incoming next_at_hub() { return run(server_->receive()).value(); }
  /// Says `frame` until the hub's end hears something, for a link needs a moment to stand.
  std::optional<StoreServer::Incoming> say(HubLink& link, const std::string& frame) {
    std::promise<StoreServer::Incoming> heard;
    auto future = heard.get_future();
    reactor_.spawn([](StoreServer& server, std::promise<StoreServer::Incoming> out) -> Task<void> {
      auto incoming = co_await server.receive();
      if (incoming) out.set_value(std::move(*incoming));
    }(*server_, std::move(heard)));
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < give_up) {
      if (link.state() == LinkState::connected) EXPECT_TRUE(link.send(frame));
      if (future.wait_for(Millis{50}) == std::future_status::ready) return future.get();
    }
    return std::nullopt;
  }

  /// Nobody receives: frames pile up along the way until the link takes no more, for good. How many.
  static int pile_up(HubLink& link, const std::string& ballast) {
    int sent = 0;
    int idle_turns = 0;
    while (idle_turns < 10) {
      if (link.send(std::to_string(sent) + " " + ballast)) {
        ++sent;
        idle_turns = 0;
      } else {
        ++idle_turns;
        std::this_thread::sleep_for(Millis{20});
      }
    }
    return sent;
  }

  Reactor reactor_;
  std::mutex mutex_;
  std::map<std::string, StoreId> directory_;
  CurveKeys hub_keys_ = make_curve_keys();
  std::atomic<std::uint64_t> refusals_{0};
  std::unique_ptr<StoreServer> server_;
  std::string endpoint_;
  std::thread thread_;
};

TEST(CurveKeys, AreHexAndBelongTogether) {
  const CurveKeys keys = make_curve_keys();
  EXPECT_EQ(keys.secret_key.size(), 64u);
  EXPECT_EQ(public_key_of(keys.secret_key).value(), keys.public_key);
  EXPECT_FALSE(public_key_of("zz"));
  EXPECT_FALSE(public_key_of(std::string(64, 'Z')));
}

TEST_F(Link, CarriesFramesBothWays) {
  const CurveKeys keys = make_curve_keys();
  const StoreId store{"store-1"};
  let_in(keys.public_key, store);
  const auto link = connect(keys, store);
  const auto heard = say(*link, std::string("hello\0hub", 9));
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->store, store);
  EXPECT_EQ(heard->frame, std::string("hello\0hub", 9));
  server_->send(store, "welcome");
  const auto reply = run(link->receive(std::chrono::steady_clock::now() + patience));
  ASSERT_TRUE(reply);
  EXPECT_EQ(*reply, "welcome");
}

TEST_F(Link, NothingHeardByTheDeadlineIsATimeOut) {
  const auto link = connect(make_curve_keys(), StoreId("store-1"));
  const auto reply = run(link->receive(std::chrono::steady_clock::now() + Millis{20}));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::timed_out);
}

TEST_F(Link, AnUnknownKeyIsRefusedCountedAndTold) {
  const auto link = connect(make_curve_keys(), StoreId("store-1"));
  EXPECT_TRUE(test::eventually([&] { return link->state() == LinkState::refused; }, patience));
  EXPECT_TRUE(test::eventually([&] { return server_->refused() > 0; }, patience));
  EXPECT_TRUE(test::eventually([&] { return refusals_ > 0; }, patience));
}

TEST_F(Link, AKeyCannotSpeakForAnotherStore) {
  const CurveKeys keys = make_curve_keys();
  let_in(keys.public_key, StoreId("store-1"));
  const auto impostor = connect(keys, StoreId("store-2"));
  ASSERT_TRUE(test::eventually([&] { return impostor->state() == LinkState::connected; }, patience));
  EXPECT_TRUE(impostor->send("I am store-2"));
  EXPECT_TRUE(test::eventually([&] { return server_->refused() > 0; }, patience));
  EXPECT_TRUE(test::eventually([&] { return refusals_ > 0; }, patience));
  // What arrives next is the honest store's.
  const auto honest = connect(keys, StoreId("store-1"));
  const auto heard = say(*honest, "I am store-1");
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->frame, "I am store-1");
}

TEST_F(Link, AKeyCannotTakeAnotherStoresAnswers) {
  const CurveKeys keys = make_curve_keys();
  const CurveKeys others_keys = make_curve_keys();
  let_in(keys.public_key, StoreId("store-1"));
  let_in(others_keys.public_key, StoreId("store-2"));
  const auto honest = connect(keys, StoreId("store-1"));
  ASSERT_TRUE(say(*honest, "I am store-1"));
  const auto impostor = connect(others_keys, StoreId("store-1"));
  ASSERT_TRUE(test::eventually([&] { return impostor->state() == LinkState::connected; }, patience));
  EXPECT_TRUE(impostor->send("I am store-1 too"));
  ASSERT_TRUE(test::eventually([&] { return server_->refused() > 0; }, patience));
  server_->send(StoreId("store-1"), "for store-1 alone");
  EXPECT_EQ(hear(*honest), "for store-1 alone");
  EXPECT_FALSE(hear(*impostor, Millis{50}));
}

TEST_F(Link, ServesSeveralStoresEachWithItsOwn) {
  const CurveKeys first_keys = make_curve_keys();
  const CurveKeys second_keys = make_curve_keys();
  let_in(first_keys.public_key, StoreId("store-1"));
  let_in(second_keys.public_key, StoreId("store-2"));
  const auto first = connect(first_keys, StoreId("store-1"));
  const auto second = connect(second_keys, StoreId("store-2"));
  EXPECT_EQ(say(*first, "from 1").value().store, StoreId("store-1"));
  EXPECT_TRUE(second->send("from 2"));
  StoreServer::Incoming incoming = next_at_hub();
  while (incoming.frame == "from 1") incoming = next_at_hub();
  EXPECT_EQ(incoming.store, StoreId("store-2"));
  server_->send(StoreId("store-2"), "for 2");
  server_->send(StoreId("store-1"), "for 1");
  EXPECT_EQ(hear(*first), "for 1");
  EXPECT_EQ(hear(*second), "for 2");
}

TEST_F(Link, WhatIsSentBeforeTheConnectionStandsArrivesOnce) {
  const CurveKeys keys = make_curve_keys();
  let_in(keys.public_key, StoreId("store-1"));
  const auto link = connect(keys, StoreId("store-1"));
  EXPECT_TRUE(link->send("first"));
  EXPECT_TRUE(link->send("second"));
  EXPECT_EQ(next_at_hub().frame, "first");
  EXPECT_EQ(next_at_hub().frame, "second");
}

TEST_F(Link, ALinkWithoutAConnectionHasABound) {
  const auto link = connect(make_curve_keys(), StoreId("store-1"), {"tcp://127.0.0.1:1"});
  Result<void> sent;
  for (int i = 0; i < 1000 && sent; ++i) sent = link->send("frame");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Errc::overloaded);
}

TEST_F(Link, AHubThatIsBehindLosesNothingAndKeepsTheOrder) {
  const CurveKeys keys = make_curve_keys();
  let_in(keys.public_key, StoreId("store-1"));
  const auto link = connect(keys, StoreId("store-1"));
  const std::string ballast(64 * limits::kib, 'x');
  const int sent = pile_up(*link, ballast);
  EXPECT_GT(sent, 100);
  for (int i = 0; i < sent; ++i) {
    const std::string frame = next_at_hub().frame;
    EXPECT_EQ(frame.substr(0, frame.find(' ')), std::to_string(i));
  }
}

/// libzmq 4.3.4 aborts the process when a heartbeat is due on a connection whose input has stopped, because
/// its reader is behind, and which has broken since.
TEST_F(Link, AStoreThatIsCutOffWhileTheHubIsBehindDoesNotEndTheHub) {
  const CurveKeys keys = make_curve_keys();
  const StoreId store{"store-1"};
  let_in(keys.public_key, store);
  auto link = connect(keys, store);
  EXPECT_GT(pile_up(*link, std::string(64 * limits::kib, 'x')), 100);
  link.reset();
  // It is answered by a reset, as nobody is there any more.
  for (int i = 0; i < 3; ++i) server_->send(store, "are you there?");
  // Longer than two heartbeats of the design's 5 s apart.
  const auto due = std::chrono::steady_clock::now() + seconds{11};
  ASSERT_TRUE(test::eventually([&] { return std::chrono::steady_clock::now() > due; }));
  const auto again = connect(keys, store);
  EXPECT_TRUE(again->send("again"));
  while (next_at_hub().frame != "again") {
  }
}

TEST_F(Link, AFrameThatWasChangedOnTheWayEndsTheConnectionForWhichNobodyIsRefused) {
  const CurveKeys keys = make_curve_keys();
  const StoreId store{"store-1"};
  let_in(keys.public_key, store);
  const auto port = static_cast<std::uint16_t>(std::stoi(endpoint_.substr(endpoint_.rfind(':') + 1)));
  test::TcpProxy line(port);
  const auto link = connect(keys, store, {"tcp://127.0.0.1:" + std::to_string(line.port())});
  ASSERT_TRUE(say(*link, "first"));
  line.set({.kind = test::Toxic::Kind::garble});
  server_->send(store, "changed on the way");
  EXPECT_TRUE(test::eventually([&] { return link->state() == LinkState::connecting; }, patience));
  line.set({});
  // As sync does once it has heard nothing for too long: ZeroMQ itself does not.
  link->reconnect();
  ASSERT_TRUE(say(*link, "second"));
  server_->send(store, "as it was said");
  EXPECT_EQ(hear(*link), "as it was said");
}

TEST_F(Link, APlaintextClientIsNotLetIn) {
  ::zmq::socket_t plain(zeromq::context(), ::zmq::socket_type::dealer);
  plain.set(::zmq::sockopt::linger, 0);
  plain.set(::zmq::sockopt::routing_id, "store-1.00000000000000000000000000000000");
  plain.connect(endpoint_);
  ASSERT_TRUE(zeromq::send(plain, "in the clear", false));
  const CurveKeys keys = make_curve_keys();
  let_in(keys.public_key, StoreId("store-1"));
  const auto link = connect(keys, StoreId("store-1"));
  EXPECT_TRUE(link->send("under CURVE"));
  EXPECT_EQ(next_at_hub().frame, "under CURVE");
}

TEST_F(Link, GoesToTheNextEndpointWhenToldTo) {
  const CurveKeys keys = make_curve_keys();
  let_in(keys.public_key, StoreId("store-1"));
  const auto link = connect(keys, StoreId("store-1"), {"tcp://127.0.0.1:1", endpoint_});
  EXPECT_TRUE(link->send("into the void"));
  link->reconnect();
  EXPECT_TRUE(link->send("to the hub"));
  EXPECT_EQ(next_at_hub().frame, "to the hub");
}

TEST_F(Link, ARefusedKeyIsLetInOnceItIsKnown) {
  const CurveKeys keys = make_curve_keys();
  const auto link = connect(keys, StoreId("store-1"));
  ASSERT_TRUE(test::eventually([&] { return link->state() == LinkState::refused; }, patience));
  let_in(keys.public_key, StoreId("store-1"));
  link->reconnect();
  EXPECT_TRUE(link->send("here I am"));
  EXPECT_EQ(next_at_hub().frame, "here I am");
}

TEST_F(Link, ARevokedKeyIsNotHeardAnyMore) {
  const CurveKeys keys = make_curve_keys();
  let_in(keys.public_key, StoreId("store-1"));
  const auto link = connect(keys, StoreId("store-1"));
  ASSERT_TRUE(say(*link, "first"));
  revoke(keys.public_key);
  EXPECT_TRUE(link->send("second"));
  EXPECT_TRUE(test::eventually([&] { return server_->refused() > 0; }, patience));
  // Nor told anything; and having heard nothing it connects anew, in vain.
  server_->send(StoreId("store-1"), "secret");
  EXPECT_FALSE(hear(*link, Millis{50}));
  link->reconnect();
  EXPECT_TRUE(test::eventually([&] { return link->state() == LinkState::refused; }, patience));
}

TEST_F(Link, ComesBackByItselfAfterTheHubDid) {
  const CurveKeys keys = make_curve_keys();
  let_in(keys.public_key, StoreId("store-1"));
  const auto link = connect(keys, StoreId("store-1"));
  ASSERT_TRUE(say(*link, "first"));
  server_ = make_server(endpoint_);
  ASSERT_TRUE(test::eventually([&] { return server_->start().has_value(); }, patience));
  EXPECT_TRUE(say(*link, "again"));
}

TEST_F(Link, AFrameOverTheLimitEndsTheConnectionNotTheHub) {
  const CurveKeys keys = make_curve_keys();
  let_in(keys.public_key, StoreId("store-1"));
  const auto link = connect(keys, StoreId("store-1"));
  ASSERT_TRUE(test::eventually([&] { return link->state() == LinkState::connected; }, patience));
  EXPECT_TRUE(link->send(std::string(limits::sync_frame_bytes_max + 1, 'x')));
  const auto heard = say(*link, "small");
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->frame, "small");
}

}  // namespace
}  // namespace perkline::net
