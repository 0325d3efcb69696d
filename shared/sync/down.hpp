#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/core/bytes.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/core/result.hpp"

/// What the hub sends down to stores, and what they ask of it, as values; the wire's format is sync.proto.
namespace perkline::sync {

/// A place in one of the hub's streams.
struct Position {
  Uuid incarnation;  ///< The hub's; another one's places say nothing.
  std::uint64_t at = 0;
  bool operator==(const Position&) const = default;
};

/// How far a store has taken in what is sent down.
struct Held {
  std::optional<Position> catalogue = {};  ///< nullopt: it holds none, as the next one.
  std::optional<Position> members = {};
  /// Another after each restore and adopted epoch: leases are granted to it. nullopt: it is granted none.
  std::optional<Uuid> lease_holder = {};
  bool operator==(const Held&) const = default;
};

/// Ed25519 (RFC 8032).
using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

/// Values are on the wire: append, never renumber.
enum class ItemKind : std::uint32_t { reward_rules = 1, prize = 3, promotion, wheel_seed, prize_lease };

struct ItemName {
  std::uint32_t kind = 0;  ///< An ItemKind, or one of a later version's.
  std::string id = {};
  auto operator<=>(const ItemName&) const = default;
};
inline ItemName name_of(ItemKind kind, std::string id = {}) {
  return {static_cast<std::uint32_t>(kind), std::move(id)};
}

struct CatalogueItem {
  ItemName name;
  std::optional<std::string> body = {};  ///< nullopt, in deltas alone: it is gone.
  bool operator==(const CatalogueItem&) const = default;
};

/// A catalogue at one of its versions, as the hub has signed it (catalogue.hpp).
struct CatalogueHead {
  Uuid incarnation;
  std::uint64_t version = 1;
  Digest digest{};
  Signature signature{};
  bool operator==(const CatalogueHead&) const = default;
};

/// Names rise, and none is there twice.
struct CatalogueDelta {
  std::uint64_t from = 0;
  CatalogueHead head;
  std::vector<CatalogueItem> items;
  bool operator==(const CatalogueDelta&) const = default;
};

struct CatalogueSnapshot {
  CatalogueHead head;
  std::vector<CatalogueItem> items;
  bool operator==(const CatalogueSnapshot&) const = default;
};

struct MemberSnapshot {
  Digest member{};  ///< member_hash of the card.
  std::string name = {};
  std::string tier = {};
  std::optional<Points> points = {};  ///< nullopt: PDI has not told.
  WallTime as_of = {};
  std::int64_t owed = 0;
  bool blocked = false;
  std::vector<Uuid> promotions = {};  ///< Assigned and unclaimed, rising; the newest sync_promotions_max.
  bool operator==(const MemberSnapshot&) const = default;
};

struct MemberDelta {
  Uuid incarnation;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  /// How much of the store's own history is in it.
  std::uint64_t applied_epoch = 1;
  std::uint64_t applied_through = 0;
  std::vector<MemberSnapshot> members;
  bool operator==(const MemberDelta&) const = default;
};

struct Erasure {
  Uuid id;
  Digest member{};  ///< member_hash of the card.
  CustomerId token;
  WallTime requested_at = {};
  bool operator==(const Erasure&) const = default;
};
struct EraseMember {
  std::vector<Erasure> erasures;
  std::optional<WallTime> sent_at = {};  ///< By the hub's clock; nullopt: an older hub.
  bool operator==(const EraseMember&) const = default;
};

/// Values are on the wire: append, never renumber.
enum class CommandKind : std::uint8_t { log_level = 1, rotate_key, key_let_in };
struct Command {
  Uuid id;
  CommandKind kind = CommandKind::log_level;
  std::string argument = {};  ///< The level; the key that is let in.
  bool operator==(const Command&) const = default;
};

/// Values are on the wire: append, never renumber.
enum class CommandOutcome : std::uint8_t { done = 1, refused, key_offered, key_in_use };
struct CommandAnswer {
  Uuid id;
  CommandOutcome outcome = CommandOutcome::done;
  std::string detail = {};  ///< Why it was refused; the store's new public key.
  bool operator==(const CommandAnswer&) const = default;
};

/// A store is about to make this spin: which one-time prizes may be in its draw?
struct SpinReserve {
  Uuid spin;
  CustomerId customer;
  std::string traceparent = {};  ///< Of the till's call; empty: none is told, as below.
  bool operator==(const SpinReserve&) const = default;
};
/// These are kept for the member until the spin's SpinDrawn or SpinDropped.
struct SpinReserved {
  Uuid spin;
  std::vector<std::string> prizes = {};  ///< Rising; at most limits::sync_prizes_max.
  bool operator==(const SpinReserved&) const = default;
};

/// A promotion claimed at a till: the same claim always has the same id, and one effect.
struct ClaimRequest {
  Uuid claim;
  CustomerId customer;
  Uuid promotion;
  TransactionId transaction;  ///< The till's.
  WallTime claimed_at = {};
  std::optional<Digest> terms = std::nullopt;  ///< As PromotionClaimed's.
  std::string traceparent = {};
  bool operator==(const ClaimRequest&) const = default;
};

/// Values are on the wire: append, never renumber.
enum class ClaimOutcome : std::uint8_t {
  claimed = 1,
  already_claimed,
  not_assigned,
  not_active,
  balance_limit
};
struct ClaimAnswer {
  Uuid claim;
  ClaimOutcome outcome = ClaimOutcome::claimed;
  /// Money in the member's wallet.
  struct Credit {
    UserId user;
    Money amount;  ///< > 0, as the next two of one currency.
    Money available;
    Money held;
    WallTime claimed_at = {};
    Uuid transaction;  ///< The wallet's.
    std::string description = {};
    WallTime created_at = {};
    bool operator==(const Credit&) const = default;
  };
  std::optional<Credit> credit = {};  ///< Exactly when claimed.
  bool operator==(const ClaimAnswer&) const = default;
};

/// What does the hub know of a member that this store may never have seen?
struct MemberRequest {
  Uuid id;  ///< New with each.
  CustomerId customer;
  bool operator==(const MemberRequest&) const = default;
};
struct MemberAnswer {
  Uuid id;
  /// How much of the store's own history is in it.
  std::uint64_t applied_epoch = 1;
  std::uint64_t applied_through = 0;
  std::optional<MemberSnapshot> member = {};  ///< nullopt: the hub does not know the card.
  bool operator==(const MemberAnswer&) const = default;
};

}  // namespace perkline::sync
