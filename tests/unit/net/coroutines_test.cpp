#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/net/deadline.hpp"
#include "shared/net/keyed_lock.hpp"
#include "shared/net/reactor.hpp"
#include "shared/net/signal.hpp"
#include "tests/support/sim_world.hpp"
#include "tests/unit/net/serving.hpp"

namespace perkline::test {
namespace {

using net::AsyncClock;
using net::KeyedLock;

Task<Result<int>> after(AsyncClock& clock, Millis time, int value) {
  co_await clock.sleep(time);
  co_return value;
}

TEST(WithDeadline, GivesTheResultThatComesInTime) {
  VirtualTime time;
  SimWorld world(time);
  const MonoTime start = time.mono;
  const auto result = run_task(
      world, net::with_deadline(world.clock(), start + seconds{2}, after(world.clock(), seconds{1}, 7)));
  EXPECT_EQ(result, 7);
  EXPECT_EQ(time.mono, start + seconds{1});
}

TEST(WithDeadline, EndsALateTaskAtTheDeadline) {
  VirtualTime time;
  SimWorld world(time);
  const MonoTime start = time.mono;
  const auto result = run_task(
      world, net::with_deadline(world.clock(), start + seconds{2}, after(world.clock(), hours{1}, 7)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::timed_out);
  EXPECT_EQ(time.mono, start + seconds{2});
}

TEST(WithDeadline, WorksOnAReactorToo) {
  RunningReactor reactor;
  AsyncClock& clock = reactor->clock();
  EXPECT_EQ(
      reactor.await(net::with_deadline(clock, clock.mono_now() + seconds{60}, after(clock, Millis{0}, 7))),
      7);
  const auto late =
      reactor.await(net::with_deadline(clock, clock.mono_now() + Millis{5}, after(clock, seconds{60}, 7)));
  EXPECT_EQ(late.error().code, Errc::timed_out);
}

TEST(WaitFor, TellsASignalFromTheDeadline) {
  VirtualTime time;
  SimWorld world(time);
  net::Signal signal;
  const MonoTime start = time.mono;
  EXPECT_FALSE(run_task(world, world.clock().wait_for(signal, start + seconds{2})));
  EXPECT_EQ(time.mono, start + seconds{2});
  signal.notify();
  EXPECT_TRUE(run_task(world, world.clock().wait_for(signal, start + hours{1}))) << "told before";
  EXPECT_EQ(time.mono, start + seconds{2});
}

TEST(WaitFor, WorksOnAReactorToo) {
  RunningReactor reactor;
  AsyncClock& clock = reactor->clock();
  net::Signal signal;
  EXPECT_FALSE(reactor.await(clock.wait_for(signal, clock.mono_now() + Millis{5})));
  reactor->post([&] { signal.notify(); });
  EXPECT_TRUE(reactor.await(clock.wait_for(signal, clock.mono_now() + seconds{60})));
  EXPECT_FALSE(reactor.await(clock.wait_for(signal, clock.mono_now()))) << "told once, heard once";
}

/// Holds `key` for `time`, and notes when it got it and let go.
Task<void> hold(KeyedLock& lock, AsyncClock& clock, std::string key, Millis time, std::string name,
                std::vector<std::string>& notes) {
  auto guard = co_await lock.acquire(key, MonoTime::max());
  notes.push_back(name + (guard ? " in" : " failed"));
  co_await clock.sleep(time);
  notes.push_back(name + " out");
}

struct Locking : testing::Test {
  VirtualTime time;
  std::optional<SimWorld> world{std::in_place, time};
  KeyedLock lock{world->clock()};
  std::vector<std::string> notes;

  void start(std::string name, std::string key, Millis held) {
    world->spawn(hold(lock, world->clock(), std::move(key), held, std::move(name), notes));
  }
  void run() {
    world->run_until([] { return false; });
  }
};

TEST_F(Locking, OneKeyIsHeldInTheOrderOfAsking) {
  start("a", "k", seconds{3});
  start("b", "k", seconds{2});
  start("c", "k", seconds{1});
  run();
  EXPECT_EQ(notes, (std::vector<std::string>{"a in", "a out", "b in", "b out", "c in", "c out"}));
  EXPECT_FALSE(lock.is_held("k"));
}

TEST_F(Locking, KeysDoNotWaitForOneAnother) {
  start("a", "k", seconds{2});
  start("b", "l", seconds{1});
  run();
  EXPECT_EQ(notes, (std::vector<std::string>{"a in", "b in", "b out", "a out"}));
}

TEST_F(Locking, WaitingEndsAtTheDeadlineAndLeavesTheLine) {
  start("a", "k", seconds{10});
  world->run_ready();
  const MonoTime start_time = time.mono;
  const auto late = run_task(*world, lock.acquire("k", time.mono + seconds{2}));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::timed_out);
  EXPECT_EQ(time.mono, start_time + seconds{2});
  start("c", "k", seconds{1});
  run();
  EXPECT_EQ(notes, (std::vector<std::string>{"a in", "a out", "c in", "c out"}));
}

TEST_F(Locking, GuardMovesTheHold) {
  auto guard = run_task(*world, lock.acquire("k", MonoTime::max())).value();
  KeyedLock::Guard second = std::move(guard);
  EXPECT_TRUE(lock.is_held("k"));
  second = KeyedLock::Guard();
  EXPECT_FALSE(lock.is_held("k"));
}

TEST_F(Locking, CrashWithHoldersAndWaitersLeavesNothingBehind) {
  for (int i = 0; i < 5; ++i) start("w" + std::to_string(i), "k", hours{1});
  world->run_ready();
  EXPECT_EQ(notes, std::vector<std::string>{"w0 in"});
  world.reset();  // Destroys the coroutines in an order of its own; the sanitizers watch.
  EXPECT_FALSE(lock.is_held("k"));
}

TEST(Reactor, HandsSignalsToItsThread) {
  net::Reactor reactor;
  std::vector<int> signals;
  reactor.on_signal([&](int number) {
    signals.push_back(number);
    if (signals.size() == 2) return reactor.stop();
    std::raise(SIGTERM);
  });
  reactor.post([] { std::raise(SIGHUP); });
  reactor.run();
  EXPECT_EQ(signals, (std::vector<int>{SIGHUP, SIGTERM}));
}

TEST(Reactor, TakesWorkFromAnyThread) {
  RunningReactor reactor;
  int sum = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 100; ++j) reactor->post([&] { ++sum; });
    });
  }
  for (auto& thread : threads) thread.join();
  reactor.run([] {});
  EXPECT_EQ(sum, 400);
}

Task<void> note_child(int& notes) {
  ++notes;
  co_return;
}
Task<Result<int>> with_child(int& notes) {
  co_await net::spawn_child(note_child(notes));
  co_return notes;
}

TEST(Reactor, ChildRunsOnItsParentsExecutor) {
  VirtualTime time;
  SimWorld world(time);
  int notes = 0;
  EXPECT_TRUE(run_task(world, with_child(notes)));
  while (world.run_ready()) {
  }
  EXPECT_EQ(notes, 1);
}

Task<void> throws() {
  throw std::runtime_error("a bug");
  co_return;
}

TEST(ReactorDeathTest, ExceptionOutOfACoroutineAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  net::Reactor reactor;
  reactor.spawn(throws());
  EXPECT_DEATH(reactor.run(), "an exception got out of a handler");
}

}  // namespace
}  // namespace perkline::test
