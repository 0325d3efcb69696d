#include <algorithm>
#include <functional>
#include <limits>

#include <fmt/format.h>

#include "hub/api/store_json.hpp"
#include "hub/commands.hpp"
#include "hub/downlink/commands.hpp"
#include "hub/identity/audit.hpp"
#include "hub/identity/erasures.hpp"
#include "hub/run_task.hpp"
#include "hub/stores/awaited.hpp"
#include "hub/stores/stores.hpp"
#include "hub/tool_database.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/reservations.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/core/random.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::hub {
namespace {

using stores::Store;

/// Does its work and gives what the audit is to say of it, as JSON.
using AuditedChange = std::function<Result<std::string>(db::Transaction&, WallTime)>;

/// Changes the registry and says so in the audit, in one transaction.
int change_store(const std::string& config_path, const std::string& id, std::string action,
                 const AuditedChange& change, IfMissing if_missing = IfMissing::fail) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto database = open_tool_database(*config, if_missing);
  if (!database) return report(database.error());
  const SystemClock clock;
  SystemRng rng;
  const WallTime now = clock.wall_now();
  identity::AuditEntry entry{.id = UuidMaker(clock, rng).next(),
                             .at = now,
                             .actor = command_line_actor(),
                             .action = std::move(action),
                             .subject = "store:" + id};
  const auto done = (*database)->write_now([&](db::Transaction& transaction) -> Result<void> {
    auto changed = change(transaction, now);
    if (!changed) return failure(changed);
    entry.detail = std::move(*changed);
    return identity::append_audit(transaction, entry);
  });
  if (done) return exit_ok;
  for (const FieldFault& fault : done.error().faults) {
    fmt::print(stderr, "perkline-hub: {}: {}\n", fault.field, fault.message);
  }
  return done.error().faults.empty() ? report(done.error()) : exit_usage;
}

/// A change that the audit need say no more of.
AuditedChange plainly(std::function<Result<void>(db::Transaction&, WallTime)> change) {
  return [change = std::move(change)](db::Transaction& transaction, WallTime now) -> Result<std::string> {
    if (auto changed = change(transaction, now); !changed) return failure(changed);
    return "{}";
  };
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

/// Of the latest commands so many are shown.
constexpr std::int64_t commands_shown = 5;

/// A store, its keys and, where it stands alone, what it was told to do and what it was leased.
struct Shown {
  Store store;
  std::vector<stores::StoreKey> keys;
  std::vector<downlink::CommandStanding> commands = {};
  wheel::LeasedUnits leased = {};
  bool awaited = false;            ///< By a hub that was restored.
  std::int64_t earlier_spins = 0;  ///< That one-time prizes are kept for, of data that was lost.
  std::int64_t stranded = 0;       ///< Units of prizes that nobody draws from.
  std::optional<wheel::Day> seeds_through = {};  ///< As far as it was heard.
};

/// As it is told wherever there is something to be written off.
std::string_view write_off_of(const Store& store) {
  return store.retired ? "write-off-leases" : "write-off-leases --earlier";
}

std::string_view state_of(const Shown& shown, WallTime now) {
  if (shown.store.retired) return "retired";
  if (shown.store.fork) return "FORKED";
  if (!stores::any_valid(shown.keys)) return "no valid key";
  return shown.store.connected(now) ? "connected" : "not connected";
}

std::string line_of(const Shown& shown, WallTime now) {
  const Store& store = shown.store;
  return fmt::format("{:<24} {:>10} {:>10}  {:<13} {:<12} {}\n", store.id.str(), store.cursor.sequence,
                     store.lag() ? std::to_string(*store.lag()) : "-", state_of(shown, now),
                     or_dash(store.breaker), or_dash(store.version));
}

std::string text_of(const std::vector<Shown>& all, WallTime now) {
  std::string text = fmt::format("{:<24} {:>10} {:>10}  {:<13} {:<12} {}\n", "store", "cursor", "lag",
                                 "state", "breaker", "version");
  for (const Shown& shown : all) text += line_of(shown, now);
  return text;
}

/// What somebody is to write off, below the list.
std::string stranded_in(const std::vector<Shown>& all) {
  std::string text;
  for (const Shown& shown : all) {
    if (shown.stranded == 0) continue;
    text += fmt::format("{}: {} units of prizes that nobody draws from: store {}\n", shown.store.id.str(),
                        shown.stranded, write_off_of(shown.store));
  }
  return text;
}

/// What a list has no room for.
std::string details_of(const Shown& shown, WallTime now) {
  const Store& store = shown.store;
  std::string text = fmt::format("epoch     {}\n", store.cursor.epoch);
  for (const stores::StoreKey& key : shown.keys) {
    text += fmt::format("key       {} added {}{}\n", key.public_key, format_time(key.added_at),
                        key.revoked_at ? ", revoked " + format_time(*key.revoked_at) : "");
  }
  for (const downlink::CommandStanding& told : shown.commands) {
    text += fmt::format("command   {} {} {}: {}{}\n", format_time(told.created_at), told.kind, told.argument,
                        told.state, told.state == "refused" ? ", " + told.detail : "");
  }
  if (shown.leased.present + shown.leased.earlier > 0) {
    text += fmt::format("leases    {} units of prizes", shown.leased.present);
    if (shown.leased.earlier > 0) text += fmt::format(", {} of data that was lost", shown.leased.earlier);
    text += shown.stranded > 0 ? fmt::format(": {}\n", write_off_of(store)) : "\n";
  }
  if (!store.retired && shown.seeds_through) {
    const bool is_over = *shown.seeds_through < wheel::day_of(now);
    text += fmt::format("seeds     {}of spins at tills through {}\n",
                        is_over ? "NONE LEFT, it had those " : "", wheel::day_text(*shown.seeds_through));
  }
  if (shown.awaited)
    text +=
        "awaited   this hub was restored, and the store has not told all since: till then scarce and one-time"
        " prizes are given to nobody\n";
  if (shown.earlier_spins > 0)
    text += fmt::format(
        "kept      one-time prizes for {} spins of data that was lost: write-off-leases --earlier\n",
        shown.earlier_spins);
  if (store.hello_epoch) text += fmt::format("the store's own, as last told: {}\n", *store.hello_epoch);
  if (store.grant) {
    text += fmt::format("granted   {} by {}: {}\n", format_time(store.grant->at), store.grant->by,
                        store.grant->reason);
  }
  if (store.applied)
    text +=
        fmt::format("applied before: epoch {} through {}\n", store.applied->epoch, store.applied->through);
  if (store.fork) {
    text += fmt::format("FORKED    {} since {}, last noticed {}\n", store.fork->reason,
                        format_time(store.fork->since), format_time(store.fork->seen));
  }
  if (store.kept_from) {
    text += fmt::format("lost      {} to {}: accept-gap goes on behind them\n", store.cursor.sequence + 1,
                        store.kept_from->sequence);
  }
  return text;
}

enum class Shape : unsigned char { list, one };

void write_shown(json::Writer& out, const Shown& shown, Shape shape, WallTime now) {
  api::write_store(out, shown.store, now, [&shown, shape](json::Writer& more) {
    api::write_store_keys(more, shown.keys);
    more.field("strandedUnits", shown.stranded);
    if (shape == Shape::list) return;
    more.key("commands").begin_array();
    for (const downlink::CommandStanding& told : shown.commands) {
      more.begin_object().field("id", told.id).field("kind", told.kind).field("argument", told.argument);
      more.field("state", told.state).field("detail", told.detail);
      more.field("createdAt", format_time(told.created_at)).end_object();
    }
    more.end_array().key("leasedUnits").begin_object().field("present", shown.leased.present);
    more.field("earlier", shown.leased.earlier).end_object();
    more.field("earlierSpins", shown.earlier_spins).field("awaited", shown.awaited).key("seedsThrough");
    shown.seeds_through ? more.value(wheel::day_text(*shown.seeds_through)) : more.null();
  });
}

using ReadStores = std::function<Result<std::vector<Store>>(db::Transaction&)>;

int print_stores(const std::string& config_path, const ReadStores& read, bool json, Shape shape) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto database = open_tool_database(*config, IfMissing::fail);
  if (!database) return report(database.error());
  std::vector<Shown> found;
  const auto done = (*database)->read_now([&](db::Transaction& transaction) -> Result<void> {
    auto result = read(transaction);
    if (!result) return failure(result);
    auto keys = stores::keys(transaction, shape == Shape::one ? result->front().id : StoreId());
    if (!keys) return failure(keys);
    const auto stranded = wheel::stranded_units(transaction);
    if (!stranded) return std::unexpected(stranded.error());
    for (Store& store : *result) {
      auto& of_store = (*keys)[store.id];
      const auto units = stranded->find(store.id);
      found.push_back({.store = std::move(store),
                       .keys = std::move(of_store),
                       .stranded = units == stranded->end() ? 0 : units->second});
    }
    if (shape == Shape::list) return {};
    auto told = downlink::command_standings(transaction, found.front().store.id, commands_shown);
    if (!told) return failure(told);
    found.front().commands = std::move(*told);
    const auto leased = wheel::leased_units(transaction, found.front().store.id);
    if (!leased) return std::unexpected(leased.error());
    found.front().leased = *leased;
    const auto spins = wheel::count_earlier_spins(transaction, found.front().store.id);
    if (!spins) return std::unexpected(spins.error());
    found.front().earlier_spins = *spins;
    const auto seeds = wheel::seeds_told_through(transaction, found.front().store.id);
    if (!seeds) return std::unexpected(seeds.error());
    found.front().seeds_through = *seeds;
    const auto awaited = stores::find_awaited(transaction);
    if (!awaited) return std::unexpected(awaited.error());
    found.front().awaited =
        *awaited && std::ranges::find((*awaited)->stores, found.front().store.id) != (*awaited)->stores.end();
    return {};
  });
  if (!done) return report(done.error());
  const WallTime now = SystemClock().wall_now();
  if (!json) {
    fmt::print("{}{}", text_of(found, now),
               shape == Shape::one ? details_of(found.front(), now) : stranded_in(found));
    return exit_ok;
  }
  json::Writer out;
  if (shape == Shape::list) out.begin_array();
  for (const Shown& shown : found) write_shown(out, shown, shape, now);
  if (shape == Shape::list) out.end_array();
  fmt::print("{}\n", out.take());
  return exit_ok;
}

/// So that the store's first draw waits for no job.
int commit_seeds_of(const std::string& config_path, const std::string& id) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto database = open_tool_database(*config, IfMissing::fail);
  if (!database) return report(database.error());
  net::Reactor reactor;
  SystemRng rng;
  const auto made =
      run_task(reactor, wheel::commit_seeds(**database, {StoreId(id)}, reactor.clock().wall_now(), rng));
  return made ? exit_ok : report(made.error());
}

}  // namespace

int store_add(const std::string& config_path, const std::string& id, const std::string& public_key) {
  const auto add = [&](db::Transaction& transaction, WallTime now) -> Result<std::string> {
    if (auto added = stores::add(transaction, StoreId(id), public_key, now); !added) return failure(added);
    return api::audit_of_key(public_key);
  };
  const int added = change_store(config_path, id, "store.key_added", add, IfMissing::make);
  return added == exit_ok ? commit_seeds_of(config_path, id) : added;
}

int store_revoke_key(const std::string& config_path, const std::string& id) {
  return change_store(config_path, id, "store.keys_revoked",
                      plainly([&](db::Transaction& transaction, WallTime now) {
                        return stores::revoke_keys(transaction, StoreId(id), now);
                      }));
}

int store_retire(const std::string& config_path, const std::string& id) {
  return change_store(config_path, id, "store.retired",
                      plainly([&](db::Transaction& transaction, WallTime now) {
                        return stores::retire(transaction, StoreId(id), now);
                      }));
}

int store_new_epoch(const std::string& config_path, const std::string& id, const std::string& reason) {
  if (!is_reason(reason)) return exit_usage;
  std::uint64_t epoch = 0;
  std::string warning;
  const auto begin = [&](db::Transaction& transaction, WallTime now) -> Result<std::string> {
    const auto begun = stores::begin_epoch(transaction, StoreId(id),
                                           {.by = command_line_actor(), .reason = reason, .now = now});
    if (!begun) return std::unexpected(begun.error());
    // Its data may be a backup's, from before it had forgotten them.
    if (auto due = identity::forget_once_more(transaction, StoreId(id)); !due) return failure(due);
    const sync::Applied& applied = begun->store.applied.value();
    epoch = begun->store.cursor.epoch;
    json::Writer detail;
    detail.begin_object().field("reason", reason).field("epoch", epoch);
    detail.field("appliedEpoch", applied.epoch).field("appliedThrough", applied.through);
    if (begun->lost) {
      detail.field("lostFrom", begun->lost->from + 1).field("lostThrough", begun->lost->through);
      warning = fmt::format(
          "events {} to {} of epoch {} are lost; the store's job reconcile names the sales that are missing",
          begun->lost->from + 1, begun->lost->through, applied.epoch);
    }
    detail.end_object();
    return detail.take();
  };
  const int status = change_store(config_path, id, "store.epoch_granted", begin);
  if (status != exit_ok) return status;
  fmt::print("{}\n", epoch);
  if (!warning.empty()) fmt::print(stderr, "perkline-hub: {}: {}\n", id, warning);
  return status;
}

int store_command(const std::string& config_path, const StoreOrder& order) {
  const bool is_level = order.kind == "log-level";
  if ((!is_level && order.kind != "rotate-key") || is_level == order.argument.empty()) {
    fmt::print(stderr, "perkline-hub: give log-level and a level, or rotate-key alone\n");
    return exit_usage;
  }
  const SystemClock clock;
  SystemRng rng;
  const Uuid id = UuidMaker(clock, rng).next();
  const auto give = [&](db::Transaction& transaction, WallTime now) -> Result<std::string> {
    auto given = downlink::give(
        transaction, {.id = id,
                      .store = StoreId(order.store),
                      .kind = is_level ? sync::CommandKind::log_level : sync::CommandKind::rotate_key,
                      .argument = order.argument,
                      .at = now,
                      .by = command_line_actor()});
    if (!given) return failure(given);
    json::Writer detail;
    detail.begin_object().field("kind", order.kind).field("argument", order.argument).end_object();
    return detail.take();
  };
  return change_store(config_path, order.store, "store.command_given", give);
}

int store_write_off_leases(const std::string& config_path, const std::string& id, const std::string& reason,
                           bool earlier) {
  if (!is_reason(reason)) return exit_usage;
  const SystemClock clock;
  SystemRng rng;
  const Uuid cause = UuidMaker(clock, rng).next();
  std::int64_t units = 0;
  const auto write_off = [&](db::Transaction& transaction, WallTime now) -> Result<std::string> {
    const auto lives = earlier ? wheel::LeaseLives::earlier : wheel::LeaseLives::all;
    const auto freed = wheel::write_off_leases(
        transaction, {.id = cause, .at = now, .actor = command_line_actor()}, StoreId(id), reason, lives);
    if (!freed) return std::unexpected(freed.error());
    units = *freed;
    const auto spins = wheel::drop_lost_spins(transaction, StoreId(id), lives, now);
    if (!spins) return std::unexpected(spins.error());
    json::Writer detail;
    detail.begin_object().field("reason", reason).field("earlier", earlier);
    return detail.field("units", units).field("spins", *spins).end_object().take();
  };
  const int status = change_store(config_path, id, "store.leases_written_off", write_off);
  if (status == exit_ok) fmt::print("{}\n", units);
  return status;
}

int store_take_as_told(const std::string& config_path, const std::string& id, const std::string& reason) {
  if (!is_reason(reason)) return exit_usage;
  return change_store(config_path, id, "store.taken_as_told",
                      [&](db::Transaction& transaction, WallTime now) -> Result<std::string> {
                        auto taken = stores::take_as_told(transaction, StoreId(id), now);
                        if (!taken) return failure(taken);
                        json::Writer detail;
                        return detail.begin_object().field("reason", reason).end_object().take();
                      });
}

int store_accept_gap(const std::string& config_path, const std::string& id, const std::string& reason) {
  if (!is_reason(reason)) return exit_usage;
  return change_store(config_path, id, "store.gap_accepted",
                      [&](db::Transaction& transaction, WallTime) -> Result<std::string> {
                        const auto gap = stores::accept_gap(transaction, StoreId(id));
                        if (!gap) return std::unexpected(gap.error());
                        json::Writer detail;
                        detail.begin_object().field("reason", reason).field("from", gap->from + 1);
                        detail.field("through", gap->through).end_object();
                        return detail.take();
                      });
}

int store_list(const std::string& config_path, bool json) {
  const auto all = [](db::Transaction& transaction) {
    auto stores = stores::list(transaction, "", std::numeric_limits<std::int64_t>::max());
    if (stores) std::ranges::sort(*stores, {}, [](const Store& store) { return store.id.str(); });
    return stores;
  };
  return print_stores(config_path, all, json, Shape::list);
}

int store_show(const std::string& config_path, const std::string& id, bool json) {
  const auto one = [&id](db::Transaction& transaction) -> Result<std::vector<Store>> {
    auto store = stores::find(transaction, StoreId(id));
    if (!store) return failure(store);
    return std::vector<Store>{std::move(*store)};
  };
  return print_stores(config_path, one, json, Shape::one);
}

}  // namespace perkline::hub
