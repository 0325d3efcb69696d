#include "hub/api/wallet_input.hpp"

namespace perkline::hub::api {
namespace {

/// The most that any currency has.
constexpr int decimals_max = 4;

bool is_text_or_number(const json::Value& value) {
  return value.is(json::Value::Kind::string) || value.is(json::Value::Kind::number);
}

}  // namespace

void check_bare_amount(json::Fields& fields, const json::Value& root) {
  const json::Value* amount = root.find("amount");
  if (amount == nullptr || amount->is(json::Value::Kind::null)) return fields.fault("amount", "is required");
  if (!is_text_or_number(*amount)) return fields.fault("amount", "must be an amount: a string or a number");
  const auto parsed = parse_decimal(amount->text(), decimals_max);
  if (!parsed) return fields.fault("amount", parsed.error().detail);
  if (*parsed == 0) fields.fault("amount", "must be more than 0");
}

namespace {

UserId read_user(json::Fields& fields, const json::Value& root) {
  const std::size_t faults = fields.fault_count();
  std::string id = fields.required_id("userId");
  const bool read = root.is(json::Value::Kind::object) && fields.fault_count() == faults;
  if (read && !parse_uuid(id)) fields.fault("userId", "must be a user's id");
  return UserId(std::move(id));
}

}  // namespace

Money read_money(json::Fields& fields, const json::Value& root) {
  const std::size_t faults = fields.fault_count();
  const std::string code = fields.required_text("currency");
  const auto currency = find_currency(code);
  if (!currency) {
    const Money none{0, *find_currency("USD")};
    if (!root.is(json::Value::Kind::object)) return none;
    if (fields.fault_count() == faults)
      fields.fault("currency", "must be the ISO 4217 code of a currency in use, such as USD");
    check_bare_amount(fields, root);
    return none;
  }
  const Money amount = fields.required_amount("amount", *currency);
  if (fields.fault_count() == faults && amount.minor == 0) fields.fault("amount", "must be more than 0");
  return amount;
}

wallet::Transfer read_transfer(json::Fields& fields, const json::Value& root, UserId from) {
  wallet::Transfer transfer{
      .from = std::move(from),
      .to = fields.required_text("to", {.bytes_min = 1, .bytes_max = payee_bytes_max}),
      .amount = read_money(fields, root),
      .note =
          fields.optional_text("note", {.bytes_min = 0, .bytes_max = limits::text_bytes_max}).value_or("")};
  if (transfer.to == transfer.from.str()) fields.fault("to", "must be another member than yourself");
  return transfer;
}

wallet::Adjustment read_adjustment(json::Fields& fields, const json::Value& root) {
  return {.user = read_user(fields, root),
          .amount = read_money(fields, root),
          .reason = fields.required_text("reason")};
}

wallet::HoldOrder read_hold_order(json::Fields& fields, const json::Value& root) {
  wallet::Adjustment what = read_adjustment(fields, root);
  const auto time = fields.optional_integer("expiresInS", 1, seconds(wallet::hold_time_max).count());
  return {.user = std::move(what.user),
          .amount = what.amount,
          .reason = std::move(what.reason),
          .expires_in = time ? seconds{*time} : seconds(wallet::hold_time_usual)};
}

Result<std::optional<std::string>> read_capture(const std::string& body) {
  if (body.empty()) return std::nullopt;
  return json::read_body(body,
                         [](json::Fields& fields, const json::Value& root) -> std::optional<std::string> {
                           const json::Value* amount = root.find("amount");
                           if (amount == nullptr || amount->is(json::Value::Kind::null)) return std::nullopt;
                           check_bare_amount(fields, root);
                           return std::string(amount->text());
                         });
}

}  // namespace perkline::hub::api
