#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <mutex>

#include "shared/core/limits.hpp"
#include "tests/fault/rig/oracle.hpp"
#include "tests/fault/sync/hub_line.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

using std::chrono::steady_clock;
using Kind = Toxic::Kind;

/// How the line fails.
struct Failing {
  const char* name;
  Toxic toxic;
  bool lets_through;  ///< What the store says arrives all the same.
};

constexpr Failing failings[] = {
    {"delay", {.kind = Kind::delay, .time = Millis{200}}, true},
    {"drip", {.kind = Kind::drip, .time = Millis{2}, .bytes = 48}, true},
    {"reset", {.kind = Kind::reset}, false},
    {"half close", {.kind = Kind::half_close}, false},
    {"black hole", {.kind = Kind::black_hole}, false},
    {"refuse", {.kind = Kind::refuse}, false},
    {"no answer to a connect", {.kind = Kind::deaf}, false},
    {"garble", {.kind = Kind::garble}, false},
};

/// Of each; PERKLINE_TOXIC_SECONDS asks for more.
Millis toxic_time() {
  const char* wanted = std::getenv("PERKLINE_TOXIC_SECONDS");
  return wanted == nullptr ? Millis{1500} : Millis{1000 * std::atoi(wanted)};
}

constexpr std::uint64_t memory_bytes_max = 256 * limits::mib;
constexpr std::uint64_t memory_growth_bytes_max = 96 * limits::mib;

std::uint64_t memory_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  std::uint64_t pages = 0;
  file >> pages >> pages;
  return pages * 4096;
}

class HubLine : public HubLineTest {
 protected:
  struct Waits {
    std::mutex mutex;
    std::vector<std::chrono::nanoseconds> all;
  };

  /// The line fails for a while, and then does not.
  void suffer(const Failing& failing, const Tills& tills);
  static void expect_short(Waits& waits);
  void expect_unreadable(const std::vector<Sale>& sales);
};

void HubLine::suffer(const Failing& failing, const Tills& tills) {
  SCOPED_TRACE(failing.name);
  const std::size_t sold = tills.acknowledged();
  const auto began = steady_clock::now();
  line().set(failing.toxic);
  // What had passed the line before arrives.
  ASSERT_TRUE(eventually([&] { return steady_clock::now() > began + Millis{400}; }));
  const std::int64_t applied = events_applied(fleet().hub_database_url());
  ASSERT_TRUE(eventually([&] {
    return steady_clock::now() > began + toxic_time() && tills.acknowledged() >= sold + 20;
  })) << "tills sell on";
  if (failing.lets_through) {
    EXPECT_TRUE(eventually([&] { return events_applied(fleet().hub_database_url()) > applied; }));
  } else {
    EXPECT_EQ(events_applied(fleet().hub_database_url()), applied) << "nothing passes";
  }
  line().set({});
  EXPECT_TRUE(catches_up()) << "by itself: " << standing();
  EXPECT_EQ(standing(), "streaming");
}

/// Nobody at a till waits for the hub, for which the shortest wait is a second.
void HubLine::expect_short(Waits& waits) {
  const std::scoped_lock lock(waits.mutex);
  ASSERT_GT(waits.all.size(), 200u);
  std::ranges::sort(waits.all);
  EXPECT_LT(waits.all[waits.all.size() * 99 / 100], Millis{500});
  EXPECT_LT(waits.all.back(), Millis{3000});
}

/// What the line has carried tells nobody who bought, nor what.
void HubLine::expect_unreadable(const std::vector<Sale>& sales) {
  std::vector<std::string> plain{"CUST-", "SALE-", "sess_", "finalized", "USD", "Gold", fleet().store_id(0)};
  for (std::size_t i = 0; i < sales.size(); i += sales.size() / 50 + 1) {
    plain.push_back(sales[i].transaction);
    plain.push_back(sales[i].customer);
    plain.push_back(sales[i].session);
  }
  std::size_t carried = 0;
  for (const TcpProxy::Recording& recording : line().recordings()) {
    carried += recording.up.size();
    for (const std::string& word : plain) {
      EXPECT_EQ(recording.up.find(word), std::string::npos) << word;
      EXPECT_EQ(recording.down.find(word), std::string::npos) << word;
    }
  }
  EXPECT_GT(carried, sales.size() * 100) << "each sale has gone by here";
}

TEST_F(HubLine, FailsInEveryWayNothingIsLostNoTillWaitsAndNothingCanBeRead) {
  Waits waits;
  const std::uint64_t edge_before = memory_of(fleet().edge(0).pid());
  const std::uint64_t hub_before = memory_of(fleet().hub().pid());
  Tills tills(fleet(), {.tills_per_edge = 3, .on_answer = [&](const Tills::Waited& waited) {
                          const std::scoped_lock lock(waits.mutex);
                          waits.all.push_back(waited.took);
                        }});
  for (const Failing& failing : failings) suffer(failing, tills);
  auto taken = tills.stop();
  expect_short(waits);
  for (const auto& [pid, before] :
       {std::pair(fleet().edge(0).pid(), edge_before), std::pair(fleet().hub().pid(), hub_before)}) {
    EXPECT_LT(memory_of(pid), memory_bytes_max);
    EXPECT_LT(memory_of(pid), before + memory_growth_bytes_max);
  }
  expect_unreadable(taken.sales);
  const Verdict verdict = judge(fleet(), std::move(taken));
  EXPECT_TRUE(verdict.ok()) << verdict.to_text();
}

TEST_F(HubLine, ACapturedConversationIsDeadWhenItIsHeldAgain) {
  for (int i = 0; i < 3; ++i) sell("HEARD-" + std::to_string(i));
  ASSERT_TRUE(catches_up());
  const auto captured = line().recordings();
  const std::size_t frames = hub_counter("perkline_hub_sync_frames_total", "applied");
  const std::size_t sales = books().sales.size();
  const std::int64_t applied = events_applied(fleet().hub_database_url());
  for (const TcpProxy::Recording& recording : captured) {
    RawHttp stranger(fleet().sync_port());
    stranger.send(recording.up);
    EXPECT_TRUE(stranger.is_closed()) << "what was said to another of the hub's short-lived keys";
  }
  EXPECT_EQ(hub_counter("perkline_hub_sync_frames_total", "applied"), frames);
  EXPECT_EQ(hub_counter("perkline_hub_sync_frames_total", "repeated"), 0u);
  EXPECT_EQ(events_applied(fleet().hub_database_url()), applied);
  EXPECT_EQ(books().sales.size(), sales);

  sell("HEARD-3");
  EXPECT_TRUE(catches_up()) << "and the store is not disturbed";
  for (int i = 0; i < 4; ++i) EXPECT_EQ(booked("HEARD-" + std::to_string(i)), 1u);
  expect_hub_verifies();
}

TEST_F(HubLine, WhatWasSaidIsNotHeardTwiceOnOneConnection) {
  const auto said = [this] { return line().recordings().back().up; };
  sell("ONCE-1");
  ASSERT_TRUE(catches_up());
  const std::size_t before = said().size();
  sell("ONCE-2");
  ASSERT_TRUE(catches_up());
  const std::string words = said().substr(before);
  const std::size_t connections = line().accepted();
  line().say_again(words);
  EXPECT_TRUE(eventually([&] { return line().accepted() > connections; })) << "the hub hangs up";
  sell("ONCE-3");
  EXPECT_TRUE(catches_up());
  for (const char* transaction : {"ONCE-1", "ONCE-2", "ONCE-3"})
    EXPECT_EQ(booked(transaction), 1u) << transaction;
  EXPECT_EQ(hub_counter("perkline_hub_sync_frames_total", "repeated"), 0u);
  expect_hub_verifies();
}

}  // namespace
}  // namespace perkline::test
