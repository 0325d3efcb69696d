#pragma once

#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "shared/core/ids.hpp"
#include "shared/core/random.hpp"

namespace perkline::bench {

/// A sale that PDI has booked, made up: what the hub's measurements and their bare counterparts both write
/// down, so that they do the same work.
struct MadeSale {
  SessionId session;
  TransactionId transaction;
  ReceiptId receipt;
  CustomerId card;
  std::int64_t amount = 0;    ///< Minor units.
  std::int64_t earned = 0;    ///< > 0
  std::int64_t redeemed = 0;  ///< Of every fourth sale.
  std::int64_t balance = 0;   ///< PDI's, after it.
};

/// Makes the sales of one store, of cards drawn from a chain's.
class SaleMaker {
 public:
  /// `clock` must outlive this; it is the sessions' ids that go by it.
  SaleMaker(std::uint64_t cards, std::uint64_t seed, const Clock& clock)
      : cards_(cards), rng_(seed), ids_(clock, rng_) {}
  SaleMaker(const SaleMaker&) = delete;
  SaleMaker& operator=(const SaleMaker&) = delete;

  MadeSale next() {
    const auto number = ++count_;
    const auto amount = static_cast<std::int64_t>(100 + rng_.below(20'000));
    return {.session = ids_.next_session_id(),
            .transaction = TransactionId(fmt::format("T-{:09}", number)),
            .receipt = ReceiptId(fmt::format("R-{:012}", number)),
            .card = CustomerId(fmt::format("card-{:08}", rng_.below(cards_))),
            .amount = amount,
            .earned = amount / 10,
            .redeemed = number % 4 == 0 ? amount / 20 : 0,
            .balance = static_cast<std::int64_t>(rng_.below(1'000'000))};
  }
  Uuid next_id() { return ids_.next(); }

 private:
  std::uint64_t cards_;
  SeededRng rng_;
  UuidMaker ids_;
  std::uint64_t count_ = 0;
};

}  // namespace perkline::bench
