#include <set>

#include <fmt/format.h>

#include "hub/commands.hpp"
#include "hub/db/backup.hpp"
#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "hub/identity/audit.hpp"
#include "hub/identity/refresh_families.hpp"
#include "hub/jobs/jobs.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/notifications/carry_over.hpp"
#include "hub/notifications/notifications.hpp"
#include "hub/run_task.hpp"
#include "hub/stores/awaited.hpp"
#include "hub/tool_database.hpp"
#include "hub/wheel/carry_over.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/core/random.hpp"
#include "shared/json/writer.hpp"
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

/// What was given on the web since the backup, and which mails were sent, is only in what is put aside;
/// `known` learns of the hubs that it knows. False: not all of it is to be had there, as that is gone,
/// damaged, or does not go on from the backup's hub.
bool carry_over(db::Transaction& copy, db::Transaction* before, const std::string& backed_up, WallTime now,
                std::set<std::string>& known) {
  if (before == nullptr) return false;
  bool all_known = false;
  // All of it or nothing: half of a damaged database says nothing of the rest.
  const auto carried = copy.attempt([&] {
    return before->attempt([&]() -> Result<void> {
      const auto theirs = db::known_hubs(*before);
      if (!theirs) return std::unexpected(theirs.error());
      const auto forgotten = stores::is_word_on_web_draws_awaited(*before);
      if (!forgotten) return std::unexpected(forgotten.error());
      all_known = !*forgotten && theirs->contains(backed_up);
      known.insert(theirs->begin(), theirs->end());
      if (auto mails = notifications::carry_over_mails(copy, *before, now); !mails) return mails;
      return wheel::carry_over(copy, *before);
    });
  });
  return carried && all_known;
}

/// Whether prizes wait for staff's word afterwards.
struct Restored {
  bool awaits_word = false;
};

/// Makes a hub of its own out of a copy: stores tell it by its incarnation and send again what it lacks.
Result<Restored> make_restored(db::InlineDatabase& copy, db::Transaction* before, const std::string& backup) {
  net::Reactor reactor;
  SystemRng rng;
  UuidMaker uuids(reactor.clock(), rng);
  if (auto hub = check_is_hub(copy); !hub) return failure(hub);
  auto migrated = run_task(reactor, db::migrate(copy, reactor.clock(), uuids));
  if (!migrated) return failure(migrated);
  if (auto sound = check_ledger(copy); !sound) return failure(sound);
  identity::AuditEntry entry{.id = uuids.next(),
                             .at = reactor.clock().wall_now(),
                             .actor = command_line_actor(),
                             .action = "hub.restored",
                             .subject = "hub:" + backup};
  Restored restored;
  auto done = copy.write_now([&](db::Transaction& transaction) -> Result<void> {
    const auto backed_up = db::hub_incarnation(transaction);
    if (!backed_up) return std::unexpected(backed_up.error());
    auto known = db::known_hubs(transaction);
    if (!known) return failure(known);
    const bool carried = carry_over(transaction, before, backed_up->str(), entry.at, *known);
    if (!carried) {
      if (auto awaited = stores::await_word_on_web_draws(transaction, entry.at); !awaited) return awaited;
      if (auto gone = notifications::discard_waiting_mails(transaction, entry.at); !gone) return gone;
    }
    if (auto renewed = db::renew_incarnation(transaction, uuids.next(), *known); !renewed) return renewed;
    // What was signed out or used up since the backup would count again.
    if (auto ended = identity::end_all_families(transaction); !ended) return failure(ended);
    if (auto skipped = notifications::skip_ids(transaction); !skipped) return skipped;
    if (auto awaited = stores::await_all(transaction, entry.at); !awaited) return awaited;
    if (auto closed = wheel::close_seeds(transaction, wheel::day_of(entry.at)); !closed) return closed;
    const auto awaits_word = stores::is_word_on_web_draws_awaited(transaction);
    if (!awaits_word) return std::unexpected(awaits_word.error());
    restored.awaits_word = *awaits_word;
    entry.detail = json::Writer().begin_object().field("webDrawsCarriedOver", carried).end_object().take();
    return identity::append_audit(transaction, entry);
  });
  if (!done) return failure(done);
  return restored;
}

/// For a daemon's metrics. Without migrating: whoever is about to upgrade makes a backup first.
Result<void> note_made(const std::string& url, WallTime began) {
  const auto database = db::open_for_tool(url, IfMissing::fail);
  if (!database) return std::unexpected(database.error());
  return (*database)->write_now(
      [began](db::Transaction& transaction) { return jobs::note_backup(transaction, began); });
}

}  // namespace

int backup(const std::string& config_path, const std::string& file) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const WallTime began = SystemClock().wall_now();
  const auto copied = db::copy_database(config->database.url, file, &check_ledger);
  if (!copied) return report(copied.error());
  if (const auto noted = note_made(config->database.url, began); !noted) {
    fmt::print(stderr,
               "perkline-hub: the backup is made; that it is could not be noted for the metrics: {}\n",
               noted.error().detail);
  }
  return exit_ok;
}

int restore(const std::string& config_path, const std::string& file) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  bool awaits_word = false;
  const auto kept =
      db::replace_database(config->database.url, file, SystemClock().wall_now(),
                           [&](db::InlineDatabase& copy, db::Transaction* before) -> Result<void> {
                             const auto restored = make_restored(copy, before, file);
                             if (!restored) return std::unexpected(restored.error());
                             awaits_word = restored->awaits_word;
                             return {};
                           });
  if (!kept) return report(kept.error());
  if (!kept->empty()) fmt::print(stderr, "perkline-hub: what was there is kept as {}\n", *kept);
  if (awaits_word) {
    fmt::print(
        stderr,
        "perkline-hub: what was drawn on the web since the backup is lost: stocked and one-time prizes "
        "wait for `perkline-hub prizes take-as-told --reason R`\n");
  }
  return exit_ok;
}

}  // namespace perkline::hub
