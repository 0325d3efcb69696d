#pragma once

#include <cstddef>
#include <functional>
#include <set>

#include "hub/billing/payments.hpp"
#include "hub/billing/refunds.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/signal.hpp"

namespace perkline::hub::billing {

/// Brings pending payments to their end: claims what is due, asks the provider, books its word; and has given
/// back what was settled and could not be booked. All it knows
/// is in the database, so that a restart, or another replica, goes on where it stopped; a payment whose
/// provider may have been asked before is asked for first, never settled blindly. Reactor's thread.
class Worker {
 public:
  /// All must outlive this.
  struct Parts {
    db::Database& database;
    PaymentProvider& provider;
    net::AsyncClock& clock;
    UuidMaker& ids;
    /// A top-up that its provider has settled has failed, and it refuses to give it back: people are to see
    /// to it there. Empty: nobody counts.
    std::function<void()> to_give_back = {};
  };
  struct Options {
    Millis look_every{100};          ///< For what other replicas began, or is due again.
    Millis lease{1000};              ///< After which another one takes a claimed payment over.
    Millis retry_first{100};         ///< Doubled with each attempt …
    Millis retry_max = put_off_max;  ///< … up to this.
    std::size_t in_flight_max = 64;
  };
  explicit Worker(const Parts& parts) : Worker(parts, Options{}) {}
  Worker(const Parts& parts, const Options& options) : parts_(parts), options_(options) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Until stop(); this must outlive it.
  Task<void> run();
  /// A payment has begun.
  void wake() { signal_.notify(); }
  /// Returns when nothing of it runs any more.
  Task<void> stop();

 private:
  Task<bool> is_any_due();
  /// Claims what there is room for and starts on it. Whether there was anything.
  Task<bool> take_some();
  Task<void> settle(Intent intent);
  Task<Result<Verdict>> ask(const Intent& intent);
  Task<Result<void>> write_down(const Intent& intent, const Result<Verdict>& verdict);
  /// Books the end. One that the ledger refuses, which it would again, has failed.
  Task<Result<void>> end(const Intent& intent, const Verdict& verdict);
  Task<Result<Payment>> decide_now(const Intent& intent, Verdict verdict,
                                   std::optional<std::string> refused = std::nullopt);
  Task<Result<void>> try_later(const Intent& intent);
  Task<void> give_back(Refund refund);
  Task<Result<Verdict>> ask_back(const Refund& refund);
  Task<void> end_now(const Refund& refund, const Verdict& verdict);
  void leave(const Uuid& payment);

  Parts parts_;
  Options options_;
  net::Signal signal_;
  net::Signal idle_;
  std::set<Uuid> in_flight_;
  bool running_ = false;
  bool stopping_ = false;
};

}  // namespace perkline::hub::billing
