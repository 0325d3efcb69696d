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
#include "shared/sync/down.hpp"

/// The messages between store and hub, as values; the wire's format is sync.proto.
namespace perkline::sync {

inline constexpr std::uint32_t protocol_newest = 1;
/// The hub takes the newest and the one before.
inline constexpr std::uint32_t protocol_oldest = protocol_newest > 1 ? protocol_newest - 1 : 1;

/// How the store is; told with Hello and every limits::sync_status_every, never sequenced.
struct Status {
  std::uint64_t tail = 0;
  std::string breaker;  ///< CLOSED, OPEN, HALF_OPEN, FORCED_OPEN.
  std::uint64_t queue_depth = 0;
  std::string version;
  std::optional<Held> held = {};  ///< nullopt: the store takes nothing down.
  std::uint64_t epoch = 0;        ///< The store's own; 0: an older store, which does not say.
  bool operator==(const Status&) const = default;
};

struct Hello {
  StoreId store;
  std::uint64_t epoch = 1;
  Uuid boot_id;  ///< New with each start of the process.
  std::uint32_t protocol = protocol_newest;
  std::uint64_t tail = 0;  ///< The last sequence journalled.
  Digest tail_hash{};
  Status status;
  bool operator==(const Hello&) const = default;
};

struct Welcome {
  Uuid hub_incarnation;  ///< Changes when the hub is restored from a backup.
  std::uint64_t epoch = 1;
  std::uint64_t cursor = 0;  ///< The last sequence applied.
  Digest cursor_hash{};
  std::uint32_t credit = 0;                   ///< Batches that may be in flight.
  std::uint32_t protocol = 0;                 ///< What both speak.
  std::optional<PublicKey> signing_key = {};  ///< For catalogues; nullopt: an older hub.
  bool operator==(const Welcome&) const = default;
};

struct Batch {
  std::uint64_t epoch = 1;
  std::uint64_t first_sequence = 0;
  Digest previous_hash{};                ///< The chain at first_sequence - 1.
  Digest hash{};                         ///< The chain at the last event.
  std::vector<std::string> events;       ///< As journalled, never re-encoded.
  std::optional<WallTime> sent_at = {};  ///< By the store's clock; nullopt: an older store.
  bool operator==(const Batch&) const = default;
};

struct Ack {
  std::uint64_t epoch = 1;
  std::uint64_t through = 0;
  Digest hash{};
  bool operator==(const Ack&) const = default;
};

struct Nack {
  std::uint64_t epoch = 1;
  std::uint64_t expected = 0;
  bool operator==(const Nack&) const = default;
};

/// Values are on the wire: append, never renumber.
enum class ForkReason : std::uint8_t {
  hash_differs = 1,  ///< The same sequence, another content: a restored or cloned store, a damaged journal.
  beyond_tail,       ///< The hub knows more of this store than the store does.
  superseded,        ///< A newer epoch was granted.
  epoch_unknown,     ///< A higher epoch than the hub granted: the hub was restored.
};

/// The reason's name as databases, status and logs spell it.
std::string_view name_of(ForkReason reason);

/// How far a store's history is applied at the hub.
struct Applied {
  std::uint64_t epoch = 1;
  std::uint64_t through = 0;
  Digest hash{};  ///< The chain at `through`.
  bool operator==(const Applied&) const = default;
};

struct Fork {
  std::uint64_t epoch = 1;  ///< The sender's.
  ForkReason reason = ForkReason::hash_differs;
  /// superseded: what the hub has of the history before the epoch it has granted.
  std::optional<Applied> applied = {};
  bool operator==(const Fork&) const = default;
};

/// The store does not keep any more what follows the hub's cursor.
struct HistoryLost {
  std::uint64_t epoch = 1;
  std::uint64_t through = 0;  ///< The oldest event kept is the next one.
  Digest hash{};              ///< The chain at `through`.
  bool operator==(const HistoryLost&) const = default;
};

/// A restored store asks what became of these; at most limits::sync_query_sessions_max.
struct SaleQuery {
  std::vector<SessionId> sessions;
  bool operator==(const SaleQuery&) const = default;
};

/// Values are on the wire: append, never renumber.
enum class SaleState : std::uint8_t { pending = 1, finalized, rejected, voided };

/// What the hub knows of a session.
struct KnownSale {
  SessionId session;
  SaleState state = SaleState::pending;
  std::optional<Money> amount = {};  ///< nullopt: voided, as everything up to `receipt` is unset then.
  Points earned = {};                ///< PDI's once finalized, till then the store's own, as the next one.
  Points redeemed = {};
  std::optional<Points> new_balance = {};  ///< PDI's; exactly when finalized.
  std::string tier = {};
  ReceiptId receipt = {};  ///< PDI's once finalized, till then the store's own.
  WallTime at = {};        ///< When it came to its state, by the store's clock.
  std::string pdi_code = {};
  std::string reason = {};
  bool operator==(const KnownSale&) const = default;
};

/// Every session asked for is in one of the two.
struct SaleAnswer {
  std::vector<KnownSale> known;
  std::vector<SessionId> unknown;
  bool operator==(const SaleAnswer&) const = default;
};

/// The hub does not speak the store's protocol.
struct ProtocolRefused {
  std::uint32_t oldest = 0;
  std::uint32_t newest = 0;
  bool operator==(const ProtocolRefused&) const = default;
};

using Frame = std::variant<Hello, Welcome, Batch, Ack, Nack, Fork, Status, ProtocolRefused, SaleQuery,
                           SaleAnswer, HistoryLost, CatalogueDelta, CatalogueSnapshot, MemberDelta,
                           EraseMember, Command, CommandAnswer, SpinReserve, SpinReserved, ClaimRequest,
                           ClaimAnswer, MemberRequest, MemberAnswer>;

/// Whether an encoded frame is what a store asks while a till waits: SpinReserve, ClaimRequest,
/// MemberRequest. By its first bytes alone; it may be malformed behind them.
bool is_ask(std::string_view bytes);

/// A batch's events are zstd-compressed where that pays.
std::string encode(const Frame& frame);
/// Errors: malformed_answer, also for a frame over its limits (limits.hpp) before or after decompression.
Result<Frame> decode_frame(std::string_view bytes);

}  // namespace perkline::sync
