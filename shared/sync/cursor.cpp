#include "shared/sync/cursor.hpp"

#include <algorithm>
#include <optional>

#include "shared/core/limits.hpp"

namespace perkline::sync {
namespace {

std::optional<Fork> epoch_fork(const Cursor& cursor, std::uint64_t epoch) {
  if (epoch < cursor.epoch) return Fork{.epoch = cursor.epoch, .reason = ForkReason::superseded};
  if (epoch > cursor.epoch) return Fork{.epoch = cursor.epoch, .reason = ForkReason::epoch_unknown};
  return std::nullopt;
}

}  // namespace

Cursor first_cursor(const StoreId& store, std::uint64_t epoch) {
  return {.epoch = epoch, .sequence = 0, .hash = chain_start(store, epoch)};
}

BatchVerdict judge_batch(const Cursor& cursor, const Batch& batch) {
  if (const auto fork = epoch_fork(cursor, batch.epoch)) return *fork;
  if (batch.events.empty() || batch.first_sequence == 0) return Malformed{};

  // The chain through the batch, and what it says at the cursor where it passes it.
  Digest hash = batch.previous_hash;
  std::optional<Digest> at_cursor;
  if (batch.first_sequence == cursor.sequence + 1) at_cursor = hash;
  for (std::size_t i = 0; i < batch.events.size(); ++i) {
    hash = chain_next(hash, batch.events[i]);
    if (batch.first_sequence + i == cursor.sequence) at_cursor = hash;
  }
  if (hash != batch.hash) return Malformed{};
  if (batch.first_sequence > cursor.sequence + 1)
    return Nack{.epoch = cursor.epoch, .expected = cursor.sequence + 1};
  if (at_cursor && *at_cursor != cursor.hash)
    return Fork{.epoch = cursor.epoch, .reason = ForkReason::hash_differs};

  const std::uint64_t last = batch.first_sequence + batch.events.size() - 1;
  if (last <= cursor.sequence) return Apply{.skip = batch.events.size(), .after = cursor};
  return Apply{.skip = static_cast<std::size_t>(cursor.sequence + 1 - batch.first_sequence),
               .after = {.epoch = cursor.epoch, .sequence = last, .hash = hash}};
}

HelloVerdict judge_hello(const Cursor& cursor, const Uuid& hub_incarnation, const Hello& hello) {
  if (hello.protocol < protocol_oldest || hello.protocol > protocol_newest) {
    return ProtocolRefused{.oldest = protocol_oldest, .newest = protocol_newest};
  }
  if (const auto fork = epoch_fork(cursor, hello.epoch)) return *fork;
  // A tail below the cursor may be a Hello that batches have overtaken: the store alone knows, and tells.
  if (hello.tail == cursor.sequence && hello.tail_hash != cursor.hash) {
    return Fork{.epoch = cursor.epoch, .reason = ForkReason::hash_differs};
  }
  return Welcome{.hub_incarnation = hub_incarnation,
                 .epoch = cursor.epoch,
                 .cursor = cursor.sequence,
                 .cursor_hash = cursor.hash,
                 .credit = limits::sync_window_batches,
                 .protocol = std::min(hello.protocol, protocol_newest)};
}

}  // namespace perkline::sync
