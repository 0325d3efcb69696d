#include "hub/downlink/catalogue.hpp"

#include <map>
#include <set>
#include <utility>

#include "hub/downlink/past_items.hpp"
#include "shared/core/down_limits.hpp"

namespace perkline::hub::downlink {
namespace {

std::int64_t to_sql(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}

Result<std::uint64_t> hold_version(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT value FROM down_counter WHERE name = 'catalogue'" +
                                std::string(transaction.for_update()));
  if (!rows) return failure(rows);
  return static_cast<std::uint64_t>(rows->at(0).integer(0));
}

/// nullopt: there is no such item, or none any more.
Result<std::optional<std::string>> body_now(db::Transaction& transaction, std::string_view scope,
                                            const sync::ItemName& name) {
  auto rows =
      transaction.query("SELECT body FROM catalogue_item WHERE scope = $1 AND kind = $2 AND item_id = $3",
                        {std::string(scope), std::int64_t{name.kind}, name.id});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return rows->front().optional_text(0);
}

sync::ItemName name_in(const db::Row& row) {
  return {static_cast<std::uint32_t>(row.integer(0)), row.text(1)};
}

/// Every store's and one store's own each have half of what a frame may hold.
Result<void> check_fits(db::Transaction& transaction, std::string_view scope) {
  auto rows = transaction.query(
      "SELECT kind, item_id, body FROM catalogue_item WHERE scope = $1 AND body IS NOT NULL",
      {std::string(scope)});
  if (!rows) return failure(rows);
  std::size_t bytes = 0;
  for (const db::Row& row : *rows) {
    if (row.text(2).size() > limits::catalogue_body_bytes_max)
      return fail(Error{.code = Errc::validation_failed,
                        .detail = "an item of the catalogue is too long",
                        .faults = {{"catalogue", "is more of one thing than stores hold"}}});
    bytes += row.text(1).size() + row.text(2).size();
  }
  if (2 * rows->size() > limits::catalogue_items_max || 2 * bytes > limits::catalogue_bytes_max)
    return fail(Error{.code = Errc::validation_failed,
                      .detail = "the catalogue is full",
                      .faults = {{"catalogue", "what stores are to hold has no room for it"}}});
  return {};
}

Result<void> write(db::Transaction& transaction, const Put& item, std::uint64_t version) {
  db::Value text = nullptr;
  if (item.body) text = *item.body;
  auto put = transaction.execute(
      "INSERT INTO catalogue_item (scope, kind, item_id, body, version) VALUES ($1, $2, $3, $4, $5)"
      " ON CONFLICT (scope, kind, item_id) DO UPDATE SET body = excluded.body, version = excluded.version,"
      " gone_since = NULL",
      {item.scope, std::int64_t{item.name.kind}, item.name.id, std::move(text), to_sql(version)});
  if (!put) return failure(put);
  return {};
}

}  // namespace

Result<std::uint64_t> put_item(db::Transaction& transaction, std::string_view scope,
                               const sync::ItemName& name, const std::optional<std::string>& body) {
  const Put item{.scope = std::string(scope), .name = name, .body = body};
  return put_items(transaction, std::span(&item, 1));
}

Result<std::uint64_t> put_items(db::Transaction& transaction, std::span<const Put> items) {
  const auto version = hold_version(transaction);
  if (!version || items.empty()) return version;
  const std::uint64_t next = *version + 1;
  std::set<std::string> changed;
  for (const Put& item : items) {
    const auto now = body_now(transaction, item.scope, item.name);
    if (!now) return std::unexpected(now.error());
    if (*now == item.body) continue;
    if (*now) {
      if (auto kept = keep_past(transaction, item.scope, item.name, **now); !kept) return failure(kept);
    }
    if (auto written = write(transaction, item, next); !written) return failure(written);
    changed.insert(item.scope);
  }
  if (changed.empty()) return version;
  auto moved =
      transaction.execute("UPDATE down_counter SET value = $1 WHERE name = 'catalogue'", {to_sql(next)});
  if (!moved) return failure(moved);
  for (const std::string& scope : changed) {
    if (auto checked = check_fits(transaction, scope); !checked) return failure(checked);
  }
  return next;
}

Result<std::int64_t> replace_items(db::Transaction& transaction, sync::ItemKind kind,
                                   const std::function<Result<std::vector<Put>>()>& read) {
  if (const auto held = hold_version(transaction); !held) return std::unexpected(held.error());
  auto items = read();
  if (!items) return failure(items);
  auto rows = transaction.query(
      "SELECT scope, item_id, body FROM catalogue_item WHERE kind = $1 AND body IS NOT NULL",
      {static_cast<std::int64_t>(kind)});
  if (!rows) return failure(rows);
  std::map<std::pair<std::string, std::string>, std::string> there;
  for (const db::Row& row : *rows) there.emplace(std::pair(row.text(0), row.text(1)), row.text(2));
  std::vector<Put> changes;
  for (Put& item : *items) {
    const auto known = there.find({item.scope, item.name.id});
    const bool same = known != there.end() && known->second == item.body;
    if (known != there.end()) there.erase(known);
    if (!same) changes.push_back(std::move(item));
  }
  for (const auto& [place, body] : there)
    changes.push_back({.scope = place.first, .name = sync::name_of(kind, place.second)});
  if (auto put = put_items(transaction, changes); !put) return failure(put);
  return std::ssize(changes);
}

Result<std::uint64_t> catalogue_version(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT value FROM down_counter WHERE name = 'catalogue'");
  if (!rows) return failure(rows);
  return static_cast<std::uint64_t>(rows->at(0).integer(0));
}

Result<std::uint64_t> forgotten_through(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT value FROM down_counter WHERE name = 'catalogue_forgotten'");
  if (!rows) return failure(rows);
  return static_cast<std::uint64_t>(rows->at(0).integer(0));
}

Result<sync::Catalogue> read_catalogue(db::Transaction& transaction, const StoreId& store) {
  auto rows = transaction.query(
      "SELECT kind, item_id, body FROM catalogue_item WHERE scope IN ('', $1) AND body IS NOT NULL",
      {store.str()});
  if (!rows) return failure(rows);
  sync::Catalogue items;
  for (const db::Row& row : *rows) items.emplace(name_in(row), row.text(2));
  return items;
}

Result<std::vector<sync::CatalogueItem>> items_after(db::Transaction& transaction, const StoreId& store,
                                                     std::uint64_t version) {
  auto rows = transaction.query(
      "SELECT kind, item_id, body FROM catalogue_item WHERE version > $2 AND scope IN ('', $1)",
      {store.str(), to_sql(version)});
  if (!rows) return failure(rows);
  // In the order of names as stores compare them, whatever the database's order of texts is.
  std::map<sync::ItemName, std::optional<std::string>> changed;
  for (const db::Row& row : *rows) changed.emplace(name_in(row), row.optional_text(2));
  std::vector<sync::CatalogueItem> items;
  for (auto& [name, body] : changed) items.push_back({.name = name, .body = std::move(body)});
  return items;
}

}  // namespace perkline::hub::downlink
