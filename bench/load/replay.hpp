#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/basket.hpp"
#include "bench/load/till.hpp"

namespace perkline::bench {

struct ReplayEdge {
  std::string url;
  std::string key;
};

struct ReplayOptions {
  std::vector<ReplayEdge> edges;
  std::size_t concurrency = 8;  ///< Tills, shared out evenly over the edges.
  double rate = 0;              ///< Sales a second over all tills; 0: as fast as they go.
  std::chrono::milliseconds patience{60'000};
  /// At every so-manieth basket of an edge points are redeemed, or goods come back; 0: at none.
  std::size_t redeem_every = 0;
  std::size_t return_every = 0;
  /// Told of every call, from any till's thread. With a rate the sales come at their own times, whether or
  /// not a till is free: what a slow answer holds up counts (no coordinated omission).
  std::function<void(const CallTime&)> on_call = {};
};

/// A sale whose till has its receipt.
struct SoldBasket {
  std::size_t edge;
  TransactionId transaction;
  Money amount;
  Points earned;
  Points redeemed;
  std::string session;
  bool pending = false;  ///< Told 202: the points are provisional.
  std::optional<GoodsBack> back = {};
};

struct ReplaySummary {
  std::vector<SoldBasket> sold;  ///< Acknowledged: finalized or pending.
  std::size_t pending = 0;
  std::map<std::string, std::size_t> failed;  ///< Reason → sales that were refused or never answered, and
                                              ///< returns (`return: …`).
  TillTimes times;
  std::chrono::nanoseconds duration{};

  double sales_per_second() const;
};

/// Which edge serves a store: the same one every time, whatever the order of the stores.
std::size_t edge_of_store(const std::string& store, std::size_t edges);

/// Plays every basket once, at the edge of its store, and returns when all tills are done. `progress` is
/// called from any till's thread after each sale with how many are done. `stop` ends it early.
ReplaySummary replay(const std::vector<Basket>& baskets, const ReplayOptions& options,
                     const std::atomic<bool>& stop, const std::function<void(std::size_t done)>& progress);

}  // namespace perkline::bench
