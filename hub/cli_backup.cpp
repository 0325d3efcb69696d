#include <fmt/format.h>

#include "hub/commands.hpp"
#include "hub/db/backup.hpp"
#include "hub/db/migrate.hpp"
#include "hub/identity/audit.hpp"
#include "hub/identity/refresh_families.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/notifications/notifications.hpp"
#include "hub/run_task.hpp"
#include "hub/stores/awaited.hpp"
#include "hub/tool_database.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/core/random.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::hub {
namespace {

/// The balances must follow from the entries. Errors: corrupt.
Result<void> check_ledger(db::InlineDatabase& database) {
  return database.read_now([](db::Transaction& transaction) -> Result<void> {
    const auto verified = ledger::verify(transaction);
    if (!verified) return std::unexpected(verified.error());
    if (!verified->ok())
      return fail(Errc::corrupt, "the ledger does not agree: " + verified->mismatches.front());
    return {};
  });
}

/// A file that is no hub's would become an empty one.
Result<void> check_is_hub(db::InlineDatabase& copy) {
  return copy.read_now([](db::Transaction& transaction) -> Result<void> {
    if (!db::hub_incarnation(transaction)) return fail(Errc::corrupt, "the backup is no hub's database");
    return {};
  });
}

/// Makes a hub of its own out of a copy: stores tell it by its incarnation and send again what it lacks.
Result<void> make_restored(db::InlineDatabase& copy, const std::string& backup) {
  net::Reactor reactor;
  SystemRng rng;
  UuidMaker uuids(reactor.clock(), rng);
  if (auto hub = check_is_hub(copy); !hub) return hub;
  auto migrated = run_task(reactor, db::migrate(copy, reactor.clock(), uuids));
  if (!migrated) return failure(migrated);
  if (auto sound = check_ledger(copy); !sound) return sound;
  const identity::AuditEntry entry{.id = uuids.next(),
                                   .at = reactor.clock().wall_now(),
                                   .actor = command_line_actor(),
                                   .action = "hub.restored",
                                   .subject = "hub:" + backup};
  return copy.write_now([&](db::Transaction& transaction) -> Result<void> {
    if (auto renewed = db::renew_incarnation(transaction, uuids.next()); !renewed) return renewed;
    // What was signed out or used up since the backup would count again.
    if (auto ended = identity::end_all_families(transaction); !ended) return failure(ended);
    if (auto skipped = notifications::skip_ids(transaction); !skipped) return skipped;
    if (auto awaited = stores::await_all(transaction, entry.at); !awaited) return awaited;
    if (auto closed = wheel::close_seeds(transaction, wheel::day_of(entry.at)); !closed) return closed;
    return identity::append_audit(transaction, entry);
  });
}

}  // namespace

int backup(const std::string& config_path, const std::string& file) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto copied = db::copy_database(config->database.url, file, &check_ledger);
  return copied ? exit_ok : report(copied.error());
}

int restore(const std::string& config_path, const std::string& file) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto kept = db::replace_database(config->database.url, file, SystemClock().wall_now(),
                                         [&](db::InlineDatabase& copy) { return make_restored(copy, file); });
  if (!kept) return report(kept.error());
  if (!kept->empty()) fmt::print(stderr, "perkline-hub: what was there is kept as {}\n", *kept);
  return exit_ok;
}

}  // namespace perkline::hub
