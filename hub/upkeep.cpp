#include "hub/upkeep.hpp"

#include "hub/identity/audit_chain.hpp"
#include "hub/ingest/dead_letters.hpp"
#include "hub/jobs/catalogue_job.hpp"
#include "hub/notifications/mail_queue.hpp"
#include "hub/stores/awaited.hpp"
#include "hub/wallet/holds.hpp"
#include "hub/webhooks/deliveries.hpp"
#include "hub/webhooks/sender.hpp"
#include "hub/wheel/leases.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub {
namespace {

constexpr std::string_view context = "upkeep";
/// A metric may be that old.
constexpr seconds dead_letters_every{15};
constexpr seconds what_waits_every{5};
constexpr seconds holds_every{1};
constexpr seconds audit_every{1};

}  // namespace

void Upkeep::start(const std::function<void(Task<void>)>& spawn) {
  spawn(retry_upgraded());
  spawn(refresh_catalogue());
  spawn(release_holds());
  spawn(watch_dead_letters());
  spawn(watch_what_waits());
  spawn(keep_audit_chained());
  if (parts_.tokens) spawn(keep_token_keys_fresh());
}

Task<void> Upkeep::retry_upgraded() {
  const auto applied =
      co_await ingest::retry_upgraded(parts_.database, parts_.clock, parts_.uuids, parts_.terms);
  if (!applied) {
    ops::log(ops::Level::warn, context, "dead letters of an older version could not be tried again",
             {{"error", name_of(applied.error().code)}, {"detail", applied.error().detail}});
  } else if (*applied > 0) {
    ops::log(ops::Level::info, context, "dead letters of an older version applied", {{"count", *applied}});
  }
}

Task<void> Upkeep::refresh_catalogue() {
  const auto refreshed = co_await jobs::refresh_catalogue(parts_.database, parts_.clock.wall_now());
  if (refreshed) co_return;
  ops::log(ops::Level::warn, context, "not everything fits the stores' catalogue, or could be put there",
           {{"error", name_of(refreshed.error().code)}, {"detail", refreshed.error().detail}});
}

Task<void> Upkeep::release_holds() {
  while (true) {
    const auto released = co_await wallet::release_all_overdue(parts_.database, parts_.clock.wall_now());
    if (released && *released > 0) {
      ops::log(ops::Level::info, context, "holds released by their time", {{"count", *released}});
    }
    co_await parts_.clock.sleep(holds_every);
  }
}

Task<void> Upkeep::watch_dead_letters() {
  while (true) {
    const auto open = co_await db::read_for<ingest::OpenLetters>(
        parts_.database, [](db::Transaction& t) { return ingest::count_open_dead_letters(t); });
    if (open) parts_.metrics.dead_letters(*open);
    co_await watch_awaited();
    const auto stranded =
        co_await db::read_for<wheel::StrandedUnits>(parts_.database, &wheel::stranded_units);
    if (stranded) parts_.metrics.stranded(*stranded);
    const auto of_events = co_await db::read_for<events::OpenLetters>(
        parts_.database, [](db::Transaction& t) { return events::count_open_dead_letters(t); });
    if (of_events) parts_.metrics.event_dead_letters(*of_events);
    const auto deliveries = co_await db::read_for<webhooks::DeliveryCounts>(
        parts_.database, [](db::Transaction& t) { return webhooks::count_deliveries(t); });
    if (deliveries) parts_.metrics.deliveries(*deliveries);
    co_await parts_.clock.sleep(dead_letters_every);
  }
}

Task<void> Upkeep::watch_awaited() {
  struct Waits {
    std::optional<stores::Awaited> stores = std::nullopt;
    bool word = false;
  };
  const auto waits = co_await db::read_for<Waits>(parts_.database, [](db::Transaction& t) -> Result<Waits> {
    auto awaited = stores::find_awaited(t);
    if (!awaited) return failure(awaited);
    const auto word = stores::is_word_on_web_draws_awaited(t);
    if (!word) return std::unexpected(word.error());
    return Waits{.stores = std::move(*awaited), .word = *word};
  });
  if (!waits) co_return;
  parts_.metrics.awaited(waits->stores ? waits->stores->stores.size() : 0, waits->word);
  if (!waits->stores || !waits->stores->stores.empty()) co_return;
  const auto ended = co_await db::write_for<bool>(
      parts_.database, [](db::Transaction& t) { return stores::end_wait_if_told(t); });
  if (ended && *ended) {
    ops::log(ops::Level::info, context, "every open store has told this restored hub all that it holds",
             {{"prizesWaitForStaff", waits->word}});
  }
}

Task<void> Upkeep::watch_what_waits() {
  while (true) {
    parts_.metrics.sockets_open(parts_.sockets_open());
    const auto counts =
        co_await db::read_for<notifications::Counts>(parts_.database, &notifications::count_all);
    if (counts) parts_.metrics.notifications(*counts);
    const auto pending = co_await db::read_for<billing::Pending>(parts_.database, &billing::count_pending);
    if (pending) parts_.metrics.payments(*pending, parts_.clock.wall_now());
    co_await parts_.clock.sleep(what_waits_every);
  }
}

Task<void> Upkeep::keep_token_keys_fresh() {
  while (true) {
    co_await parts_.clock.sleep(identity::key_refresh);
    auto keys = co_await db::read_for<std::vector<identity::SigningKey>>(
        parts_.database, [](db::Transaction& t) { return identity::load_signing_keys(t); });
    if (keys && !keys->empty()) parts_.tokens->replace_keys(std::move(*keys));
  }
}

Task<void> Upkeep::keep_audit_chained() {
  while (true) {
    co_await parts_.clock.sleep(audit_every);
    const auto chained = co_await identity::chain_waiting_audit(parts_.database);
    if (chained && chained->added > 0) {
      // What a chain that was made anew is told by.
      ops::log(ops::Level::info, "audit", "chained",
               {{"sequence", chained->head.sequence}, {"hash", chained->head.hash}});
    }
  }
}

Task<Result<void>> release_leases_of_the_dead(db::Database& database) {
  if (database.engine() != db::Engine::sqlite) co_return Result<void>{};
  co_return co_await database.write([](db::Transaction& transaction) -> Result<void> {
    if (auto released = webhooks::release_all_leases(transaction); !released) return released;
    return notifications::release_all_mails(transaction);
  });
}

}  // namespace perkline::hub
