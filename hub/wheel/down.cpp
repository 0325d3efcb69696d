#include "hub/wheel/down.hpp"

#include <set>

#include "hub/downlink/catalogue.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::wheel {
namespace {

using downlink::Put;

Put item_of(const Prize& prize) {
  Put item{.scope = std::string(downlink::every_store),
           .name = sync::name_of(sync::ItemKind::prize, prize.id)};
  if (prize.active) item.body = body_of(prize);
  return item;
}

Put item_of(const StoreSeed& seed, const MemberKeys& keys) {
  Put item{.scope = seed.store.str(), .name = sync::name_of(sync::ItemKind::wheel_seed, day_text(seed.day))};
  if (seed.seed.empty()) return item;
  json::Writer out;
  out.begin_object().field("commitment", seed.commitment).field("seed", seed.seed);
  out.field("memberKey", to_hex(keys.of(seed.commitment)));
  item.body = out.end_object().take();
  return item;
}

Put item_of(const Lease& lease) {
  Put item{.scope = lease.store.str(), .name = sync::name_of(sync::ItemKind::prize_lease, lease.id)};
  json::Writer out;
  out.begin_object().field("prize", lease.prize).field("units", lease.units).field("holder", lease.holder);
  item.body = out.field("returnAfter", format_time(lease.return_after)).end_object().take();
  return item;
}

/// Those that a store can have.
Result<std::set<std::string>> leases_down(db::Transaction& transaction, const StoreId& store) {
  auto rows = transaction.query(
      "SELECT item_id FROM catalogue_item WHERE scope = $1 AND kind = $2 AND body IS NOT NULL",
      {store.str(), static_cast<std::int64_t>(sync::ItemKind::prize_lease)});
  if (!rows) return failure(rows);
  std::set<std::string> ids;
  for (const db::Row& row : *rows) ids.insert(row.text(0));
  return ids;
}

Result<void> put_all(db::Transaction& transaction, const std::vector<Put>& items) {
  if (items.empty()) return {};
  auto put = downlink::put_items(transaction, items);
  if (!put) return failure(put);
  return {};
}

}  // namespace

std::string body_of(const Prize& prize) {
  json::Writer out;
  out.begin_object().field("name", prize.name).field("type", name_of(prize.type));
  out.field("tickets", prize.tickets);
  if (prize.points) out.field("points", *prize.points);
  out.field("oneTime", prize.one_time).field("stocked", prize.stock.has_value());
  return out.end_object().take();
}

Result<void> put_prize_down(db::Transaction& transaction, const Prize& prize) {
  return put_all(transaction, {item_of(prize)});
}

Result<void> put_seeds_down(db::Transaction& transaction, std::span<const StoreSeed> seeds) {
  const auto keys = MemberKeys::load(transaction);
  if (!keys) return std::unexpected(keys.error());
  std::vector<Put> items;
  for (const StoreSeed& seed : seeds) {
    if (seed.store != the_hub) items.push_back(item_of(seed, *keys));
  }
  return put_all(transaction, items);
}

Result<void> put_leases_down(db::Transaction& transaction, const StoreId& store,
                             const std::vector<Lease>& open) {
  auto down = leases_down(transaction, store);
  if (!down) return failure(down);
  std::vector<Put> items;
  for (const Lease& lease : open) {
    // What a lease says never changes.
    if (!lease.holder.empty() && down->erase(lease.id) == 0) items.push_back(item_of(lease));
  }
  for (const std::string& ended : *down)
    items.push_back({.scope = store.str(), .name = sync::name_of(sync::ItemKind::prize_lease, ended)});
  return put_all(transaction, items);
}

Result<std::int64_t> refresh_prizes_down(db::Transaction& transaction) {
  return downlink::replace_items(transaction, sync::ItemKind::prize, [&]() -> Result<std::vector<Put>> {
    auto prizes = active_prizes(transaction);
    if (!prizes) return failure(prizes);
    std::vector<Put> items;
    for (const Prize& prize : *prizes) items.push_back(item_of(prize));
    return items;
  });
}

Result<std::int64_t> refresh_seeds_down(db::Transaction& transaction) {
  return downlink::replace_items(transaction, sync::ItemKind::wheel_seed, [&]() -> Result<std::vector<Put>> {
    auto rows = transaction.query(
        "SELECT wheel_seed.store_id, wheel_seed.day, wheel_seed.commitment, wheel_secret.seed FROM "
        "wheel_secret"
        " JOIN wheel_seed ON wheel_seed.id = wheel_secret.seed_id"
        " JOIN store ON store.id = wheel_seed.store_id WHERE store.retired_at IS NULL");
    if (!rows) return failure(rows);
    const auto keys = MemberKeys::load(transaction);
    if (!keys) return std::unexpected(keys.error());
    std::vector<Put> items;
    for (const db::Row& row : *rows) {
      items.push_back(item_of(StoreSeed{.store = StoreId(row.text(0)),
                                        .day = Day{days{row.integer(1)}},
                                        .commitment = row.text(2),
                                        .seed = row.text(3)},
                              *keys));
    }
    return items;
  });
}

Result<std::int64_t> refresh_leases_down(db::Transaction& transaction) {
  return downlink::replace_items(transaction, sync::ItemKind::prize_lease, [&]() -> Result<std::vector<Put>> {
    auto leases = leases_of_known_holders(transaction);
    if (!leases) return failure(leases);
    std::vector<Put> items;
    for (const Lease& lease : *leases) items.push_back(item_of(lease));
    return items;
  });
}

}  // namespace perkline::hub::wheel
