#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "shared/core/random.hpp"

namespace perkline::test {

/// One call that moves money, as whoever made it remembers it.
struct MoneyOrder {
  enum class Kind : std::uint8_t { transfer, credit, debit };
  Kind kind = Kind::transfer;
  std::size_t client = 0;  ///< Whose wallet: the payer's, or the one that staff credits or debits.
  std::size_t payee = 0;   ///< Of a transfer: the other member.
  std::int64_t minor = 0;
  std::string key = {};   ///< Its Idempotency-Key, and its note, by which the books know it.
  int status = 0;         ///< 201, or 409 for want of funds; 0: nobody has heard what became of it.
  std::string body = {};  ///< Of that answer.
};

struct MoneyAnswer {
  int status = 0;  ///< 0: none that says what became of the order.
  std::string body = {};
  bool replayed = false;
};

/// A member of the hub's, with staff beside them.
struct MoneyMember {
  std::string id;
  std::string login;
};

/// A member's and staff's connection to the hub, whose calls carry Idempotency-Keys. One thread.
class MoneyLine {
 public:
  /// `members` must outlive it.
  MoneyLine(const bench::Fleet& fleet, const std::vector<MoneyMember>& members, std::size_t client);
  ~MoneyLine();

  /// As both, ahead of the first order. One try: what fails here send() tries again.
  void sign_in();
  /// One try; logs in again when its token has expired. What may be answered otherwise later (503, 409
  /// REQUEST_IN_PROGRESS) counts as no answer.
  MoneyAnswer send(const MoneyOrder& order);
  /// Again and again until it is answered, or patience ends.
  MoneyAnswer settle(const MoneyOrder& order, std::chrono::seconds patience);
  /// What a hub answered that it never may, a line each.
  std::vector<std::string> take_complaints();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Members who pay one another while staff credits and debits them, each a thread with an order at a time,
/// until they are stopped. Of those that get no answer some go away for good, the others try again under
/// their key.
class MoneyClients {
 public:
  struct Options {
    std::size_t clients = 4;
    std::chrono::milliseconds pause{20};  ///< Between two orders of a client, on average.
    std::chrono::seconds patience{120};   ///< For one order.
    std::uint64_t seed = 1;
  };
  struct Taken {
    std::vector<MoneyMember> members;
    std::vector<MoneyOrder> orders;
    std::vector<std::string> complaints;
  };
  /// Registers the members, asserts that they can be, and returns once all have signed in: while a hub is
  /// killed every few seconds beside busy neighbours, no password may get hashed for minutes. `fleet`'s hub
  /// keeps its address, whoever kills and starts it meanwhile.
  MoneyClients(const bench::Fleet& fleet, Options options);
  ~MoneyClients();
  std::size_t acknowledged() const { return acknowledged_; }
  Taken stop();

 private:
  void run(std::size_t client);
  MoneyOrder draw(std::size_t client, std::size_t count, Rng& rng) const;

  const bench::Fleet& fleet_;
  const Options options_;
  std::vector<MoneyMember> members_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::size_t> acknowledged_ = 0;
  std::latch signed_in_;
  std::mutex mutex_;  ///< For what is taken.
  Taken taken_;
  std::vector<std::jthread> threads_;
};

}  // namespace perkline::test
