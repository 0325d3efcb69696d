#include "hub/webhooks/webhook.hpp"

#include "hub/events/outbox.hpp"

namespace perkline::hub::webhooks {
namespace {

const std::string select_webhooks =
    "SELECT id, url, types, description, created_at FROM webhook WHERE deleted_at IS NULL";
constexpr char separator = ',';

/// With a separator at both ends, so that a type is found by itself.
std::string text_of(const std::vector<std::string>& types) {
  if (types.empty()) return {};
  std::string text(1, separator);
  for (const std::string& type : types) text += type + separator;
  return text;
}

std::vector<std::string> types_in(std::string_view text) {
  std::vector<std::string> types;
  while (text.size() > 1) {
    text.remove_prefix(1);
    types.emplace_back(text.substr(0, text.find(separator)));
    text.remove_prefix(types.back().size());
  }
  return types;
}

Result<Webhook> webhook_in(const db::Row& row) {
  const auto id = parse_uuid(row.text(0));
  if (!id) return fail(Errc::corrupt, "a webhook's id is none");
  return Webhook{.id = *id,
                 .url = row.text(1),
                 .types = types_in(row.text(2)),
                 .description = row.text(3),
                 .created_at = WallTime{Millis{row.integer(4)}}};
}

Error too_many() {
  const std::string message = "there are " + std::to_string(webhooks_max) + " webhooks: delete one first";
  return {.code = Errc::validation_failed, .detail = message, .faults = {{"url", message}}};
}

}  // namespace

Result<void> add(db::Transaction& transaction, const Webhook& webhook, const std::string& secret) {
  // Whoever adds one waits here for the others: what is counted is all there is.
  auto turn = transaction.query("SELECT value FROM hub_meta WHERE name = 'hub_incarnation'" +
                                std::string(transaction.for_update()));
  if (!turn) return failure(turn);
  auto known = transaction.query("SELECT COUNT(*) FROM webhook WHERE deleted_at IS NULL");
  if (!known) return failure(known);
  if (known->front().integer(0) >= webhooks_max) return std::unexpected(too_many());
  const auto last = events::last_position(transaction);
  if (!last) return std::unexpected(last.error());
  auto added = transaction.execute(
      "INSERT INTO webhook (id, url, types, description, secret, from_position, created_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7)",
      {webhook.id.str(), webhook.url, text_of(webhook.types), webhook.description, secret, *last,
       webhook.created_at.time_since_epoch().count()});
  if (!added) return failure(added);
  return {};
}

Result<std::vector<Webhook>> list(db::Transaction& transaction, const std::string& after,
                                  std::int64_t limit) {
  // Behind every UUID.
  constexpr std::string_view behind_all = "g";
  auto rows = transaction.query(select_webhooks + " AND id < $1 ORDER BY id DESC LIMIT $2",
                                {after.empty() ? std::string(behind_all) : after, limit});
  if (!rows) return failure(rows);
  std::vector<Webhook> webhooks;
  for (const db::Row& row : *rows) {
    auto webhook = webhook_in(row);
    if (!webhook) return failure(webhook);
    webhooks.push_back(std::move(*webhook));
  }
  return webhooks;
}

Result<Webhook> find(db::Transaction& transaction, const Uuid& id) {
  auto rows = transaction.query(select_webhooks + " AND id = $1", {id.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::not_found, "no such webhook");
  return webhook_in(rows->front());
}

Result<void> remove(db::Transaction& transaction, const Uuid& id, WallTime now) {
  auto removed = transaction.execute(
      "UPDATE webhook SET deleted_at = $2, secret = '' WHERE id = $1 AND deleted_at IS NULL",
      {id.str(), now.time_since_epoch().count()});
  if (!removed) return failure(removed);
  if (*removed == 0) return fail(Errc::not_found, "no such webhook");
  return {};
}

}  // namespace perkline::hub::webhooks
