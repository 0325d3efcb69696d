#include "shared/rules/chain_rules.hpp"

#include <algorithm>
#include <array>

#include "shared/core/clock.hpp"
#include "shared/core/limits.hpp"

namespace perkline::rules {
namespace {

using config::Schema;
using loyalty::DayRule;

constexpr int places = 2;
constexpr std::array<std::string_view, 7> weekday_names{"sunday",   "monday", "tuesday", "wednesday",
                                                        "thursday", "friday", "saturday"};

// ---- decimals: text in the file, hundredths in the rules

std::string decimal_text(std::int64_t hundredths) {
  std::string text = format_decimal(hundredths, places);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

void take_decimal(Schema& s, const std::string& key, const std::string& text, std::int64_t& hundredths,
                  std::int64_t max) {
  const auto read = parse_decimal(text, places);
  if (!read) return s.fault(key, read.error().detail);
  if (*read > max) return s.fault(key, "must be at most " + decimal_text(max));
  hundredths = *read;
}

/// A key that must be there has no default text.
void decimal(Schema& s, const std::string& key, std::string text, std::int64_t& hundredths,
             std::int64_t max) {
  const bool required = text.empty();
  s.text(key, text, {.required = required, .choices = {}});
  if (s.reading()) take_decimal(s, key, text, hundredths, max);
}

// ---- tiers and categories: names with a decimal each

struct NamesMax {
  std::size_t count;
  std::size_t bytes;
  std::int64_t hundredths;
};

bool is_name(std::string_view name, std::size_t bytes_max) {
  return !name.empty() && name.size() <= bytes_max && std::ranges::none_of(name, [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
}

template <class Rule>
void named_decimals(Schema& s, const std::string& key, std::vector<Rule>& rules,
                    std::int64_t Rule::* hundredths, NamesMax max) {
  std::vector<std::pair<std::string, std::string>> texts;
  texts.reserve(rules.size());
  for (const Rule& rule : rules) texts.emplace_back(rule.name, decimal_text(rule.*hundredths));
  s.texts_by_name(key, texts);
  if (!s.reading()) return;
  rules.clear();
  if (texts.size() > max.count)
    return s.fault(key, "must be at most " + std::to_string(max.count) + " names");
  for (const auto& [name, text] : texts) {
    std::string named = key;
    named.append(".").append(name);
    if (!is_name(name, max.bytes)) {
      s.fault(named,
              "must have a name of 1 to " + std::to_string(max.bytes) + " bytes without control characters");
      continue;
    }
    Rule rule{.name = name};
    take_decimal(s, named, text, rule.*hundredths, max.hundredths);
    rules.push_back(std::move(rule));
  }
}

// ---- multiplied days

std::string date_text(const std::optional<std::chrono::sys_days>& date) {
  return date ? format_day(*date) : "";
}

std::string wrong_weekday(std::string_view name) {
  return std::ranges::find(weekday_names, name) != weekday_names.end() ? "" : "must be a day such as monday";
}

void take_weekdays(Schema& s, const std::vector<std::string>& names, DayRule& rule) {
  for (const std::string& name : names) {
    const auto found = std::ranges::find(weekday_names, name);
    if (found == weekday_names.end()) continue;
    const std::chrono::weekday day{static_cast<unsigned>(found - weekday_names.begin())};
    if (std::ranges::count(rule.weekdays, day) > 0) s.fault("weekdays", "names " + name + " twice");
    rule.weekdays.push_back(day);
  }
}

void describe_day(Schema& s, DayRule& rule) {
  std::string date = date_text(rule.date);
  std::vector<std::string> weekdays;
  weekdays.reserve(rule.weekdays.size());
  for (const auto day : rule.weekdays) weekdays.emplace_back(weekday_names[day.c_encoding()]);
  s.text("date", date);
  s.texts("weekdays", weekdays, wrong_weekday);
  decimal(s, "factor", s.reading() ? "" : decimal_text(rule.factor_hundredths), rule.factor_hundredths,
          loyalty::day_factor_hundredths_max);
  if (!s.reading()) return;
  if (date.empty() == weekdays.empty()) s.fault("date", "is to be given, or weekdays, and not both");
  if (!date.empty()) {
    rule.date = parse_day(date);
    if (!rule.date) s.fault("date", "must be a day of the calendar, as 2026-12-24");
  }
  take_weekdays(s, weekdays, rule);
}

void describe_days(Schema& s, std::vector<DayRule>& days) {
  s.sections(
      "multiplied_days", [&] { return days.size(); }, [&](std::size_t count) { days.resize(count); },
      [&](Schema& day, std::size_t i) { describe_day(day, days[i]); });
  if (days.size() > limits::reward_days_max)
    s.fault("multiplied_days", "must be at most " + std::to_string(limits::reward_days_max));
}

void describe_receipt(Schema& s, ReceiptForm& receipt) {
  std::vector<std::string> lines = receipt.templates();
  bool right = true;
  s.texts("lines", lines, [&](std::string_view text) {
    std::string wrong = ReceiptForm::wrong_template(text);
    right = right && wrong.empty();
    return wrong;
  });
  if (!s.reading() || !right) return;
  if (lines.size() > limits::receipt_lines_max)
    return s.fault("lines", "must be at most " + std::to_string(limits::receipt_lines_max));
  receipt = ReceiptForm(std::move(lines));
}

}  // namespace

bool same_content(const ChainRules& a, const ChainRules& b) {
  loyalty::RewardRules renamed = a.rewards;
  renamed.version = b.rewards.version;
  return renamed == b.rewards && a.receipt.templates() == b.receipt.templates();
}

void describe(Schema& s, ChainRules& rules) {
  loyalty::RewardRules& rewards = rules.rewards;
  if (s.reading()) rewards.version.clear();
  s.text("version", rewards.version, {.required = true, .choices = {}});
  if (rewards.version.size() > limits::id_bytes_max)
    s.fault("version", "must be at most " + std::to_string(limits::id_bytes_max) + " bytes long");
  decimal(s, "points_per_unit", decimal_text(rewards.points_per_unit_hundredths),
          rewards.points_per_unit_hundredths, loyalty::rate_hundredths_max);
  named_decimals(s, "tiers", rewards.tiers, &loyalty::TierRule::factor_hundredths,
                 {limits::reward_tiers_max, limits::id_bytes_max, loyalty::tier_factor_hundredths_max});
  named_decimals(s, "categories", rewards.categories, &loyalty::CategoryRule::points_per_unit_hundredths,
                 {limits::reward_categories_max, limits::text_bytes_max, loyalty::rate_hundredths_max});
  describe_days(s, rewards.days);
  s.section("receipt", [&](Schema& receipt) { describe_receipt(receipt, rules.receipt); });
}

}  // namespace perkline::rules
