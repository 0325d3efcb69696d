#include "pdi_client/sandbox/faults.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "shared/json/fields.hpp"
#include "shared/json/value.hpp"

namespace perkline::pdi::sandbox {
namespace {

constexpr std::array<std::string_view, endpoint_count> endpoint_names{
    "identify", "calculateRewards", "finalize", "getSessionStatus", "token"};
constexpr std::array<std::string_view, 8> mode_names{
    "ok", "delay", "hang", "reset", "status", "malformed", "timeout_after_commit", "drip"};

template <std::size_t N>
std::optional<std::size_t> place_of(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

double probability_of(const json::Value& body, json::Fields& fields) {
  const json::Value* value = body.find("probability");
  if (value == nullptr) return 1;
  double probability = -1;
  if (value->is(json::Value::Kind::number)) {
    std::from_chars(value->text().data(), value->text().data() + value->text().size(), probability);
  }
  // NaN is neither.
  const bool in_range = probability >= 0 && probability <= 1;
  if (!in_range) fields.fault("probability", "must be a number from 0 to 1");
  return probability;
}

}  // namespace

std::string_view name_of(Endpoint endpoint) {
  return endpoint_names[static_cast<std::size_t>(endpoint)];
}

Result<void> Faults::change(std::string_view body) {
  struct Change {
    std::optional<std::size_t> endpoint;  ///< nullopt: all of them.
    Fault fault;
  };
  const auto change = json::read_body(body, [](json::Fields& fields, const json::Value& root) {
    const std::string endpoint = fields.required_text("endpoint");
    const std::string mode = fields.optional_text("mode").value_or("ok");
    const auto endpoint_place = place_of(endpoint_names, endpoint);
    const auto mode_place = place_of(mode_names, mode);
    if (!endpoint.empty() && endpoint != "*" && !endpoint_place) fields.fault("endpoint", "is no endpoint");
    if (!mode.empty() && !mode_place) fields.fault("mode", "is no mode");
    return Change{
        .endpoint = endpoint_place,
        .fault = {.mode = static_cast<FaultMode>(mode_place.value_or(0)),
                  .status = static_cast<int>(fields.optional_integer("status", 200, 599).value_or(503)),
                  .delay = Millis{fields.optional_integer("delayMs", 0, 3'600'000).value_or(0)},
                  .retry_after = fields.optional_text("retryAfter", {.bytes_min = 0}).value_or(""),
                  .probability = probability_of(root, fields),
                  .count = fields.optional_integer("count", 0, 1'000'000'000).value_or(0)}};
  });
  if (!change) return std::unexpected(change.error());
  if (change->endpoint) {
    faults_[*change->endpoint] = change->fault;
  } else {
    faults_.fill(change->fault);
  }
  return {};
}

Fault Faults::draw(Endpoint endpoint, Rng& rng) {
  Fault& fault = faults_[static_cast<std::size_t>(endpoint)];
  if (fault.mode == FaultMode::ok || rng.unit() >= fault.probability) return {};
  const Fault drawn = fault;
  if (fault.count > 0) {
    --fault.count;
    if (fault.count == 0) fault = {};
  }
  return drawn;
}

}  // namespace perkline::pdi::sandbox
