#include "hub/rules/dry_run.hpp"

#include <algorithm>

#include "shared/core/clock.hpp"
#include "shared/core/limits.hpp"
#include "shared/json/fields.hpp"
#include "shared/json/writer.hpp"
#include "shared/loyalty/basket.hpp"

namespace perkline::hub::rules {
namespace {

using perkline::rules::ChainRules;

std::string at(std::string_view list, std::size_t i) {
  return std::string(list) + '[' + std::to_string(i) + ']';
}

bool is_given(const json::Value& value, std::string_view name) {
  const json::Value* found = value.find(name);
  return found != nullptr && !found->is(json::Value::Kind::null);
}

/// A day of the calendar, by the store's.
std::chrono::sys_days read_day(json::Fields& fields, std::chrono::sys_days today) {
  const auto text = fields.optional_text("day");
  if (!text) return today;
  const auto time = text->size() == 10 ? parse_time(*text + "T00:00:00Z") : std::nullopt;
  if (!time) {
    fields.fault("day", "must be a day of the calendar, as 2026-12-24");
    return today;
  }
  return std::chrono::floor<days>(*time);
}

TrialItem read_item(json::Fields fields, Currency currency) {
  (void)fields.optional_text("sku");
  return {.quantity = fields.required_quantity("qty"),
          .unit_price = fields.optional_amount("unitPrice", currency),
          .category = fields.optional_text("category").value_or("")};
}

TrialBasket read_basket(const json::Value& value, json::Fields fields, Currency currency,
                        std::chrono::sys_days today) {
  TrialBasket basket{
      .tier =
          fields.optional_text("tier", {.bytes_min = 1, .bytes_max = limits::id_bytes_max}).value_or("Base"),
      .amount = fields.required_amount("transactionAmount", currency),
      .paid = {0, currency},
      .day = read_day(fields, today),
      .items = {}};
  basket.paid = fields.optional_amount("finalAmount", currency).value_or(basket.amount);
  if (!is_given(value, "items")) return basket;
  const auto items = fields.required_array("items", limits::basket_items_max);
  for (std::size_t i = 0; i < items.size(); ++i)
    basket.items.push_back(read_item(fields.nested(items[i], fields.path_of(at("items", i))), currency));
  return basket;
}

/// The faults of a draft, each under `rules`.
void read_draft(const json::Value& value, DryRun& run, std::vector<FieldFault>& faults) {
  ChainRules draft;
  const auto read =
      config::read_json(value, [&](config::Schema& schema) { perkline::rules::describe(schema, draft); });
  if (read) {
    run.draft = std::move(draft);
    return;
  }
  for (const FieldFault& fault : read.error().faults)
    faults.push_back({fault.field.empty() ? "rules" : "rules." + fault.field, fault.message});
}

/// Sales that name it were priced by what is built in.
std::optional<FieldFault> fault_of_name(const ChainRules& rules) {
  const ChainRules built_in;
  if (rules.rewards.version != built_in.rewards.version || same_content(rules, built_in)) return std::nullopt;
  return FieldFault{"version", "is that of the built-in rules, which these are not"};
}

void write_points(json::Writer& out, const loyalty::Rewards& rewards) {
  out.begin_object().field("earnedPoints", rewards.earned().count);
  out.key("multiplier").raw(loyalty::multiplier_text(rewards));
  out.field("bonusPoints", rewards.tier_bonus.count);
  out.key("breakdown").begin_object().field("basePoints", rewards.base.count);
  out.field("tierBonus", rewards.tier_bonus.count).end_object().end_object();
}

/// Base is everybody's, named or not.
bool names_tier(const ChainRules& rules, const std::string& tier) {
  const auto& tiers = rules.rewards.tiers;
  return tier == "Base" || std::ranges::find(tiers, tier, &loyalty::TierRule::name) != tiers.end();
}

/// What may be a slip of the pen: goods of a category that earns like any other.
std::vector<FieldFault> notes_on(const ChainRules& rules, const std::vector<TrialBasket>& baskets) {
  std::vector<FieldFault> notes;
  const auto& known = rules.rewards.categories;
  if (known.empty()) return notes;
  for (std::size_t i = 0; i < baskets.size(); ++i) {
    const auto& items = baskets[i].items;
    for (std::size_t j = 0; j < items.size(); ++j) {
      const std::string& category = items[j].category;
      if (category.empty() || std::ranges::find(known, category, &loyalty::CategoryRule::name) != known.end())
        continue;
      notes.push_back(
          {at("baskets", i) + '.' + at("items", j) + ".category", "is no category of these rules"});
    }
  }
  return notes;
}

void write_notes(json::Writer& out, const std::vector<FieldFault>& notes) {
  if (notes.empty()) return;
  out.key("notes").begin_array();
  for (const FieldFault& note : notes)
    out.begin_object().field("field", note.field).field("message", note.message).end_object();
  out.end_array();
}

loyalty::Rewards price(const ChainRules& rules, const TrialBasket& basket) {
  std::vector<loyalty::Goods> goods;
  goods.reserve(basket.items.size());
  for (const TrialItem& item : basket.items) goods.push_back({item.quantity, item.unit_price, item.category});
  return loyalty::price(rules.rewards, basket.tier, {basket.amount, goods}, basket.paid, basket.day);
}

}  // namespace

Result<ChainRules> read_rules(std::string_view body) {
  const auto document = json::parse(body, limits::json_request_values_max);
  if (!document) return std::unexpected(document.error());
  ChainRules rules;
  auto read = config::read_json(document->root(),
                                [&](config::Schema& schema) { perkline::rules::describe(schema, rules); });
  if (!read && read.error().code == Errc::validation_failed)
    return fail(json::validation_error(std::move(read.error().faults)));
  if (!read) return failure(read);
  if (auto fault = fault_of_name(rules)) return fail(json::validation_error({std::move(*fault)}));
  return rules;
}

Result<DryRun> read_dry_run(std::string_view body, Currency currency, std::chrono::sys_days today) {
  const auto document = json::parse(body, limits::json_request_values_max);
  if (!document) return std::unexpected(document.error());
  const json::Value& root = document->root();
  DryRun run;
  std::vector<FieldFault> faults;
  json::Fields fields(root, faults);
  const auto baskets = fields.required_array("baskets", dry_run_baskets_max);
  if (baskets.empty() && faults.empty()) fields.fault("baskets", "must hold at least one");
  for (std::size_t i = 0; i < baskets.size(); ++i)
    run.baskets.push_back(
        read_basket(baskets[i], fields.nested(baskets[i], at("baskets", i)), currency, today));
  if (is_given(root, "rules")) read_draft(*root.find("rules"), run, faults);
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return run;
}

Result<std::string> run_dry(const ChainRules& rules, const std::vector<TrialBasket>& baskets) {
  std::vector<FieldFault> faults;
  json::Writer out;
  out.begin_object().field("rulesVersion", rules.rewards.version).key("items").begin_array();
  for (std::size_t i = 0; i < baskets.size(); ++i) {
    if (!names_tier(rules, baskets[i].tier))
      faults.push_back({at("baskets", i) + ".tier", "is no tier of these rules"});
    const loyalty::Rewards rewards = price(rules, baskets[i]);
    if (rewards.earned() > points_max)
      faults.push_back({at("baskets", i) + ".transactionAmount", "earns more points than there may be"});
    write_points(out, rewards);
  }
  out.end_array();
  write_notes(out, notes_on(rules, baskets));
  out.end_object();
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return out.take();
}

}  // namespace perkline::hub::rules
