#include "hub/downlink/past_items.hpp"

#include "hub/downlink/catalogue.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::hub::downlink {

Digest terms_of(std::string_view body) {
  return sync::sha256(body);
}

Result<void> keep_past(db::Transaction& transaction, std::string_view scope, const sync::ItemName& name,
                       const std::string& body) {
  const auto is = [&name](sync::ItemKind kind) { return name.kind == static_cast<std::uint32_t>(kind); };
  if (scope != every_store || !(is(sync::ItemKind::prize) || is(sync::ItemKind::promotion))) return {};
  auto kept = transaction.execute(
      "INSERT INTO catalogue_past (kind, item_id, terms, body) VALUES ($1, $2, $3, $4)"
      " ON CONFLICT (kind, item_id, terms) DO UPDATE SET past_since = NULL",
      {std::int64_t{name.kind}, name.id, to_hex(terms_of(body)), body});
  if (!kept) return failure(kept);
  return {};
}

Result<std::optional<std::string>> find_past(db::Transaction& transaction, const sync::ItemName& name,
                                             const Digest& terms) {
  auto rows =
      transaction.query("SELECT body FROM catalogue_past WHERE kind = $1 AND item_id = $2 AND terms = $3",
                        {std::int64_t{name.kind}, name.id, to_hex(terms)});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return rows->front().text(0);
}

Result<std::vector<std::string>> list_past(db::Transaction& transaction, const sync::ItemName& name) {
  auto rows = transaction.query("SELECT body FROM catalogue_past WHERE kind = $1 AND item_id = $2",
                                {std::int64_t{name.kind}, name.id});
  if (!rows) return failure(rows);
  std::vector<std::string> bodies;
  for (const db::Row& row : *rows) bodies.push_back(row.text(0));
  return bodies;
}

}  // namespace perkline::hub::downlink
