#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shared/core/bytes.hpp"
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

/// A sale that a till was told of before PDI has booked it. SaleSettled or SaleRejected follows.
struct SalePending {
  SessionId session;
  TransactionId transaction;
  CustomerId customer;
  ChannelId channel;
  Money amount;
  Points earned;  ///< As the store priced it: provisional.
  Points redeemed;
  std::string tier;
  ReceiptId receipt;          ///< The store's own, as printed.
  std::string rules_version;  ///< Of the rules that priced it; empty: PDI's own.
  WallTime pending_at;
  bool operator==(const SalePending&) const = default;
};

/// The end of a pending sale: PDI's figures, in full.
struct SaleSettled {
  SaleFinalized sale;
  bool operator==(const SaleSettled&) const = default;
};

/// A person has closed a pending sale that PDI never booked.
struct SaleRejected {
  SessionId session;
  TransactionId transaction;
  CustomerId customer;
  std::string pdi_code;  ///< Why PDI refused it; empty: it never said.
  std::string reason;    ///< The person's, 1 to 256 bytes.
  WallTime rejected_at;
  bool operator==(const SaleRejected&) const = default;
};

/// Goods of a sale came back.
struct SaleReturned {
  ReturnId id;
  TransactionId transaction;  ///< The return's own, at the till that took it.
  TransactionId original_transaction;
  StoreId original_store;  ///< Whose sale it was; it may be another store's.
  SessionId session;       ///< The sale's; empty when it is another store's, as the next one.
  CustomerId customer;
  Money amount;
  /// What the store worked out for its own sale.
  struct Figures {
    Points clawed_back;
    Points restored;
    bool operator==(const Figures&) const = default;
  };
  std::optional<Figures> figures;  ///< nullopt: the hub is to work them out, as only it knows the sale.
  WallTime returned_at;
  bool operator==(const SaleReturned&) const = default;
};

/// A session that was given up before it was a sale.
struct SessionVoided {
  SessionId session;
  TransactionId transaction;
  CustomerId customer;
  ChannelId channel;
  std::string reason;  ///< The till's, 1 to 256 bytes.
  WallTime voided_at;
  bool operator==(const SessionVoided&) const = default;
};

/// The store's books and PDI's differ about a sale.
struct ReconcileDifference {
  SessionId session;
  TransactionId transaction;
  CustomerId customer;
  std::string ours;  ///< The session's status here.
  std::string pdi;   ///< PDI's word on it; `unknown`: PDI denies the session.
  WallTime found_at;
  bool operator==(const ReconcileDifference&) const = default;
};

/// The store has put the token in an erased card's place, everywhere.
struct MemberErased {
  Uuid erasure;  ///< The Erasure's id.
  WallTime erased_at;
  bool operator==(const MemberErased&) const = default;
};

/// A spin that a sale of this store had.
struct SpinDrawn {
  Uuid spin;
  SessionId session;  ///< The sale's, as the next two.
  TransactionId transaction;
  CustomerId customer;
  Digest commitment{};  ///< Of the seed.
  std::string client_seed;
  std::int64_t nonce = 1;
  struct Slot {
    std::string prize;
    std::int64_t tickets = 0;
    bool operator==(const Slot&) const = default;
  };
  std::vector<Slot> slots;  ///< What was drawn from, prizes rising.
  std::string prize;        ///< One of them.
  std::string lease;        ///< Of the unit given away; empty: of no stocked prize, as the next one is 0.
  std::uint32_t ordinal = 0;
  WallTime drawn_at;
  /// SHA-256 of the body that the prize's item had in the catalogue drawn from; nullopt: an older store.
  std::optional<Digest> terms = std::nullopt;
  bool operator==(const SpinDrawn&) const = default;
};

/// A promotion claimed at a till while the hub did not answer.
struct PromotionClaimed {
  Uuid claim;  ///< As a ClaimRequest for it has.
  CustomerId customer;
  Uuid promotion;
  TransactionId transaction;
  WallTime claimed_at;
  std::optional<Digest> terms = std::nullopt;  ///< Of the promotion's item, as SpinDrawn's; nullopt: none.
  bool operator==(const PromotionClaimed&) const = default;
};

/// Units of a lease that the store will not give away.
struct LeaseReturned {
  std::string lease;
  std::uint32_t returned = 0;  ///< In all so far, > 0.
  bool operator==(const LeaseReturned&) const = default;
};

/// A spin that was about to be made, and was not.
struct SpinDropped {
  Uuid spin;
  CustomerId customer;
  bool operator==(const SpinDropped&) const = default;
};

/// An event of a type this version does not know, kept as it came.
struct UnknownEvent {
  std::uint32_t type = 0;
  bool operator==(const UnknownEvent&) const = default;
};

using EventPayload = std::variant<SaleFinalized, SalePending, SaleSettled, SaleRejected, SaleReturned,
                                  SessionVoided, ReconcileDifference, MemberErased, SpinDrawn,
                                  PromotionClaimed, LeaseReturned, SpinDropped, UnknownEvent>;

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

/// The event in its place in a new epoch; all else, what this version does not know included, stays. Errors:
/// malformed_answer for bytes that are no event at all.
Result<std::string> renumbered(std::string_view bytes, std::uint64_t epoch, std::uint64_t sequence);

}  // namespace perkline::sync
