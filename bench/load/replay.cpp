#include "bench/load/replay.hpp"

#include <algorithm>
#include <mutex>
#include <thread>

#include "shared/core/assert.hpp"

namespace perkline::bench {
namespace {

using std::chrono::steady_clock;

constexpr Points redeem_wish{50};

/// What the tills of one edge share: its baskets in order, and who is next.
struct Lane {
  std::vector<const Basket*> baskets;
  std::atomic<std::size_t> next{0};
};

class Run {
 public:
  Run(const std::vector<Basket>& baskets, const ReplayOptions& options, const std::atomic<bool>& stop,
      const std::function<void(std::size_t)>& progress)
      : options_(options),
        stop_(stop),
        progress_(progress),
        lanes_(options.edges.size()),
        total_(baskets.size()) {
    for (const Basket& basket : baskets)
      lanes_[edge_of_store(basket.store, lanes_.size())].baskets.push_back(&basket);
  }

  ReplaySummary play() {
    const auto begin = steady_clock::now();
    std::vector<std::jthread> tills;
    for (std::size_t i = 0; i < std::max(options_.concurrency, lanes_.size()); ++i) {
      tills.emplace_back([this, i, begin] { run_till(i, begin); });
    }
    tills.clear();
    summary_.duration = steady_clock::now() - begin;
    return std::move(summary_);
  }

 private:
  void run_till(std::size_t number, steady_clock::time_point begin) {
    const std::size_t edge = number % lanes_.size();
    Till till({.edge_url = options_.edges[edge].url,
               .key = options_.edges[edge].key,
               .channel = "POS-" + std::to_string(number + 1),
               .patience = options_.patience,
               .on_call = options_.on_call});
    Lane& lane = lanes_[edge];
    for (std::size_t place = lane.next++; place < lane.baskets.size() && !stop_; place = lane.next++) {
      const auto due = wait_turn(lane, place, begin);
      const Basket& basket = *lane.baskets[place];
      note(edge, basket, till.sell(basket, wishes_at(place, basket), stop_, due));
    }
    const std::scoped_lock lock(mutex_);
    summary_.times.identify.merge(till.times().identify);
    summary_.times.calculate.merge(till.times().calculate);
    summary_.times.finalize.merge(till.times().finalize);
    summary_.times.give_back.merge(till.times().give_back);
    summary_.times.repeats += till.times().repeats;
  }

  Wishes wishes_at(std::size_t place, const Basket& basket) const {
    const auto is_turn = [place](std::size_t every) { return every > 0 && place % every == every - 1; };
    Wishes wishes;
    if (is_turn(options_.redeem_every)) wishes.redeem = redeem_wish;
    const Money& first = basket.lines.front().paid;
    if (is_turn(options_.return_every) && first.minor > 0) wishes.refund = first;
    return wishes;
  }

  /// When the sale was to begin. Each lane gets its share of the rate, by its share of the baskets.
  steady_clock::time_point wait_turn(const Lane& lane, std::size_t place,
                                     steady_clock::time_point begin) const {
    if (options_.rate <= 0) return steady_clock::now();
    const double lane_rate =
        options_.rate * static_cast<double>(lane.baskets.size()) / static_cast<double>(total_);
    const auto due = begin + std::chrono::duration_cast<steady_clock::duration>(
                                 std::chrono::duration<double>(static_cast<double>(place) / lane_rate));
    std::this_thread::sleep_until(due);
    return due;
  }

  void note(std::size_t edge, const Basket& basket, SaleOutcome outcome) {
    std::size_t done = 0;
    {
      const std::scoped_lock lock(mutex_);
      const bool sold =
          outcome.kind == SaleOutcome::Kind::finalized || outcome.kind == SaleOutcome::Kind::pending;
      if (sold) {
        const bool pending = outcome.kind == SaleOutcome::Kind::pending;
        summary_.sold.push_back({edge, basket.transaction, basket.total(), outcome.earned, outcome.redeemed,
                                 std::move(outcome.session), pending, std::move(outcome.back)});
        if (pending) ++summary_.pending;
        if (!outcome.back_reason.empty()) ++summary_.failed["return: " + outcome.back_reason];
      } else {
        ++summary_.failed[outcome.kind == SaleOutcome::Kind::refused ? outcome.reason
                                                                     : "unanswered: " + outcome.reason];
      }
      done = ++done_;
    }
    if (progress_) progress_(done);
  }

  const ReplayOptions& options_;
  const std::atomic<bool>& stop_;
  const std::function<void(std::size_t)>& progress_;
  std::vector<Lane> lanes_;
  std::size_t total_;
  std::mutex mutex_;
  ReplaySummary summary_;
  std::size_t done_ = 0;
};

}  // namespace

double ReplaySummary::sales_per_second() const {
  const double elapsed = std::chrono::duration<double>(duration).count();
  return elapsed > 0 ? static_cast<double>(sold.size()) / elapsed : 0;
}

std::size_t edge_of_store(const std::string& store, std::size_t edges) {
  PERKLINE_ASSERT(edges > 0);
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : store) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return static_cast<std::size_t>((hash >> 32 ^ hash) % edges);
}

ReplaySummary replay(const std::vector<Basket>& baskets, const ReplayOptions& options,
                     const std::atomic<bool>& stop, const std::function<void(std::size_t done)>& progress) {
  PERKLINE_ASSERT(!options.edges.empty());
  return Run(baskets, options, stop, progress).play();
}

}  // namespace perkline::bench
