#include "hub/events/purge.hpp"

#include "hub/events/dead_letters.hpp"
#include "hub/events/outbox.hpp"

namespace perkline::hub::events {
namespace {

/// So that no transaction keeps others waiting for long.
constexpr std::int64_t at_once = 500;

}  // namespace

Task<Result<std::int64_t>> purge_in_steps(db::Database& database, WallTime before, Purge purge) {
  std::int64_t gone = 0;
  while (true) {
    const auto step = co_await db::write_for<std::int64_t>(
        database,
        [purge, before](db::Transaction& transaction) { return purge(transaction, before, at_once); });
    if (!step) co_return std::unexpected(step.error());
    gone += *step;
    if (*step < at_once) co_return gone;
  }
}

Task<Result<std::int64_t>> purge_all(db::Database& database, WallTime now) {
  const WallTime before = now - keep_events;
  auto letters = co_await purge_in_steps(database, before, &purge_dead_letters);
  if (!letters) co_return letters;
  co_return co_await purge_in_steps(database, before, &purge_events);
}

}  // namespace perkline::hub::events
