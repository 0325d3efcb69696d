#include "pdi_client/answers.hpp"

#include <charconv>
#include <cmath>

#include "shared/core/limits.hpp"
#include "shared/json/fields.hpp"
#include "shared/json/value.hpp"

namespace perkline::pdi {
namespace {

constexpr std::size_t breakdown_parts_max = 16;

/// Reads a body with Fields; nullopt when anything in it was wrong.
template <class T, class Read>
std::optional<T> read(std::string_view body, Read read_fields) {
  auto value = json::read_body(body, std::move(read_fields));
  if (!value) return std::nullopt;
  return std::move(*value);
}

Points required_points(json::Fields& fields, std::string_view name) {
  return Points{fields.required_integer(name, 0, points_max.count)};
}

double required_multiplier(json::Fields& fields, const json::Value& root) {
  constexpr double multiplier_max = 1'000'000;
  const json::Value* value = root.find("multiplier");
  double number = -1;
  if (value != nullptr && value->is(json::Value::Kind::number)) {
    std::from_chars(value->text().data(), value->text().data() + value->text().size(), number);
  }
  if (!std::isfinite(number) || number < 0 || number > multiplier_max)
    fields.fault("multiplier", "must be a number");
  return number;
}

/// `redeemed_required`: false where nothing was to be redeemed, so that PDI may leave it out.
Finalized finalized_of(json::Fields& fields, bool redeemed_required) {
  const auto redeemed = fields.optional_integer("redeemedPoints", 0, points_max.count);
  if (!redeemed && redeemed_required) fields.fault("redeemedPoints", "is required");
  return {.earned = required_points(fields, "earnedPoints"),
          .redeemed = Points{redeemed.value_or(0)},
          .new_balance = required_points(fields, "newBalance"),
          .receipt = ReceiptId(fields.required_id("receiptId"))};
}

/// An answer that need not name its session, but must not name another.
void check_session(json::Fields& fields, const json::Value& root, const ProviderSessionId& session) {
  const json::Value* told = root.find("sessionId");
  if (told != nullptr && (!told->is(json::Value::Kind::string) || told->text() != session.str()))
    fields.fault("sessionId", "is another session's");
}

std::string bounded(const json::Value* value) {
  if (value == nullptr || !value->is(json::Value::Kind::string)) return {};
  std::string text(value->text().substr(0, limits::text_bytes_max));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

}  // namespace

std::optional<Identified> read_identified(std::string_view body) {
  return read<Identified>(body, [](json::Fields& fields, const json::Value&) {
    return Identified{
        .session = ProviderSessionId(fields.required_id("sessionId")),
        .customer_name = fields.required_text("customerName", {.bytes_min = 0}),
        .current_points = required_points(fields, "currentPoints"),
        .tier = fields.required_text("tier", {.bytes_min = 1, .bytes_max = limits::id_bytes_max})};
  });
}

std::optional<Rewards> read_rewards(std::string_view body, const ProviderSessionId& session) {
  return read<Rewards>(body, [&](json::Fields& fields, const json::Value& root) {
    check_session(fields, root, session);
    Rewards rewards{.earned = required_points(fields, "earnedPoints"),
                    .multiplier = required_multiplier(fields, root),
                    .bonus = required_points(fields, "bonusPoints"),
                    .breakdown = {}};
    const json::Value* breakdown = fields.required_object("breakdown");
    if (breakdown == nullptr) return rewards;
    json::Fields parts = fields.nested(*breakdown, "breakdown");
    for (const json::Member& part : breakdown->members())
      rewards.breakdown.emplace_back(part.name, required_points(parts, part.name));
    if (rewards.breakdown.size() > breakdown_parts_max) fields.fault("breakdown", "has too many parts");
    return rewards;
  });
}

std::optional<Finalized> read_finalized(std::string_view body, const FinalizeCall& call) {
  return read<Finalized>(body, [&](json::Fields& fields, const json::Value&) {
    if (fields.required_id("sessionId") != call.session.str())
      fields.fault("sessionId", "is another session's");
    if (fields.required_text("status") != "finalized") fields.fault("status", "is not finalized");
    return finalized_of(fields, call.apply_rewards && call.redeem.value_or(Points{}).count > 0);
  });
}

std::optional<SessionStatus> read_status(std::string_view body, const ProviderSessionId& session) {
  return read<SessionStatus>(body, [&](json::Fields& fields, const json::Value&) {
    if (fields.required_id("sessionId") != session.str()) fields.fault("sessionId", "is another session's");
    SessionStatus status{.status = fields.required_text("status"), .finalized = std::nullopt};
    if (status.status == "finalized") {
      status.finalized = finalized_of(fields, true);
    } else if (status.status != "active" && status.status != "calculated") {
      fields.fault("status", "is unknown");
    }
    return status;
  });
}

ProviderFault read_refusal(std::string_view body) {
  const auto document = json::parse(body);
  if (!document) return {};
  return {.code = bounded(document->root().find("code")),
          .message = bounded(document->root().find("message"))};
}

std::optional<Outcome> outcome_of(int status) {
  if (status >= 200 && status < 300) return std::nullopt;
  switch (status) {
    case 400:
    case 404:
    case 409:
    case 422:
      return Outcome::rejected;
    case 401:
      return Outcome::unauthorized;
    case 403:
      return Outcome::forbidden;
    case 429:
      return Outcome::rate_limited;
    default:
      return Outcome::unavailable;
  }
}

}  // namespace perkline::pdi
