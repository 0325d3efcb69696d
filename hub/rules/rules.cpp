#include "hub/rules/rules.hpp"

#include "hub/downlink/catalogue.hpp"
#include "hub/identity/audit.hpp"
#include "shared/core/stamp.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::rules {
namespace {

/// Errors: version_conflict.
Result<void> keep(db::Transaction& transaction, const std::string& version, const std::string& text) {
  auto kept = transaction.execute(
      "INSERT INTO chain_rules (version, body) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING",
      {version, text});
  if (!kept) return failure(kept);
  auto rows = transaction.query("SELECT body FROM chain_rules WHERE version = $1", {version});
  if (!rows) return failure(rows);
  if (rows->at(0).text(0) != text)
    return fail(Errc::version_conflict, "these are other rules than those that version was given to");
  return {};
}

Result<void> audit(db::Transaction& transaction, const InForce& before, const std::string& version,
                   const Order& order) {
  json::Writer detail;
  detail.begin_object().field("version", version).field("before", before.version).end_object();
  return identity::append_audit(transaction, {.id = order.audit_id,
                                              .at = order.at,
                                              .actor = order.by,
                                              .action = "rules.set",
                                              .subject = "rules:" + version,
                                              .detail = detail.take()});
}

}  // namespace

std::string text_of(const ChainRules& rules) {
  ChainRules copy = rules;
  return config::print_json([&](config::Schema& schema) { perkline::rules::describe(schema, copy); });
}

Result<InForce> in_force(db::Transaction& transaction) {
  auto rows = transaction.query(
      "SELECT chain_rules.version, chain_rules.body, chain_rules_set.set_at, chain_rules_set.set_by"
      " FROM chain_rules_set JOIN chain_rules ON chain_rules.version = chain_rules_set.version"
      " ORDER BY chain_rules_set.number DESC LIMIT 1");
  if (!rows) return failure(rows);
  if (rows->empty()) {
    const ChainRules built_in;
    return InForce{.version = built_in.rewards.version, .text = text_of(built_in)};
  }
  const db::Row& row = rows->front();
  return InForce{.version = row.text(0),
                 .text = row.text(1),
                 .setting = InForce::Setting{.at = WallTime{Millis{row.integer(2)}}, .by = row.text(3)}};
}

Result<ChainRules> read_in_force(db::Transaction& transaction) {
  const auto now = in_force(transaction);
  if (!now) return std::unexpected(now.error());
  ChainRules rules;
  const auto read =
      config::read_json(now->text, [&](config::Schema& schema) { perkline::rules::describe(schema, rules); });
  if (!read) return fail(Errc::corrupt, "the rules in force cannot be read");
  return rules;
}

Result<InForce> put_in_force(db::Transaction& transaction, const ChainRules& rules, const Order& order) {
  const std::string& version = rules.rewards.version;
  const std::string text = text_of(rules);
  // First, as it lets one at a time go on from here.
  auto put = downlink::put_item(transaction, downlink::every_store,
                                sync::name_of(sync::ItemKind::reward_rules), text);
  if (!put) return failure(put);
  auto before = in_force(transaction);
  if (!before) return before;
  if (before->setting && before->text == text) return before;
  if (auto kept = keep(transaction, version, text); !kept) return failure(kept);
  auto set = transaction.execute("INSERT INTO chain_rules_set (version, set_at, set_by) VALUES ($1, $2, $3)",
                                 {version, stamp(order.at), order.by});
  if (!set) return failure(set);
  if (auto audited = audit(transaction, *before, version, order); !audited) return failure(audited);
  return in_force(transaction);
}

}  // namespace perkline::hub::rules
