#include "shared/sync/event.hpp"

#include <sync.pb.h>

#include "shared/core/limits.hpp"
#include "shared/sync/wire.hpp"

namespace perkline::sync {
namespace {

/// Of every type known so far. One that gets ahead of it is to have a number of its own.
constexpr std::uint32_t schema_newest = 1;

std::unexpected<Error> malformed(std::string what) {
  return fail(Errc::malformed_answer, "event: " + std::move(what));
}

WallTime wall_time(std::int64_t millis) {
  return WallTime{Millis{millis}};
}

void write(const SaleFinalized& sale, v1::Event& out) {
  v1::SaleFinalized& wire = *out.mutable_sale_finalized();
  wire.set_session(sale.session.str());
  wire.set_transaction(sale.transaction.str());
  wire.set_customer(sale.customer.str());
  wire.set_channel(sale.channel.str());
  wire.set_currency(std::string(sale.amount.currency.code()));
  wire.set_amount_minor(sale.amount.minor);
  wire.set_earned(sale.earned.count);
  wire.set_redeemed(sale.redeemed.count);
  wire.set_new_balance(sale.new_balance.count);
  wire.set_tier(sale.tier);
  wire.set_receipt(sale.receipt.str());
  wire.set_rules_version(sale.rules_version);
  wire.set_finalized_at_ms(sale.finalized_at.time_since_epoch().count());
}

/// The envelope alone: what it held is not known here.
void write(const UnknownEvent&, v1::Event&) {}

bool is_points(std::int64_t count) {
  return count >= 0 && Points{count} <= points_max;
}

/// Twelve digits before the point, as at the tills.
bool is_amount(std::int64_t minor, const Currency& currency) {
  std::int64_t bound = 1'000'000'000'000;
  for (int digit = 0; digit < currency.exponent(); ++digit) bound *= 10;
  return minor >= 0 && minor < bound;
}

Result<EventPayload> read(const v1::SaleFinalized& wire) {
  if (!is_session_id(wire.session())) return malformed("session");
  if (!wire::is_name(wire.transaction())) return malformed("transaction");
  if (!wire::is_name(wire.customer())) return malformed("customer");
  if (!wire::is_name(wire.channel())) return malformed("channel");
  const auto currency = find_currency(wire.currency());
  if (!currency) return malformed("currency");
  if (!is_amount(wire.amount_minor(), *currency)) return malformed("amount");
  if (!is_points(wire.earned()) || !is_points(wire.redeemed()) || !is_points(wire.new_balance()))
    return malformed("points");
  if (wire.tier().size() > limits::id_bytes_max || wire.rules_version().size() > limits::id_bytes_max)
    return malformed("tier or rules version");
  if (!wire::is_name(wire.receipt())) return malformed("receipt");
  if (!wire::is_time(wire.finalized_at_ms())) return malformed("finalized_at");
  return SaleFinalized{.session = SessionId(wire.session()),
                       .transaction = TransactionId(wire.transaction()),
                       .customer = CustomerId(wire.customer()),
                       .channel = ChannelId(wire.channel()),
                       .amount = Money{wire.amount_minor(), *currency},
                       .earned = Points{wire.earned()},
                       .redeemed = Points{wire.redeemed()},
                       .new_balance = Points{wire.new_balance()},
                       .tier = wire.tier(),
                       .receipt = ReceiptId(wire.receipt()),
                       .rules_version = wire.rules_version(),
                       .finalized_at = wall_time(wire.finalized_at_ms())};
}

std::uint32_t type_number(const EventPayload& payload) {
  if (const auto* unknown = std::get_if<UnknownEvent>(&payload)) return unknown->type;
  return v1::Event::kSaleFinalized;
}

Result<EventPayload> read_payload(const v1::Event& wire) {
  // To be read by a newer version only: kept for its turn, as a type of its own would be.
  if (wire.type() != 0 && wire.schema_version() > schema_newest) return UnknownEvent{wire.type()};
  switch (wire.payload_case()) {
    case v1::Event::kSaleFinalized:
      if (wire.type() != v1::Event::kSaleFinalized) return malformed("type and payload differ");
      return read(wire.sale_finalized());
    case v1::Event::PAYLOAD_NOT_SET:
      break;
  }
  if (wire.type() == v1::Event::kSaleFinalized || wire.type() == 0) return malformed("no payload");
  return UnknownEvent{wire.type()};
}

}  // namespace

std::string_view type_name(const EventPayload& payload) {
  return std::holds_alternative<SaleFinalized>(payload) ? "SaleFinalized" : "Unknown";
}

std::string encode(const Event& event) {
  v1::Event wire;
  wire.set_store(event.store.str());
  wire.set_epoch(event.epoch);
  wire.set_sequence(event.sequence);
  wire.set_id(wire::bytes_of(event.id));
  wire.set_time_ms(event.time.time_since_epoch().count());
  wire.set_traceparent(event.traceparent);
  wire.set_schema_version(event.schema_version);
  wire.set_type(type_number(event.payload));
  std::visit([&](const auto& payload) { write(payload, wire); }, event.payload);
  return wire.SerializeAsString();
}

Result<Event> decode_event(std::string_view bytes) {
  v1::Event wire;
  if (bytes.size() > limits::sync_batch_bytes_max ||
      !wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return malformed("not an event");
  }
  if (!wire::is_name(wire.store())) return malformed("store");
  if (!wire::is_ordinal(wire.epoch()) || !wire::is_ordinal(wire.sequence()))
    return malformed("epoch or sequence");
  if (!wire::is_time(wire.time_ms())) return malformed("time");
  if (wire.schema_version() == 0) return malformed("schema version");
  if (wire.traceparent().size() > limits::id_bytes_max) return malformed("traceparent");
  Event event{.store = StoreId(wire.store()),
              .epoch = wire.epoch(),
              .sequence = wire.sequence(),
              .id = {},
              .time = wall_time(wire.time_ms()),
              .traceparent = wire.traceparent(),
              .schema_version = wire.schema_version(),
              .payload = UnknownEvent{}};
  if (!wire::read_fixed(wire.id(), event.id.bytes)) return malformed("id");
  auto payload = read_payload(wire);
  if (!payload) return failure(payload);
  event.payload = std::move(*payload);
  return event;
}

}  // namespace perkline::sync
