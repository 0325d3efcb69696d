#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"

/// Who outside the hub hears of domain events.
namespace perkline::hub::webhooks {

struct Webhook {
  Uuid id;
  std::string url;
  std::vector<std::string> types;  ///< Of the events it wants; empty: all.
  std::string description;
  WallTime created_at;
};

/// How many there may be.
inline constexpr std::int64_t webhooks_max = 100;

/// It hears of events that are committed from here on. `secret`: the key of its signatures. Errors:
/// validation_failed (there are webhooks_max), the database's.
Result<void> add(db::Transaction& transaction, const Webhook& webhook, const std::string& secret);

/// The newest first, from behind the id `after` on; empty: from the first.
Result<std::vector<Webhook>> list(db::Transaction& transaction, const std::string& after, std::int64_t limit);

/// Errors: not_found, also for one that was removed.
Result<Webhook> find(db::Transaction& transaction, const Uuid& id);

/// Nothing is sent to it any more, its key is forgotten at once, its deliveries go with the next purge. One
/// that is under way may still arrive. Errors: not_found.
Result<void> remove(db::Transaction& transaction, const Uuid& id, WallTime now);

}  // namespace perkline::hub::webhooks
