#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "shared/core/random.hpp"
#include "tests/fault/rig/ends.hpp"
#include "tests/fault/rig/failpoint_file.hpp"
#include "tests/fault/rig/number_file.hpp"
#include "tests/fault/rig/supervisor.hpp"

namespace perkline::soak {

inline constexpr std::size_t edges = 2;

/// What goes wrong, one thing after another, with PDI having moods of its own beside it. The first edge and,
/// for the first half of the time, the hub are killed; the second edge lives on, so that it shows what grows.
class Mischief {
 public:
  /// In `state`, which is there.
  explicit Mischief(const std::filesystem::path& state);
  /// For the daemons' next starts.
  void preload(bench::Fleet& fleet) const;

  struct Options {
    std::uint64_t seed = 1;
    std::chrono::seconds duration{3600};
    /// Told what begins, from either thread.
    std::function<void(const std::string& what)> on_event;
  };
  void start(bench::Fleet& fleet, test::Supervisor& supervisor, Options options);
  /// All is well by its end, but for what has to come up again.
  void stop();

  /// Whether a till of that edge may have had to wait since then: the edge was away, or its disk full.
  bool disturbed_since(std::size_t edge, std::chrono::steady_clock::time_point then) const;
  std::map<std::string, std::size_t> counts() const;
  /// The crashes and failures of disks that daemons were told to have.
  std::vector<test::Asked> asked() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Edge {
    Edge(const std::filesystem::path& state, std::size_t number);
    test::FailpointFile failpoint;
    test::NumberFile clock;
    test::NumberFile disk;
    std::atomic<Clock::rep> disturbed_until{0};
  };

  void run(const std::stop_token& stop);
  void run_moods(const std::stop_token& stop);
  void one_thing(const std::stop_token& stop);
  void kill_edge();
  void break_edge(const std::stop_token& stop);
  void fill_disk(const std::stop_token& stop);
  void jump_clock(const std::stop_token& stop);
  void trouble_hub(const std::stop_token& stop);
  void begin(const std::string& kind, const std::string& what);
  void ask(test::Supervisor::Part part, test::Happening happening);
  /// No more of what was asked last: it may still be on its way for a while.
  void asked_enough();
  void disturb(std::size_t edge);
  void calm(std::size_t edge);
  std::chrono::milliseconds up_to(std::int64_t least_ms, std::int64_t most_ms);

  std::array<Edge, edges> edges_;
  test::FailpointFile hub_failpoint_;
  bench::Fleet* fleet_ = nullptr;
  test::Supervisor* supervisor_ = nullptr;
  Options options_;
  Clock::time_point began_;
  SeededRng rng_{1};          ///< The first thread's,
  SeededRng mood_rng_{2};     ///< the second one's.
  mutable std::mutex mutex_;  ///< For the counts, and what was asked.
  std::map<std::string, std::size_t> counts_;
  std::vector<test::Asked> asked_;
  std::jthread thread_;
  std::jthread moods_;
};

}  // namespace perkline::soak
