#include "hub/downlink/downlink.hpp"

#include <vector>

#include "hub/db/migrate.hpp"
#include "hub/downlink/catalogue.hpp"
#include "hub/downlink/commands.hpp"
#include "hub/downlink/members.hpp"
#include "hub/identity/erasures.hpp"
#include "hub/stores/stores.hpp"
#include "shared/core/down_limits.hpp"
#include "shared/net/deadline.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::downlink {
namespace {

constexpr std::string_view context = "downlink";
/// Who has not spoken for so long is not there: a store says Status every limits::sync_status_every.
constexpr seconds listens_for{35};
constexpr std::int64_t numbered_at_once = 512;
/// A store goes through all its sessions for them, and may have to wait for PDI: it is not reminded often.
constexpr seconds erase_again{60};
constexpr std::int64_t commands_at_once = 16;
/// Windows without anybody for the store that are passed over in one go.
constexpr int windows_max = 50;

Task<Result<void>> woken(std::shared_ptr<net::Signal> signal) {
  co_await signal->wait();
  co_return Result<void>{};
}

/// One store's catalogue and what leads to it from where the store is.
struct CatalogueRead {
  Uuid incarnation;
  std::uint64_t version = 0;
  sync::Catalogue items = {};
  std::uint64_t forgotten = 0;  ///< What has gone since before it can be told no more.
  std::vector<sync::CatalogueItem> changes = {};
};

/// Errors: the database's.
Result<CatalogueRead> read_for_store(db::Transaction& transaction, const StoreId& store,
                                     const std::optional<sync::Position>& held) {
  const auto incarnation = db::hub_incarnation(transaction);
  if (!incarnation) return std::unexpected(incarnation.error());
  const auto version = catalogue_version(transaction);
  if (!version) return std::unexpected(version.error());
  auto items = read_catalogue(transaction, store);
  if (!items) return failure(items);
  const auto forgotten = forgotten_through(transaction);
  if (!forgotten) return std::unexpected(forgotten.error());
  CatalogueRead read{
      .incarnation = *incarnation, .version = *version, .items = std::move(*items), .forgotten = *forgotten};
  if (!held) return read;
  auto changes = items_after(transaction, store, held->at);
  if (!changes) return failure(changes);
  read.changes = std::move(*changes);
  return read;
}

/// The store's place in a stream that is at `end` here; nullopt: it is to be sent all of it.
std::optional<std::uint64_t> place_of(const std::optional<sync::Position>& held, const Uuid& incarnation,
                                      std::uint64_t end) {
  if (!held || held->incarnation != incarnation || held->at > end) return std::nullopt;
  return held->at;
}

sync::CatalogueSnapshot snapshot_of(const sync::CatalogueHead& head, const sync::Catalogue& items) {
  sync::CatalogueSnapshot snapshot{.head = head, .items = {}};
  for (const auto& [name, body] : items) snapshot.items.push_back({.name = name, .body = body});
  return snapshot;
}

struct MembersRead {
  Uuid incarnation;
  sync::Cursor applied;
  MembersAfter after;
};

/// Errors: not_found (no such store), the database's.
Result<MembersRead> read_members(db::Transaction& transaction, const StoreId& store, std::uint64_t from,
                                 WallTime now) {
  const auto incarnation = db::hub_incarnation(transaction);
  if (!incarnation) return std::unexpected(incarnation.error());
  const auto known = stores::find(transaction, store);
  if (!known) return std::unexpected(known.error());
  MembersRead read{.incarnation = *incarnation, .applied = known->cursor, .after = {.to = from}};
  for (int i = 0; i < windows_max; ++i) {
    auto after = members_after(transaction, store, read.after.to, now);
    if (!after) return failure(after);
    const bool is_end = after->to == read.after.to;
    read.after = std::move(*after);
    if (is_end || !read.after.members.empty()) break;
  }
  return read;
}

}  // namespace

/// What is where, for all stores.
struct Downlink::Look {
  Uuid incarnation;
  std::uint64_t catalogue = 0;
  std::uint64_t members = 0;
  std::unordered_map<StoreId, std::vector<sync::Erasure>> erasures = {};
  std::unordered_map<StoreId, std::vector<sync::Command>> commands = {};
};

Downlink::Downlink(Parts parts) : parts_(std::move(parts)) {}

void Downlink::heard(const StoreId& store, const sync::Held& held, const std::optional<Uuid>& boot) {
  Listener& listener = listeners_[store];
  if (boot && listener.boot != boot) listener = Listener{.held = {}, .boot = boot};
  // Its word on what was sent last, or a store that has begun anew.
  if (listener.held.catalogue != held.catalogue) listener.catalogue.reset();
  if (listener.held.members != held.members) listener.members.reset();
  const bool moved = !(listener.held == held);
  listener.held = held;
  listener.heard_at = parts_.clock.mono_now();
  if (moved) wake_->notify();
}

void Downlink::stop() {
  stopped_ = true;
  wake_->notify();
}

Task<void> Downlink::run() {
  while (!stopped_) {
    co_await look();
    const MonoTime next = parts_.clock.mono_now() + parts_.look_every;
    // Woken by a store's word, or by the time: which of them it was does not matter.
    [[maybe_unused]] const auto why = co_await net::with_deadline(parts_.clock, next, woken(wake_));
  }
}

Task<void> Downlink::look() {
  const MonoTime now = parts_.clock.mono_now();
  std::erase_if(listeners_, [now](const auto& entry) { return now - entry.second.heard_at > listens_for; });
  if (listeners_.empty() || !parts_.key) co_return;
  co_await number_members();
  std::vector<StoreId> stores;
  for (const auto& [store, listener] : listeners_) stores.push_back(store);
  const auto look = co_await read_look(stores);
  if (!look && faults_.is_news(perkline::name_of(look.error().code), now)) {
    ops::log(ops::Level::warn, context, "what stores lack cannot be looked up",
             {{"error", perkline::name_of(look.error().code)}});
  }
  if (!look) co_return;
  faults_.over();
  for (const StoreId& store : stores) co_await serve(store, *look);
}

Task<void> Downlink::number_members() {
  (void)co_await db::write_for<std::int64_t>(parts_.database, [](db::Transaction& transaction) {
    return number_changed(transaction, numbered_at_once);
  });
}

Task<Result<Downlink::Look>> Downlink::read_look(std::vector<StoreId> stores) {
  co_return co_await db::read_for<Look>(
      parts_.database, [&stores](db::Transaction& transaction) -> Result<Look> {
        const auto incarnation = db::hub_incarnation(transaction);
        if (!incarnation) return std::unexpected(incarnation.error());
        const auto catalogue = catalogue_version(transaction);
        if (!catalogue) return std::unexpected(catalogue.error());
        const auto members = members_position(transaction);
        if (!members) return std::unexpected(members.error());
        Look look{.incarnation = *incarnation, .catalogue = *catalogue, .members = *members};
        for (const StoreId& store : stores) {
          auto due = identity::erasures_due(transaction, store, limits::sync_erasures_max);
          if (!due) return failure(due);
          if (!due->empty()) look.erasures.emplace(store, std::move(*due));
          auto open = open_commands(transaction, store, commands_at_once);
          if (!open) return failure(open);
          if (!open->empty()) look.commands.emplace(store, std::move(*open));
        }
        return look;
      });
}

/// Looked up anew after each wait: the store may have gone, or told more.
Task<void> Downlink::serve(StoreId store, const Look& look) {
  auto found = listeners_.find(store);
  if (found == listeners_.end()) co_return;
  const auto catalogue = place_of(found->second.held.catalogue, look.incarnation, look.catalogue);
  if (look.catalogue > 0 && catalogue != look.catalogue && is_due(found->second.catalogue)) {
    found->second.catalogue = again();
    co_await send_catalogue(store, found->second.held);
    found = listeners_.find(store);
    if (found == listeners_.end()) co_return;
  }
  send_orders(store, found->second, look);
  const auto members = place_of(found->second.held.members, look.incarnation, look.members);
  if (members.value_or(0) < look.members && is_due(found->second.members)) {
    found->second.members = again();
    co_await send_members(store, members.value_or(0));
  }
}

void Downlink::send_orders(const StoreId& store, Listener& listener, const Look& look) {
  if (const auto due = look.erasures.find(store); due != look.erasures.end() && is_due(listener.erasures)) {
    listener.erasures = parts_.clock.mono_now() + erase_again;
    send(store, "erase_member",
         sync::EraseMember{.erasures = due->second, .sent_at = parts_.clock.wall_now()});
  }
  if (const auto open = look.commands.find(store); open != look.commands.end() && is_due(listener.commands)) {
    listener.commands = again();
    for (const sync::Command& command : open->second) send(store, "command", command);
  }
}

Task<std::optional<sync::Frame>> Downlink::answered(StoreId store, std::string key,
                                                    sync::CommandAnswer answer) {
  const Answering from{
      .store = store, .key = std::move(key), .now = parts_.clock.wall_now(), .audit_id = parts_.uuids.next()};
  std::optional<sync::Command> reply;
  const auto taken = co_await parts_.database.write([&](db::Transaction& transaction) -> Result<void> {
    auto done = take_answer(transaction, from, answer);
    if (!done) return failure(done);
    reply = std::move(*done);
    return {};
  });
  if (!taken) {
    const std::string fault = store.str() + ' ' + std::string(perkline::name_of(taken.error().code));
    if (answer_faults_.is_news(fault, parts_.clock.mono_now()))
      ops::log(ops::Level::warn, context, "a store's answer could not be taken in: it is asked again",
               {{"storeId", store.str()}, {"error", perkline::name_of(taken.error().code)}});
    co_return std::nullopt;
  }
  answer_faults_.over(store.str() + ' ');
  // What is said next is said soon.
  if (const auto found = listeners_.find(store); found != listeners_.end()) found->second.commands.reset();
  if (!reply) co_return std::nullopt;
  co_return *reply;
}

Task<void> Downlink::send_catalogue(StoreId store, sync::Held held) {
  auto read =
      co_await db::read_for<CatalogueRead>(parts_.database, [&store, &held](db::Transaction& transaction) {
        return read_for_store(transaction, store, held.catalogue);
      });
  if (!read) co_return;
  const sync::CatalogueHead head = parts_.key->head_of(
      store, {.incarnation = read->incarnation, .at = read->version}, sync::digest_of(read->items));
  const auto from = place_of(held.catalogue, read->incarnation, read->version);
  // Of what is gone any number may have gone since: the store would refuse so long a delta whenever it came.
  if (!from || *from == 0 || *from < read->forgotten || read->changes.size() > limits::catalogue_items_max) {
    send(store, "catalogue_snapshot", snapshot_of(head, read->items));
  } else if (*from < read->version) {
    send(store, "catalogue_delta",
         sync::CatalogueDelta{.from = *from, .head = head, .items = std::move(read->changes)});
  }
}

Task<void> Downlink::send_members(StoreId store, std::uint64_t from) {
  const WallTime now = parts_.clock.wall_now();
  auto read =
      co_await db::read_for<MembersRead>(parts_.database, [&store, from, now](db::Transaction& transaction) {
        return read_members(transaction, store, from, now);
      });
  if (!read || read->after.to == from) co_return;
  send(store, "member_delta",
       sync::MemberDelta{.incarnation = read->incarnation,
                         .from = from,
                         .to = read->after.to,
                         .applied_epoch = read->applied.epoch,
                         .applied_through = read->applied.sequence,
                         .members = std::move(read->after.members)});
}

void Downlink::send(const StoreId& store, std::string_view kind, const sync::Frame& frame) {
  parts_.send(store, sync::encode(frame));
  if (parts_.on_frame) parts_.on_frame(kind);
}

MonoTime Downlink::again() const {
  return parts_.clock.mono_now() + limits::sync_down_again;
}

}  // namespace perkline::hub::downlink
