#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/journal/epoch_bases.hpp"
#include "edge/journal/journal.hpp"
#include "edge/journal/outbox.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/ids.hpp"

/// What the outbox keeps in the journal, as bytes: events by position in family outbox, the rest in family
/// meta.
namespace perkline::edge::journal {

inline constexpr std::string_view epoch_key = "epoch";
inline constexpr std::string_view acked_key = "acked";
/// The base of an epoch whose adoption is under way, or was when the process ended.
inline constexpr std::string_view staged_key = "staged";
inline constexpr std::string_view granted_key = "granted";
/// The incarnation of the hub that has acknowledged what is acknowledged.
inline constexpr std::string_view hub_key = "hub";
inline constexpr std::string_view held_key = "held";
inline constexpr std::string_view lost_key = "lost";
/// Events that are read and removed before others get their turn.
inline constexpr std::size_t outbox_slice = 256;

/// An event where it lies.
struct Placed {
  std::uint64_t position;
  Digest hash;
  std::string event;
};

/// A position, or any other number, as its eight bytes.
std::string key_of(std::uint64_t position);
Digest digest_of(std::string_view bytes);

/// Errors: corrupt.
Result<Placed> record_of(std::string_view key, std::string_view value);

/// A number in family meta; `missing` when it was never written. Errors: corrupt, io_failed.
Result<std::uint64_t> read_number(const JournalReader& journal, std::string_view key, std::uint64_t missing);

std::string bytes_of(const Granted& granted);
/// nullopt: none was noted. Errors: corrupt, io_failed.
Result<std::optional<Granted>> read_granted(const JournalReader& journal);

/// That `last`, the last record of the epoch that begins at `base`, and those before it, as many as a crash
/// can have touched, are that store's and continue one another without a gap, from the chain's start if they
/// reach it. Errors: corrupt, io_failed.
Result<void> check_end(const JournalReader& journal, const StoreId& store, const EpochBase& base,
                       const Placed& last);

}  // namespace perkline::edge::journal
