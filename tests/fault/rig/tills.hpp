#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/fleet/fleet.hpp"

namespace perkline::test {

/// One sale as its till holds it: what was asked, and the bytes of every answer.
struct Sale {
  std::size_t edge = 0;
  std::string transaction;
  std::string customer;
  std::int64_t minor = 0;       ///< What is paid.
  std::int64_t redeem = 0;      ///< Points; 0: none.
  std::string session = {};     ///< Empty: the till never heard of one.
  std::string identified = {};  ///< Bodies of 200s, from here on; empty: not asked.
  std::string priced = {};
  std::string pending = {};  ///< finalize's 202.
  std::string finalized = {};
  std::string voided = {};
  std::string return_transaction = {};  ///< Empty: nothing came back.
  std::int64_t return_minor = 0;
  std::string returned = {};

  bool acknowledged() const { return !pending.empty() || !finalized.empty(); }
};

struct TillAnswer {
  int status = 0;  ///< 0: patience has ended.
  std::string body;
  bool replayed = false;
};

/// A till's connection, which repeats a call that got no answer, or was put off, until it is settled. One
/// thread.
class TillLine {
 public:
  struct Options {
    std::string url;
    std::string key;
    std::chrono::seconds patience{120};
    std::chrono::milliseconds repeat_after{20};
  };
  explicit TillLine(Options options);
  ~TillLine();
  TillAnswer post(const std::string& call, const std::string& body);
  TillAnswer get(const std::string& call);
  std::size_t repeats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The calls of a sale, each checked against what was answered before. What is not as it must be goes to
/// `complaints`. One thread.
class SaleCalls {
 public:
  SaleCalls(TillLine& line, std::vector<std::string>& complaints) : line_(line), complaints_(complaints) {}

  bool identify(Sale& sale);
  bool price(Sale& sale);
  /// True once it is acknowledged. Points that may not be redeemed are left out.
  bool finalize(Sale& sale);
  bool abandon(Sale& sale);
  bool give_back(Sale& sale);

 private:
  bool keep(const Sale& sale, const char* what, std::string& kept, const TillAnswer& answer);
  void complain(const Sale& sale, const std::string& what, const TillAnswer& answer);

  TillLine& line_;
  std::vector<std::string>& complaints_;
};

/// Tills that sell, void and take goods back, each a thread with a sale at a time, until they are stopped;
/// then each ends the sale it has begun.
class Tills {
 public:
  /// A call from its first try to its settling answer.
  struct Waited {
    std::size_t edge;
    std::chrono::nanoseconds took;
  };
  struct Options {
    std::size_t tills_per_edge = 4;
    std::chrono::milliseconds pause{20};  ///< Between two sales of a till, on average.
    std::chrono::seconds patience{120};   ///< For one call.
    std::uint64_t seed = 1;
    std::string prefix = "SALE-";
    std::function<void(const Waited&)> on_answer = {};  ///< From any till's thread.
  };
  struct Taken {
    std::vector<Sale> sales;
    std::vector<std::string> complaints;
    std::size_t repeats = 0;
  };
  /// `fleet`'s edges keep their addresses and keys, whoever kills and starts them meanwhile.
  Tills(const bench::Fleet& fleet, Options options);
  ~Tills();
  std::size_t acknowledged() const { return acknowledged_; }
  Taken stop();

 private:
  void run(std::size_t number, std::size_t edge, const TillLine::Options& line);

  const Options options_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::size_t> acknowledged_ = 0;
  std::mutex mutex_;  ///< For what is taken.
  Taken taken_;
  std::vector<std::jthread> threads_;
};

}  // namespace perkline::test
