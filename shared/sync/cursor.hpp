#pragma once

#include <cstdint>
#include <variant>

#include "shared/sync/frame.hpp"
#include "shared/sync/hash_chain.hpp"

/// What the hub answers a store, decided from the store's cursor alone (sync.md, "Up"). Pure.
namespace perkline::sync {

/// How far the hub has taken a store's history in.
struct Cursor {
  std::uint64_t epoch = 1;
  std::uint64_t sequence = 0;
  Digest hash{};  ///< The chain at `sequence`.
  bool operator==(const Cursor&) const = default;
};

/// Before a store's first event.
Cursor first_cursor(const StoreId& store, std::uint64_t epoch);

/// Apply `events[skip…]` and move the cursor to `after`, in one transaction; then answer Ack. Wholly under
/// the cursor: skip = count, after = the cursor itself, and the Ack repeats it.
struct Apply {
  std::size_t skip = 0;
  Cursor after;
};
/// Dropped and counted: the chain does not reach the batch's own hash, or the batch is empty.
struct Malformed {};
using BatchVerdict = std::variant<Apply, Nack, Fork, Malformed>;
BatchVerdict judge_batch(const Cursor& cursor, const Batch& batch);

/// What Hello deserves, the store's own view being (epoch, tail).
using HelloVerdict = std::variant<Welcome, Fork, ProtocolRefused>;
HelloVerdict judge_hello(const Cursor& cursor, const Uuid& hub_incarnation, const Hello& hello);

}  // namespace perkline::sync
