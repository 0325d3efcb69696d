#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/bytes.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"

/// The wheel: a weighted draw that anybody can compute again (hub.md, "wheel"). Pure; hub and edge draw
/// alike.
///
/// A draw is made of a server seed, whose SHA-256 was published before, and of the text
/// `<member>:<client seed>:<nonce>`; the table says how many tickets each prize has, in order, T in all.
///
///     block 0 = HMAC-SHA256(seed, text); block k = HMAC-SHA256(seed, text + "#k"), k = 1, 2, …
///     Each block is read as four big-endian numbers of 64 bits.
///     The first number of all that is below 2^64 − (2^64 mod T) is r, and the ticket drawn is r mod T.
///     Ticket t is the first prize's if t is below its tickets, else ticket t less those is one of the rest.
///
/// Refusing the numbers above that bound (fewer than one in 2^20) makes every ticket exactly as likely as any
/// other. Every text is some draw's alone: it ends in `:<nonce>`, or in `#<block>` behind that.
namespace perkline::loyalty {

/// Tickets a unit of weight: weights have up to four decimals.
inline constexpr int weight_decimals = 4;
inline constexpr std::int64_t tickets_per_weight = 10'000;
inline constexpr std::int64_t tickets_max = 1'000'000 * tickets_per_weight;

/// A weight as it is given: at least no decimals, at most four, no trailing zeros.
std::string weight_text(std::int64_t tickets);

/// A prize as whoever draws knows it.
struct Prize {
  std::string id;            ///< Printable ASCII without spaces.
  std::int64_t tickets = 0;  ///< Its weight × tickets_per_weight; 0 to tickets_max.
  bool active = true;
  /// How many are there to be given away from here: at the hub what is free of the stock, at a store what is
  /// left of its lease (0 without one). nullopt: any number.
  std::optional<std::int64_t> units = std::nullopt;
  /// One-time, and this member has it already, or nobody vouches that they have not.
  bool withheld = false;
};

/// What is drawn from. Non-empty ids, each once, rising; each with 1 to tickets_max tickets. Made by
/// table_of() or read_table().
struct PrizeTable {
  struct Slot {
    std::string prize;
    std::int64_t tickets = 0;
    bool operator==(const Slot&) const = default;
  };
  std::vector<Slot> slots;

  std::int64_t tickets() const;
  bool operator==(const PrizeTable&) const = default;
};

/// Whether the prize can be drawn at all: active, with tickets and units, and not withheld.
bool is_in_draw(const Prize& prize);
/// Of those of `prizes` that can be drawn. Ids must differ: asserts.
PrizeTable table_of(std::span<const Prize> prizes);
/// Its canonical text: `<prize> <tickets>\n` for each slot.
std::string text_of(const PrizeTable& table);
/// Its version: SHA-256 of the canonical text. Two tables have the same only if they are the same.
Digest version_of(const PrizeTable& table);
/// Reads what text_of() writes, and nothing else. Errors: validation_failed.
Result<PrizeTable> read_table(std::string_view text);

/// 32 random bytes, secret until nobody draws with them any more.
struct ServerSeed {
  Digest bytes{};
  bool operator==(const ServerSeed&) const = default;
};
/// What is published before anybody draws with the seed: its SHA-256.
Digest commitment_of(const ServerSeed& seed);

/// What makes a draw this one and not another.
struct Draw {
  std::string member;       ///< Whose it is; holds no `:`.
  std::string client_seed;  ///< The member's own choice; may be empty.
  std::int64_t nonce = 0;   ///< Counts a member's draws with a seed, from 1.
};

/// How a draw at a till names its member, as proofs are anybody's to see: HMAC-SHA256 of the card, in hex,
/// under a key that the hub and the store alone have. Without it nobody can try cards until one fits.
using MemberKey = Digest;
std::string till_member(const MemberKey& key, const CustomerId& card);
/// The ticket drawn of `tickets` > 0: 0 to tickets − 1.
std::int64_t draw_ticket(const ServerSeed& seed, const Draw& draw, std::int64_t tickets);
/// The prize drawn; the table must not be empty: asserts.
const std::string& draw_prize(const ServerSeed& seed, const Draw& draw, const PrizeTable& table);

/// What somebody says they have drawn.
struct ClaimedDraw {
  Draw draw;
  PrizeTable table;
  Digest version{};  ///< The table's.
  Digest commitment{};
  std::string prize;
};
/// Draws again. Errors: validation_failed, saying what does not agree: seed and commitment, table and
/// version, an empty table, the prize.
Result<void> verify(const ServerSeed& seed, const ClaimedDraw& claimed);

}  // namespace perkline::loyalty
