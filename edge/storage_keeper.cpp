#include "edge/storage_keeper.hpp"

#include "shared/ops/log.hpp"

namespace perkline::edge {
namespace {

constexpr seconds look_every{1};
/// Removing more costs room itself for a while, until the compaction is through.
constexpr seconds rest{10};

}  // namespace

Task<void> StorageKeeper::run() {
  while (true) {
    co_await clock_.sleep(look_every);
    // Without any room the removal itself could not be written.
    if (space_.free_bytes() >= space_.comfort_bytes() || space_.room() == journal::Room::none) continue;
    const auto pruned = co_await outbox_.prune(journal::Outbox::everything);
    if (pruned) faults_.over();
    if (!pruned) {
      if (faults_.is_news(pruned.error().detail, clock_.mono_now()))
        ops::log(ops::Level::error, "storage", "the outbox cannot be pruned",
                 {{"detail", pruned.error().detail}});
    } else if (*pruned > 0) {
      ops::log(ops::Level::warn, "storage", "the disk gets full: acknowledged events were removed",
               {{"events", static_cast<std::int64_t>(*pruned)},
                {"freeBytes", static_cast<std::int64_t>(space_.free_bytes())}});
      compact_();
    }
    co_await clock_.sleep(rest);
  }
}

}  // namespace perkline::edge
