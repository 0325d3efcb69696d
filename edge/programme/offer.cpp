#include "edge/programme/offer.hpp"

#include <algorithm>
#include <limits>

#include "shared/json/fields.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::edge::programme {
namespace {

using json::Fields;
using json::Value;

constexpr std::size_t name_bytes_max = 4 * limits::kib;
constexpr std::int64_t integer_max = std::numeric_limits<std::int64_t>::max();

std::chrono::sys_days required_day(Fields& fields, std::string_view name) {
  const std::size_t faults = fields.fault_count();
  const auto day = parse_day(fields.required_text(name));
  if (!day && fields.fault_count() == faults) fields.fault(name, "is no day");
  return day.value_or(std::chrono::sys_days{});
}

/// As many bytes as `out` has, in hex.
template <class Bytes>
void required_bytes(Fields& fields, std::string_view name, Bytes& out) {
  const std::size_t faults = fields.fault_count();
  const auto bytes = from_hex(fields.required_text(name));
  if (fields.fault_count() != faults) return;
  if (!bytes || bytes->size() != out.size()) return fields.fault(name, "is not as many hex digits");
  std::ranges::copy(*bytes, out.begin());
}

Result<Prize> prize_in(const std::string& id, std::string_view body) {
  return json::read_body(body, [&id, body](Fields& fields, const Value&) {
    const bool printable = std::ranges::all_of(id, [](char c) { return c > ' ' && c <= '~'; });
    if (id.empty() || !printable) fields.fault("id", "is none");
    return Prize{.id = id,
                 .name = fields.required_text("name", {.bytes_max = name_bytes_max}),
                 .type = fields.required_id("type"),
                 .tickets = fields.required_integer("tickets", 0, loyalty::tickets_max),
                 .points = fields.optional_integer("points", 0, integer_max),
                 .one_time = fields.required_bool("oneTime"),
                 .stocked = fields.required_bool("stocked"),
                 .terms = sync::sha256(body)};
  });
}

Money required_money(Fields& fields) {
  const std::size_t faults = fields.fault_count();
  const auto currency = find_currency(fields.required_text("currency"));
  if (!currency && fields.fault_count() == faults) fields.fault("currency", "is none");
  // A wrong currency is a fault already; the amount's own is to be told too.
  return fields.required_amount("amount", currency.value_or(*find_currency("USD")));
}

Result<Promotion> promotion_in(const std::string& id, std::string_view body) {
  return json::read_body(body, [&id, body](Fields& fields, const Value&) {
    const auto uuid = parse_uuid(id);
    if (!uuid) fields.fault("id", "is no UUID");
    return Promotion{
        .id = uuid.value_or(Uuid{}),
        .title = fields.required_text("title", {.bytes_max = name_bytes_max}),
        .description =
            fields.optional_text("description", {.bytes_min = 0, .bytes_max = name_bytes_max}).value_or(""),
        .type = fields.required_id("type"),
        .amount = required_money(fields),
        .term = {.is_active = true,
                 .first = required_day(fields, "startDate"),
                 .last = required_day(fields, "endDate")},
        .terms = sync::sha256(body)};
  });
}

Result<Seed> seed_in(const std::string& id, std::string_view body) {
  return json::read_body(body, [&id](Fields& fields, const Value&) {
    Seed seed;
    const auto day = parse_day(id);
    if (!day) fields.fault("id", "is no day");
    seed.day = day.value_or(std::chrono::sys_days{});
    required_bytes(fields, "commitment", seed.commitment);
    required_bytes(fields, "seed", seed.secret.bytes);
    required_bytes(fields, "memberKey", seed.member_key);
    if (loyalty::commitment_of(seed.secret) != seed.commitment)
      fields.fault("commitment", "is another seed's");
    return seed;
  });
}

Result<Lease> lease_in(const std::string& id, std::string_view body) {
  return json::read_body(body, [&id](Fields& fields, const Value&) {
    Lease lease{.id = id,
                .prize = fields.required_id("prize"),
                .units = static_cast<std::uint32_t>(
                    fields.required_integer("units", 1, std::numeric_limits<std::int32_t>::max())),
                .holder = {},
                .return_after = {}};
    required_bytes(fields, "holder", lease.holder.bytes);
    const std::size_t faults = fields.fault_count();
    const auto time = parse_time(fields.required_text("returnAfter"));
    if (!time && fields.fault_count() == faults) fields.fault("returnAfter", "is no time");
    lease.return_after = time.value_or(WallTime{});
    return lease;
  });
}

/// The item under `key`, if it can be read.
template <class Key, class Item>
void add(Offer& offer, std::map<Key, Item>& items, const sync::ItemName& name, Result<Item> item, Key key) {
  if (item) {
    items.insert_or_assign(std::move(key), std::move(*item));
    return;
  }
  const Error& error = item.error();
  const bool is_json = !error.faults.empty();
  offer.unusable.push_back({.kind = name.kind,
                            .id = name.id,
                            .key = is_json ? error.faults.front().field : "",
                            .reason = is_json ? error.faults.front().message : error.detail});
}

}  // namespace

Offer offer_in(const sync::Catalogue& catalogue) {
  Offer offer;
  for (const auto& [name, body] : catalogue) {
    const auto is = [&kind = name.kind](sync::ItemKind wanted) {
      return kind == static_cast<std::uint32_t>(wanted);
    };
    if (is(sync::ItemKind::prize)) add(offer, offer.prizes, name, prize_in(name.id, body), name.id);
    if (is(sync::ItemKind::promotion))
      add(offer, offer.promotions, name, promotion_in(name.id, body), parse_uuid(name.id).value_or(Uuid{}));
    if (is(sync::ItemKind::wheel_seed))
      add(offer, offer.seeds, name, seed_in(name.id, body),
          parse_day(name.id).value_or(std::chrono::sys_days{}));
    if (is(sync::ItemKind::prize_lease)) add(offer, offer.leases, name, lease_in(name.id, body), name.id);
  }
  return offer;
}

}  // namespace perkline::edge::programme
