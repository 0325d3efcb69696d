#include "hub/wheel/told_prize.hpp"

#include <limits>
#include <utility>

#include "hub/downlink/past_items.hpp"
#include "hub/wheel/down.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::wheel {
namespace {

/// The reverse of body_of(), with what it does not say as it is now.
Result<ToldPrize> told_in(const Prize& now, std::string_view body) {
  auto told = json::read_body(body, [&now](json::Fields& fields, const json::Value&) {
    constexpr std::int64_t any = std::numeric_limits<std::int64_t>::max();
    ToldPrize was{.prize = now};
    was.prize.name = fields.required_text("name", {.bytes_max = prize_name_bytes_max});
    const auto type = find_prize_type(fields.required_id("type"));
    if (!type) fields.fault("type", "is none");
    was.prize.type = type.value_or(PrizeType::none);
    was.prize.tickets = fields.required_integer("tickets", 0, loyalty::tickets_max);
    was.prize.points = fields.optional_integer("points", 0, any);
    was.prize.one_time = fields.required_bool("oneTime");
    was.stocked = fields.required_bool("stocked");
    return was;
  });
  if (!told) return fail(Errc::corrupt, "what prize " + now.id + " once said cannot be read");
  return told;
}

}  // namespace

Result<ToldPrize> prize_as_told(db::Transaction& transaction, const Prize& now,
                                const std::optional<Digest>& terms) {
  if (!terms || downlink::terms_of(body_of(now)) == *terms)
    return ToldPrize{.prize = now, .stocked = now.stock.has_value()};
  const auto body = downlink::find_past(transaction, sync::name_of(sync::ItemKind::prize, now.id), *terms);
  if (!body) return std::unexpected(body.error());
  if (!*body)
    return fail(
        Errc::validation_failed,
        "the prize was never what the store has told, as far as the hub knows: if it was restored, make"
        " the prize what it was and retry");
  return told_in(now, **body);
}

Result<bool> had_tickets(db::Transaction& transaction, const Prize& now, std::int64_t tickets) {
  if (now.tickets == tickets) return true;
  const auto bodies = downlink::list_past(transaction, sync::name_of(sync::ItemKind::prize, now.id));
  if (!bodies) return std::unexpected(bodies.error());
  for (const std::string& body : *bodies) {
    const auto was = told_in(now, body);
    if (!was) return std::unexpected(was.error());
    if (was->prize.tickets == tickets) return true;
  }
  return false;
}

}  // namespace perkline::hub::wheel
