#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bench/load/basket.hpp"
#include "bench/measure/histogram.hpp"

namespace perkline::bench {

/// What a customer does beside buying.
struct Wishes {
  Points redeem;                ///< Up to so many, if they have plenty.
  std::optional<Money> refund;  ///< Brings goods of this worth back at once.
};

/// Goods that came back, as the till was told.
struct GoodsBack {
  TransactionId transaction;
  Money amount;
  Points clawed_back;
  Points restored;
  bool pending = false;  ///< Told 202: the points are not worked out yet.
};

/// How a sale ended at the till.
struct SaleOutcome {
  enum class Kind : std::uint8_t { finalized, pending, refused, unanswered };
  Kind kind = Kind::unanswered;
  std::string session = {};
  Points earned;
  Points redeemed;
  std::string reason;  ///< refused: the edge's code; unanswered: what stood in the way last.
  std::optional<GoodsBack> back = {};
  std::string back_reason = {};  ///< Why goods could not be taken back; empty: they were, or there are none.
};

struct TillTimes {
  Histogram identify;
  Histogram calculate;
  Histogram finalize;
  Histogram give_back;
  std::uint64_t repeats = 0;  ///< Calls that were made again after no answer, 409 SESSION_BUSY, 429 or 503.
};

enum class TillCall : std::uint8_t { identify, calculate, finalize, give_back };

/// How long a till waited for one call.
struct CallTime {
  TillCall call;
  std::chrono::steady_clock::time_point due;  ///< The sale's own time, or when the call before was answered.
  std::chrono::nanoseconds latency;           ///< From then to the answer that settled it, repeats and all.
  std::chrono::nanoseconds late;              ///< Of that, before it was sent: no till was free, or awake.
  int status;                                 ///< 0: none did.
};

/// A till: one keep-alive connection to its store's edge, sales one after another. One thread.
/// Like a real till it repeats a call that got no answer, under the same ids, until it is answered or
/// `patience` ends.
class Till {
 public:
  struct Options {
    std::string edge_url;
    std::string key;  ///< Empty: none is sent.
    std::string channel = "POS-001";
    std::chrono::milliseconds patience{60'000};
    std::function<void(const CallTime&)> on_call = {};
  };
  explicit Till(Options options);
  ~Till();

  /// identify → calculateRewards → finalize, and → return where goods come back. What may not be redeemed is
  /// paid instead. `stop`, when it turns true, ends the waiting. `due` is when the customer came: a till that
  /// was not free then has kept them waiting.
  SaleOutcome sell(const Basket& basket, const Wishes& wishes, const std::atomic<bool>& stop,
                   std::chrono::steady_clock::time_point due = std::chrono::steady_clock::now());
  const TillTimes& times() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perkline::bench
