#include "shared/rules/receipt.hpp"

#include <algorithm>
#include <array>
#include <kainjow/mustache.hpp>

#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "shared/core/utf8.hpp"

namespace perkline::rules {
namespace {

namespace mustache = kainjow::mustache;

constexpr std::array<std::string_view, 10> names{
    "earnedPoints", "redeemedPoints", "newBalance", "customerName", "tier",
    "receiptId",    "amount",         "currency",   "provisional",  "redeemed"};

std::string all_names() {
  std::string all;
  for (const std::string_view name : names) all += (all.empty() ? "" : ", ") + std::string(name);
  return all;
}

const std::vector<std::string>& built_in() {
  static const std::vector<std::string> templates{
      "Points earned: {{earnedPoints}}", "Points redeemed: {{redeemedPoints}}",
      "{{#newBalance}}New balance: {{newBalance}}{{/newBalance}}"};
  return templates;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

std::string wrong_name(std::string_view name) {
  return std::ranges::find(names, name) != names.end() ? "" : "names something else than " + all_names();
}

/// What is wrong with a tag between its two braces.
std::string wrong_tag(std::string_view tag) {
  constexpr std::string_view marks = "#^/&";
  if (tag.starts_with('!')) return "";
  if (tag.starts_with('=')) return "must not change the delimiters";
  if (tag.starts_with('>')) return "must not take in other templates";
  if (!tag.empty() && marks.find(tag.front()) != std::string_view::npos) tag.remove_prefix(1);
  return wrong_name(trimmed(tag));
}

/// The library takes a name it does not know for nothing: so every tag is looked at here.
std::string wrong_tags(std::string_view text) {
  for (std::size_t open = text.find("{{"); open != std::string_view::npos; open = text.find("{{")) {
    text.remove_prefix(open + 2);
    const bool triple = text.starts_with('{');
    if (triple) text.remove_prefix(1);
    const std::size_t close = text.find(triple ? "}}}" : "}}");
    if (close == std::string_view::npos) break;  // the library's to tell
    const std::string_view tag = trimmed(text.substr(0, close));
    if (auto wrong = triple ? wrong_name(tag) : wrong_tag(tag); !wrong.empty()) return wrong;
    text.remove_prefix(close + (triple ? 3 : 2));
  }
  return "";
}

/// The code point of a well-formed sequence of two or three bytes; 0 for any other.
char32_t code_point(std::string_view sequence) {
  const auto bits = [&](std::size_t i, unsigned mask) {
    return static_cast<char32_t>(static_cast<unsigned char>(sequence[i]) & mask);
  };
  if (sequence.size() == 2) return bits(0, 0x1f) << 6 | bits(1, 0x3f);
  if (sequence.size() == 3) return bits(0, 0x0f) << 12 | bits(1, 0x3f) << 6 | bits(2, 0x3f);
  return 0;
}

/// A control character, or one that breaks lines or turns the direction of what follows.
bool is_command(std::string_view sequence) {
  if (sequence.size() == 1) return static_cast<unsigned char>(sequence[0]) < ' ' || sequence[0] == '\x7f';
  const char32_t c = code_point(sequence);
  return (c >= 0x80 && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/// What a printer gets of a text.
std::string printable(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    std::string_view character = text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
    if (length == 0) character = "\xef\xbf\xbd";
    if (is_command(character)) character = " ";
    if (line.size() + character.size() > limits::receipt_line_bytes_max) break;
    line += character;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

/// Nothing as a value is false as a section.
void set(mustache::data& data, const char* name, std::string_view text) {
  if (text.empty()) {
    data.set(name, false);
  } else {
    data.set(name, std::string(text));
  }
}

/// The names that the templates may tell: perhaps one more, as one name may be a part of another.
std::vector<std::string_view> names_in(const std::vector<std::string>& templates) {
  std::vector<std::string_view> told;
  std::ranges::copy_if(names, std::back_inserter(told), [&](std::string_view name) {
    return std::ranges::any_of(templates, [&](const std::string& text) { return text.contains(name); });
  });
  return told;
}

/// Of what is told: the rest is not worth spelling.
mustache::data data_of(const ReceiptFacts& facts, const std::vector<std::string_view>& names_told) {
  mustache::data data;
  const auto told = [&](std::string_view name) {
    return std::ranges::find(names_told, name) != names_told.end();
  };
  if (told("earnedPoints")) data.set("earnedPoints", std::to_string(facts.earned.count));
  if (told("redeemedPoints")) data.set("redeemedPoints", std::to_string(facts.redeemed.count));
  if (told("redeemed")) data.set("redeemed", facts.redeemed.count > 0);
  if (told("newBalance"))
    set(data, "newBalance", facts.new_balance ? std::to_string(facts.new_balance->count) : "");
  if (told("customerName")) set(data, "customerName", facts.customer_name);
  if (told("tier")) set(data, "tier", facts.tier);
  if (told("receiptId")) set(data, "receiptId", facts.receipt);
  if (told("amount")) data.set("amount", format_amount(facts.amount));
  if (told("currency")) data.set("currency", std::string(facts.amount.currency.code()));
  if (told("provisional")) data.set("provisional", facts.provisional);
  return data;
}

}  // namespace

struct ReceiptForm::Parsed {
  std::vector<std::string> templates;
  std::vector<std::string_view> told;
  std::vector<mustache::mustache> parsed;
};

ReceiptForm::ReceiptForm() {
  static const ReceiptForm form(built_in());
  parsed_ = form.parsed_;
}

ReceiptForm::ReceiptForm(std::vector<std::string> templates) : parsed_(std::make_shared<Parsed>()) {
  PERKLINE_ASSERT(templates.size() <= limits::receipt_lines_max);
  for (const std::string& text : templates) {
    PERKLINE_ASSERT(wrong_template(text).empty());
    parsed_->parsed.emplace_back(text).set_custom_escape([](const std::string& value) { return value; });
  }
  parsed_->told = names_in(templates);
  parsed_->templates = std::move(templates);
}

std::string ReceiptForm::wrong_template(std::string_view text) {
  if (text.size() > limits::receipt_template_bytes_max)
    return "must be at most " + std::to_string(limits::receipt_template_bytes_max) + " bytes long";
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }))
    return "must not hold control characters";
  if (auto wrong = wrong_tags(text); !wrong.empty()) return wrong;
  if (!mustache::mustache(std::string(text)).is_valid())
    return "is no Mustache template: a tag or a section does not end, or ends and never began";
  return "";
}

const std::vector<std::string>& ReceiptForm::templates() const {
  return parsed_->templates;
}

std::vector<std::string> ReceiptForm::lines(const ReceiptFacts& facts) const {
  const mustache::data data = data_of(facts, parsed_->told);
  std::vector<std::string> lines;
  for (mustache::mustache& form : parsed_->parsed) {
    std::string rendered;
    // By itself the library would write to a string stream, which costs more than all the rest.
    form.render(data, [&rendered](const std::string& text) { rendered += text; });
    std::string line = printable(rendered);
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace perkline::rules
