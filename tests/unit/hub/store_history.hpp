#pragma once

#include <functional>
#include <string>
#include <vector>

#include "shared/core/ids.hpp"
#include "shared/sync/event.hpp"
#include "shared/sync/frame.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::test {

/// What a store has journalled, and the batches it would send of it.
class StoreHistory {
 public:
  StoreHistory(StoreId store, UuidMaker& uuids, const Clock& clock)
      : store_(std::move(store)), uuids_(uuids), clock_(clock) {}

  sync::SaleFinalized sale(std::int64_t earned, std::int64_t redeemed = 0,
                           std::string customer = "CUST-00001") {
    return {.session = uuids_.next_session_id(),
            .transaction = TransactionId("T-" + std::to_string(events_.size())),
            .customer = CustomerId(std::move(customer)),
            .channel = ChannelId("POS-1"),
            .amount = Money{1500, find_currency("USD").value()},
            .earned = Points{earned},
            .redeemed = Points{redeemed},
            .new_balance = Points{5000 + earned},
            .tier = "Gold",
            .receipt = ReceiptId("RCP-1"),
            .rules_version = "",
            .finalized_at = clock_.wall_now()};
  }

  /// The next event; `claims` changes what it says of itself.
  void add(sync::EventPayload payload, const std::function<void(sync::Event&)>& claims = {}) {
    sync::Event event{.store = store_,
                      .epoch = epoch,
                      .sequence = events_.size() + 1,
                      .id = uuids_.next(),
                      .time = clock_.wall_now(),
                      .traceparent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
                      .payload = std::move(payload)};
    if (claims) claims(event);
    events_.push_back(sync::encode(event));
  }
  void add_bytes(std::string bytes) { events_.push_back(std::move(bytes)); }
  void clear() { events_.clear(); }
  std::uint64_t tail() const { return events_.size(); }

  Digest hash_at(std::uint64_t sequence) const {
    Digest hash = sync::chain_start(store_, epoch);
    for (std::uint64_t i = 0; i < sequence; ++i) hash = sync::chain_next(hash, events_[i]);
    return hash;
  }
  sync::Batch batch(std::uint64_t first, std::uint64_t last) const {
    sync::Batch made{.epoch = epoch,
                     .first_sequence = first,
                     .previous_hash = hash_at(first - 1),
                     .hash = hash_at(last),
                     .events = {}};
    for (std::uint64_t i = first; i <= last; ++i) made.events.push_back(events_[i - 1]);
    return made;
  }
  sync::Hello hello() const {
    return {.store = store_,
            .epoch = epoch,
            .boot_id = {},
            .tail = tail(),
            .tail_hash = hash_at(tail()),
            .status = {.tail = tail(), .breaker = "CLOSED", .queue_depth = 0, .version = "0.1.0"}};
  }

  std::uint64_t epoch = 1;

 private:
  StoreId store_;
  UuidMaker& uuids_;
  const Clock& clock_;
  std::vector<std::string> events_;
};

}  // namespace perkline::test
