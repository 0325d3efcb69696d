#include "shared/json/fields.hpp"

#include <algorithm>
#include <charconv>

#include "shared/core/assert.hpp"

namespace perkline::json {
namespace {

std::optional<std::int64_t> whole_number(const Value& value) {
  if (!value.is(Value::Kind::number)) return std::nullopt;
  const std::string_view text = value.text();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_text_or_number(const Value& value) {
  return value.is(Value::Kind::string) || value.is(Value::Kind::number);
}

}  // namespace

Fields::Fields(const Value& value, std::vector<FieldFault>& faults, std::string path)
    : value_(value), faults_(faults), path_(std::move(path)) {
  if (!value.is(Value::Kind::object)) faults_.push_back({path_, "must be an object"});
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + '.' + std::string(name);
}

void Fields::fault(std::string_view name, std::string message) {
  faults_.push_back({path_of(name), std::move(message)});
}

const Value* Fields::present(std::string_view name) const {
  const Value* found = value_.find(name);
  return found == nullptr || found->is(Value::Kind::null) ? nullptr : found;
}

const Value* Fields::required(std::string_view name) {
  const Value* found = present(name);
  if (found == nullptr && value_.is(Value::Kind::object)) fault(name, "is required");
  return found;
}

std::optional<std::string> Fields::optional_text(std::string_view name, TextRule rule) {
  const Value* found = present(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is(Value::Kind::string)) return fault(name, "must be a string"), std::nullopt;
  const std::string_view text = found->text();
  if (text.size() < rule.bytes_min || text.size() > rule.bytes_max) {
    fault(name, "must be " + std::to_string(rule.bytes_min) + " to " + std::to_string(rule.bytes_max) +
                    " bytes long");
    return std::nullopt;
  }
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return fault(name, "must not hold control characters"), std::nullopt;
  }
  return std::string(text);
}

std::string Fields::required_text(std::string_view name, TextRule rule) {
  return required(name) == nullptr ? std::string() : optional_text(name, rule).value_or("");
}

std::optional<std::string> Fields::optional_id(std::string_view name) {
  auto text = optional_text(name, {.bytes_min = 1, .bytes_max = limits::id_bytes_max});
  if (text && std::ranges::any_of(*text, [](char c) { return c <= ' ' || c > '~'; })) {
    return fault(name, "must be printable ASCII without spaces"), std::nullopt;
  }
  return text;
}

std::string Fields::required_id(std::string_view name) {
  return required(name) == nullptr ? std::string() : optional_id(name).value_or("");
}

std::optional<bool> Fields::optional_bool(std::string_view name) {
  const Value* found = present(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is(Value::Kind::boolean)) return fault(name, "must be true or false"), std::nullopt;
  return found->boolean();
}

bool Fields::required_bool(std::string_view name) {
  return required(name) != nullptr && optional_bool(name).value_or(false);
}

std::optional<std::int64_t> Fields::optional_integer(std::string_view name, std::int64_t low,
                                                     std::int64_t high) {
  PERKLINE_ASSERT(low <= high);
  const Value* found = present(name);
  if (found == nullptr) return std::nullopt;
  const auto number = whole_number(*found);
  if (!number || *number < low || *number > high) {
    fault(name, "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return std::nullopt;
  }
  return number;
}

std::int64_t Fields::required_integer(std::string_view name, std::int64_t low, std::int64_t high) {
  return required(name) == nullptr ? low : optional_integer(name, low, high).value_or(low);
}

std::optional<Money> Fields::optional_amount(std::string_view name, Currency currency) {
  const Value* found = present(name);
  if (found == nullptr) return std::nullopt;
  if (!is_text_or_number(*found)) return fault(name, "must be an amount: a string or a number"), std::nullopt;
  auto amount = parse_amount(found->text(), currency);
  if (!amount) return fault(name, std::move(amount.error().detail)), std::nullopt;
  return *amount;
}

Money Fields::required_amount(std::string_view name, Currency currency) {
  const Money none{0, currency};
  return required(name) == nullptr ? none : optional_amount(name, currency).value_or(none);
}

Quantity Fields::required_quantity(std::string_view name) {
  const Value* found = required(name);
  if (found == nullptr) return {};
  if (!is_text_or_number(*found)) return fault(name, "must be a quantity: a string or a number"), Quantity{};
  auto quantity = parse_quantity(found->text());
  if (!quantity) return fault(name, std::move(quantity.error().detail)), Quantity{};
  return *quantity;
}

std::span<const Value> Fields::required_array(std::string_view name, std::size_t items_max) {
  const Value* found = required(name);
  if (found == nullptr) return {};
  if (!found->is(Value::Kind::array)) return fault(name, "must be an array"), std::span<const Value>{};
  if (found->items().size() > items_max) {
    return fault(name, "must hold at most " + std::to_string(items_max) + " items"), std::span<const Value>{};
  }
  return found->items();
}

const Value* Fields::required_object(std::string_view name) {
  const Value* found = required(name);
  if (found == nullptr) return nullptr;
  if (!found->is(Value::Kind::object)) return fault(name, "must be an object"), nullptr;
  return found;
}

Error validation_error(std::vector<FieldFault> faults) {
  PERKLINE_ASSERT(!faults.empty());
  return Error{
      .code = Errc::validation_failed, .detail = "the request has faults", .faults = std::move(faults)};
}

}  // namespace perkline::json
