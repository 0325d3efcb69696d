#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "shared/core/limits.hpp"
#include "shared/core/money.hpp"
#include "shared/core/result.hpp"
#include "shared/json/value.hpp"

namespace perkline::json {

struct TextRule {
  std::size_t bytes_min = 1;
  std::size_t bytes_max = limits::text_bytes_max;
};

/// Reads an object's members by name and gathers every fault instead of stopping at the first. A read that
/// fails gives a default value and notes why; whoever reads asks `faults()` (or `result`) once, at the end.
/// Members nobody reads are ignored: a till may send more than we know. A `required_…` read faults when the
/// member is absent or null; an `optional_…` one gives nullopt then.
class Fields {
 public:
  /// `faults` is shared by nested readers and must outlive them. `path` stands before each field's name.
  Fields(const Value& value, std::vector<FieldFault>& faults, std::string path = "");

  std::string required_text(std::string_view name, TextRule rule = {});
  std::optional<std::string> optional_text(std::string_view name, TextRule rule = {});
  /// Printable ASCII without spaces, up to limits::id_bytes_max.
  std::string required_id(std::string_view name);
  std::optional<std::string> optional_id(std::string_view name);
  bool required_bool(std::string_view name);
  std::optional<bool> optional_bool(std::string_view name);
  /// A whole number written without fraction or exponent.
  std::int64_t required_integer(std::string_view name, std::int64_t low, std::int64_t high);
  std::optional<std::int64_t> optional_integer(std::string_view name, std::int64_t low, std::int64_t high);
  /// A JSON string or number by the grammar of parse_amount.
  Money required_amount(std::string_view name, Currency currency);
  std::optional<Money> optional_amount(std::string_view name, Currency currency);
  Quantity required_quantity(std::string_view name);
  /// Empty span when absent or wrong.
  std::span<const Value> required_array(std::string_view name, std::size_t items_max);
  /// nullptr when absent, null, or wrong.
  const Value* required_object(std::string_view name);

  /// Notes a fault of the caller's own: `fields.fault("redeemPoints", "must be absent when applyRewards is
  /// false")`.
  void fault(std::string_view name, std::string message);
  /// How many there are so far, nested readers' included.
  std::size_t fault_count() const { return faults_.size(); }
  /// Of an object inside this one; their faults are gathered together.
  Fields nested(const Value& value, std::string path) { return {value, faults_, std::move(path)}; }
  std::string path_of(std::string_view name) const;

 private:
  const Value* present(std::string_view name) const;
  const Value* required(std::string_view name);

  const Value& value_;
  std::vector<FieldFault>& faults_;
  std::string path_;
};

/// validation_failed with all of `faults`, which must not be empty.
Error validation_error(std::vector<FieldFault> faults);

/// Of a body whose reader asks for no more: nobody else is served while it is read, 1 ms of the 10 that
/// limits::json_request_values_max would take.
inline constexpr std::size_t body_values_max = 10'000;
static_assert(body_values_max >= 20 * limits::basket_items_max,
              "a basket's items and all that is told of them");
static_assert(body_values_max <= limits::json_request_values_max);

/// What `read(Fields&, const Value& root)` makes of a request's body. Errors: malformed_json (also more than
/// `values_max` values), validation_failed with every fault that reading found.
template <class Read>
auto read_body(std::string_view body, Read read, std::size_t values_max = body_values_max)
    -> Result<std::invoke_result_t<Read, Fields&, const Value&>> {
  auto document = parse(body, values_max);
  if (!document) return failure(document);
  std::vector<FieldFault> faults;
  Fields fields(document->root(), faults);
  auto value = read(fields, document->root());
  if (!faults.empty()) return fail(validation_error(std::move(faults)));
  return value;
}

}  // namespace perkline::json
