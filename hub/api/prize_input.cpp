#include "hub/api/prize_input.hpp"

#include <algorithm>

#include "hub/api/patch.hpp"
#include "hub/wheel/spin.hpp"

namespace perkline::hub::api {
namespace {

constexpr json::TextRule name_rule{.bytes_min = 1, .bytes_max = wheel::prize_name_bytes_max};

bool is_null(const json::Value& root, std::string_view name) {
  const json::Value* found = root.find(name);
  return found != nullptr && found->is(json::Value::Kind::null);
}

bool is_there(const json::Value& root, std::string_view name) {
  const json::Value* found = root.find(name);
  return found != nullptr && !found->is(json::Value::Kind::null);
}

std::optional<wheel::PrizeType> read_type(json::Fields& fields) {
  const auto name = fields.optional_text("type");
  if (!name) return std::nullopt;
  const auto type = wheel::find_prize_type(*name);
  if (!type) fields.fault("type", "must be cash, coupon, points, lottery_ticket or none");
  return type;
}

/// In tickets. From its text, never through floating point.
std::optional<std::int64_t> read_weight(json::Fields& fields, const json::Value& root) {
  if (!is_there(root, "weight")) return std::nullopt;
  const json::Value& weight = *root.find("weight");
  if (!weight.is(json::Value::Kind::string) && !weight.is(json::Value::Kind::number))
    return fields.fault("weight", "must be a weight: a string or a number"), std::nullopt;
  auto tickets = parse_decimal(weight.text(), loyalty::weight_decimals);
  if (!tickets) return fields.fault("weight", std::move(tickets.error().detail)), std::nullopt;
  if (*tickets > loyalty::tickets_max) return fields.fault("weight", "must be at most 1000000"), std::nullopt;
  return *tickets;
}

/// Outer: whether it is there; inner: null says so.
std::optional<std::optional<std::int64_t>> read_nullable(json::Fields& fields, const json::Value& root,
                                                         std::string_view name, std::int64_t high) {
  if (is_null(root, name)) return std::optional<std::int64_t>{};
  const auto number = fields.optional_integer(name, 0, high);
  if (!number) return std::nullopt;
  return number;
}

/// What every setting that is given says.
wheel::PrizeChange read_settings(json::Fields& fields, const json::Value& root) {
  return {.name = fields.optional_text("name", name_rule),
          .type = read_type(fields),
          .tickets = read_weight(fields, root),
          .points = read_nullable(fields, root, "points", points_max.count),
          .one_time = fields.optional_bool("oneTimePerUser"),
          .active = fields.optional_bool("active"),
          .stock = read_nullable(fields, root, "stock", wheel::stock_max)};
}

}  // namespace

wheel::Prize read_prize(json::Fields& fields, const json::Value& root) {
  wheel::PrizeChange given = read_settings(fields, root);
  for (const std::string_view name : {"name", "type", "weight"}) {
    if (root.is(json::Value::Kind::object) && !is_there(root, name)) fields.fault(name, "is required");
  }
  wheel::Prize prize{.id = {},
                     .name = std::move(given.name).value_or(""),
                     .type = given.type.value_or(wheel::PrizeType::none),
                     .tickets = given.tickets.value_or(0),
                     .points = given.points.value_or(std::nullopt),
                     .one_time = given.one_time.value_or(false),
                     .active = given.active.value_or(true),
                     .stock = given.stock.value_or(std::nullopt)};
  // Told along with the other faults; a number that is none is told as such.
  const bool lacks_points = !is_there(root, "points") || prize.points == 0;
  if (given.type == wheel::PrizeType::points && lacks_points)
    fields.fault("points", "must be more than 0 for a prize of type points");
  return prize;
}

wheel::PrizeChange read_prize_change(json::Fields& fields, const json::Value& root,
                                     const std::optional<wheel::Prize>& prize) {
  wheel::PrizeChange change = read_settings(fields, root);
  refuse_nulls(fields, root, {"name", "type", "weight", "oneTimePerUser", "active"});
  // Alone it is told by who changes it.
  if (prize && fields.fault_count() > 0) {
    for (FieldFault& fault : wheel::faults_of(wheel::changed(*prize, change)))
      fields.fault(fault.field, std::move(fault.message));
  }
  const bool says_nothing = !change.name && !change.type && !change.tickets && !change.points &&
                            !change.one_time && !change.active && !change.stock;
  if (root.is(json::Value::Kind::object) && fields.fault_count() == 0 && says_nothing)
    fields.fault("weight", "is required, or another setting");
  return change;
}

std::string read_client_seed(json::Fields& fields, const json::Value&) {
  return fields.optional_text("clientSeed", {.bytes_min = 0, .bytes_max = wheel::client_seed_bytes_max})
      .value_or("");
}

}  // namespace perkline::hub::api
