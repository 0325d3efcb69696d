#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/core/result.hpp"

/// What a store tells the hub, as values; the wire's format is sync.proto.
namespace perkline::sync {

/// A sale that PDI has booked.
struct SaleFinalized {
  SessionId session;
  TransactionId transaction;
  CustomerId customer;
  ChannelId channel;
  Money amount;
  Points earned;
  Points redeemed;
  Points new_balance;  ///< PDI's, after the sale.
  std::string tier;
  ReceiptId receipt;
  std::string rules_version;  ///< Of the rules that priced it; empty: PDI's own.
  WallTime finalized_at;
  bool operator==(const SaleFinalized&) const = default;
};

/// An event of a type this version does not know, kept as it came.
struct UnknownEvent {
  std::uint32_t type = 0;
  bool operator==(const UnknownEvent&) const = default;
};

using EventPayload = std::variant<SaleFinalized, UnknownEvent>;

struct Event {
  StoreId store;
  std::uint64_t epoch = 1;
  std::uint64_t sequence = 0;  ///< From 1 in each epoch, without gaps.
  Uuid id;                     ///< UUIDv7, for ever unique; survives renumbering.
  WallTime time;
  std::string traceparent;
  std::uint32_t schema_version = 1;
  EventPayload payload;
  bool operator==(const Event&) const = default;
};

/// The type's name as metrics, dead letters and domain events spell it: `SaleFinalized`.
std::string_view type_name(const EventPayload& payload);

std::string encode(const Event& event);
/// Errors: malformed_answer for bytes that are no event or break its rules (amounts, points, ids out of
/// range).
Result<Event> decode_event(std::string_view bytes);

}  // namespace perkline::sync
