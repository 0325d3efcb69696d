#include "shared/sync/event_payload.hpp"

#include <sync.pb.h>

#include "shared/core/limits.hpp"
#include "shared/core/stamp.hpp"
#include "shared/sync/programme_payload.hpp"
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
// What several messages have in common has the same name in each.

template <class Wire, class Payload>
void write_names(const Payload& payload, Wire& wire) {
  wire.set_session(payload.session.str());
  wire.set_transaction(payload.transaction.str());
  wire.set_customer(payload.customer.str());
}
template <class Wire>
void write_amount(const Money& amount, Wire& wire) {
  wire.set_currency(std::string(amount.currency.code()));
  wire.set_amount_minor(amount.minor);
}

void write_sale(const SaleFinalized& sale, v1::SaleFinalized& wire) {
  write_names(sale, wire);
  wire.set_channel(sale.channel.str());
  write_amount(sale.amount, wire);
  wire.set_earned(sale.earned.count);
  wire.set_redeemed(sale.redeemed.count);
  wire.set_new_balance(sale.new_balance.count);
  wire.set_tier(sale.tier);
  wire.set_receipt(sale.receipt.str());
  wire.set_rules_version(sale.rules_version);
  wire.set_finalized_at_ms(stamp(sale.finalized_at));
}

std::uint32_t write(const SaleFinalized& sale, v1::Event& out) {
  write_sale(sale, *out.mutable_sale_finalized());
  return v1::Event::kSaleFinalized;
}

std::uint32_t write(const SalePending& sale, v1::Event& out) {
  v1::SalePending& wire = *out.mutable_sale_pending();
  write_names(sale, wire);
  wire.set_channel(sale.channel.str());
  write_amount(sale.amount, wire);
  wire.set_earned(sale.earned.count);
  wire.set_redeemed(sale.redeemed.count);
  wire.set_tier(sale.tier);
  wire.set_receipt(sale.receipt.str());
  wire.set_rules_version(sale.rules_version);
  wire.set_pending_at_ms(stamp(sale.pending_at));
  return v1::Event::kSalePending;
}

std::uint32_t write(const SaleSettled& settled, v1::Event& out) {
  write_sale(settled.sale, *out.mutable_sale_settled());
  return v1::Event::kSaleSettled;
}

std::uint32_t write(const SaleRejected& rejected, v1::Event& out) {
  v1::SaleRejected& wire = *out.mutable_sale_rejected();
  write_names(rejected, wire);
  wire.set_pdi_code(rejected.pdi_code);
  wire.set_reason(rejected.reason);
  wire.set_rejected_at_ms(stamp(rejected.rejected_at));
  return v1::Event::kSaleRejected;
}

std::uint32_t write(const SaleReturned& returned, v1::Event& out) {
  v1::SaleReturned& wire = *out.mutable_sale_returned();
  write_names(returned, wire);
  wire.set_return_id(returned.id.str());
  wire.set_original_transaction(returned.original_transaction.str());
  wire.set_original_store(returned.original_store.str());
  write_amount(returned.amount, wire);
  if (returned.figures) {
    wire.set_clawed_back(returned.figures->clawed_back.count);
    wire.set_restored(returned.figures->restored.count);
  }
  wire.set_returned_at_ms(stamp(returned.returned_at));
  return v1::Event::kSaleReturned;
}

std::uint32_t write(const SessionVoided& voided, v1::Event& out) {
  v1::SessionVoided& wire = *out.mutable_session_voided();
  write_names(voided, wire);
  wire.set_channel(voided.channel.str());
  wire.set_reason(voided.reason);
  wire.set_voided_at_ms(stamp(voided.voided_at));
  return v1::Event::kSessionVoided;
}

std::uint32_t write(const ReconcileDifference& difference, v1::Event& out) {
  v1::ReconcileDifference& wire = *out.mutable_reconcile_difference();
  write_names(difference, wire);
  wire.set_ours(difference.ours);
  wire.set_pdi(difference.pdi);
  wire.set_found_at_ms(stamp(difference.found_at));
  return v1::Event::kReconcileDifference;
}

std::uint32_t write(const MemberErased& erased, v1::Event& out) {
  v1::MemberErased& wire = *out.mutable_member_erased();
  wire.set_erasure(wire::bytes_of(erased.erasure));
  wire.set_erased_at_ms(stamp(erased.erased_at));
  return v1::Event::kMemberErased;
}

std::uint32_t write(const SpinDrawn& drawn, v1::Event& out) {
  write_programme(drawn, *out.mutable_spin_drawn());
  return v1::Event::kSpinDrawn;
}
std::uint32_t write(const PromotionClaimed& claimed, v1::Event& out) {
  write_programme(claimed, *out.mutable_promotion_claimed());
  return v1::Event::kPromotionClaimed;
}
std::uint32_t write(const LeaseReturned& returned, v1::Event& out) {
  write_programme(returned, *out.mutable_lease_returned());
  return v1::Event::kLeaseReturned;
}
std::uint32_t write(const SpinDropped& dropped, v1::Event& out) {
  write_programme(dropped, *out.mutable_spin_dropped());
  return v1::Event::kSpinDropped;
}

/// The envelope alone: what it held is not known here.
std::uint32_t write(const UnknownEvent& unknown, v1::Event&) {
  return unknown.type;
}

bool is_points(std::int64_t count) {
  return count >= 0 && Points{count} <= points_max;
}

bool is_short(const std::string& text) {
  return text.size() <= limits::id_bytes_max;
}

bool is_text(const std::string& text) {
  return !text.empty() && text.size() <= limits::text_bytes_max;
}

/// Twelve digits before the point, as at the tills.
bool is_amount(std::int64_t minor, const Currency& currency) {
  std::int64_t bound = 1'000'000'000'000;
  for (int digit = 0; digit < currency.exponent(); ++digit) bound *= 10;
  return minor >= 0 && minor < bound;
}

template <class Wire>
Result<Money> read_amount(const Wire& wire) {
  const auto currency = find_currency(wire.currency());
  if (!currency) return malformed("currency");
  if (!is_amount(wire.amount_minor(), *currency)) return malformed("amount");
  return Money{wire.amount_minor(), *currency};
}

struct Names {
  SessionId session;
  TransactionId transaction;
  CustomerId customer;
};
template <class Wire>
Result<Names> read_names(const Wire& wire) {
  if (!is_session_id(wire.session())) return malformed("session");
  if (!wire::is_name(wire.transaction())) return malformed("transaction");
  if (!wire::is_name(wire.customer())) return malformed("customer");
  return Names{SessionId(wire.session()), TransactionId(wire.transaction()), CustomerId(wire.customer())};
}

/// Errors: what is wrong in that which a booked sale and a pending one have in common, but for names and
/// amount.
template <class Wire>
Result<void> check_sale(const Wire& wire) {
  if (!wire::is_name(wire.channel())) return malformed("channel");
  if (!is_points(wire.earned()) || !is_points(wire.redeemed())) return malformed("points");
  if (!is_short(wire.tier()) || !is_short(wire.rules_version())) return malformed("tier or rules version");
  if (!wire::is_name(wire.receipt())) return malformed("receipt");
  return {};
}

Result<SaleFinalized> read(const v1::SaleFinalized& wire) {
  auto names = read_names(wire);
  if (!names) return failure(names);
  auto amount = read_amount(wire);
  if (!amount) return failure(amount);
  if (auto checked = check_sale(wire); !checked) return failure(checked);
  if (!is_points(wire.new_balance())) return malformed("points");
  if (!wire::is_time(wire.finalized_at_ms())) return malformed("finalized_at");
  return SaleFinalized{.session = std::move(names->session),
                       .transaction = std::move(names->transaction),
                       .customer = std::move(names->customer),
                       .channel = ChannelId(wire.channel()),
                       .amount = *amount,
                       .earned = Points{wire.earned()},
                       .redeemed = Points{wire.redeemed()},
                       .new_balance = Points{wire.new_balance()},
                       .tier = wire.tier(),
                       .receipt = ReceiptId(wire.receipt()),
                       .rules_version = wire.rules_version(),
                       .finalized_at = wall_time(wire.finalized_at_ms())};
}

Result<SalePending> read(const v1::SalePending& wire) {
  auto names = read_names(wire);
  if (!names) return failure(names);
  auto amount = read_amount(wire);
  if (!amount) return failure(amount);
  if (auto checked = check_sale(wire); !checked) return failure(checked);
  if (!wire::is_time(wire.pending_at_ms())) return malformed("pending_at");
  return SalePending{.session = std::move(names->session),
                     .transaction = std::move(names->transaction),
                     .customer = std::move(names->customer),
                     .channel = ChannelId(wire.channel()),
                     .amount = *amount,
                     .earned = Points{wire.earned()},
                     .redeemed = Points{wire.redeemed()},
                     .tier = wire.tier(),
                     .receipt = ReceiptId(wire.receipt()),
                     .rules_version = wire.rules_version(),
                     .pending_at = wall_time(wire.pending_at_ms())};
}

Result<SaleRejected> read(const v1::SaleRejected& wire) {
  auto names = read_names(wire);
  if (!names) return failure(names);
  if (wire.pdi_code().size() > limits::text_bytes_max || !is_text(wire.reason())) return malformed("reason");
  if (!wire::is_time(wire.rejected_at_ms())) return malformed("rejected_at");
  return SaleRejected{.session = std::move(names->session),
                      .transaction = std::move(names->transaction),
                      .customer = std::move(names->customer),
                      .pdi_code = wire.pdi_code(),
                      .reason = wire.reason(),
                      .rejected_at = wall_time(wire.rejected_at_ms())};
}

Result<SaleReturned> read(const v1::SaleReturned& wire) {
  if (!is_return_id(wire.return_id())) return malformed("return");
  if (!wire::is_name(wire.transaction()) || !wire::is_name(wire.original_transaction()))
    return malformed("transaction");
  if (!wire::is_name(wire.original_store())) return malformed("store");
  if (!wire.session().empty() && !is_session_id(wire.session())) return malformed("session");
  if (!is_short(wire.customer()) || wire.customer().empty() != wire.session().empty())
    return malformed("customer");
  auto amount = read_amount(wire);
  if (!amount) return failure(amount);
  if (wire.has_clawed_back() != wire.has_restored() || !is_points(wire.clawed_back()) ||
      !is_points(wire.restored()) || (wire.has_clawed_back() && wire.session().empty())) {
    return malformed("points");
  }
  if (!wire::is_time(wire.returned_at_ms())) return malformed("returned_at");
  SaleReturned returned{.id = ReturnId(wire.return_id()),
                        .transaction = TransactionId(wire.transaction()),
                        .original_transaction = TransactionId(wire.original_transaction()),
                        .original_store = StoreId(wire.original_store()),
                        .session = SessionId(wire.session()),
                        .customer = CustomerId(wire.customer()),
                        .amount = *amount,
                        .figures = std::nullopt,
                        .returned_at = wall_time(wire.returned_at_ms())};
  if (wire.has_clawed_back()) returned.figures = {Points{wire.clawed_back()}, Points{wire.restored()}};
  return returned;
}

Result<SessionVoided> read(const v1::SessionVoided& wire) {
  auto names = read_names(wire);
  if (!names) return failure(names);
  if (!wire::is_name(wire.channel())) return malformed("channel");
  if (!is_text(wire.reason())) return malformed("reason");
  if (!wire::is_time(wire.voided_at_ms())) return malformed("voided_at");
  return SessionVoided{.session = std::move(names->session),
                       .transaction = std::move(names->transaction),
                       .customer = std::move(names->customer),
                       .channel = ChannelId(wire.channel()),
                       .reason = wire.reason(),
                       .voided_at = wall_time(wire.voided_at_ms())};
}

Result<ReconcileDifference> read(const v1::ReconcileDifference& wire) {
  auto names = read_names(wire);
  if (!names) return failure(names);
  if (!wire::is_name(wire.ours()) || !wire::is_name(wire.pdi())) return malformed("status");
  if (!wire::is_time(wire.found_at_ms())) return malformed("found_at");
  return ReconcileDifference{.session = std::move(names->session),
                             .transaction = std::move(names->transaction),
                             .customer = std::move(names->customer),
                             .ours = wire.ours(),
                             .pdi = wire.pdi(),
                             .found_at = wall_time(wire.found_at_ms())};
}

Result<MemberErased> read(const v1::MemberErased& wire) {
  MemberErased erased{.erasure = {}, .erased_at = wall_time(wire.erased_at_ms())};
  if (!wire::read_fixed(wire.erasure(), erased.erasure.bytes)) return malformed("erasure");
  if (!wire::is_time(wire.erased_at_ms())) return malformed("erased_at");
  return erased;
}

template <class Payload>
Result<EventPayload> as_payload(Result<Payload> read) {
  if (!read) return failure(read);
  return EventPayload(std::move(*read));
}

Result<EventPayload> read_known(const v1::Event& wire) {
  switch (wire.payload_case()) {
    case v1::Event::kSaleFinalized:
      return as_payload(read(wire.sale_finalized()));
    case v1::Event::kSalePending:
      return as_payload(read(wire.sale_pending()));
    case v1::Event::kSaleSettled: {
      auto sale = read(wire.sale_settled());
      if (!sale) return failure(sale);
      return EventPayload(SaleSettled{std::move(*sale)});
    }
    case v1::Event::kSaleRejected:
      return as_payload(read(wire.sale_rejected()));
    case v1::Event::kSaleReturned:
      return as_payload(read(wire.sale_returned()));
    case v1::Event::kSessionVoided:
      return as_payload(read(wire.session_voided()));
    case v1::Event::kReconcileDifference:
      return as_payload(read(wire.reconcile_difference()));
    case v1::Event::kMemberErased:
      return as_payload(read(wire.member_erased()));
    case v1::Event::kSpinDrawn:
      return as_payload(read_programme(wire.spin_drawn()));
    case v1::Event::kPromotionClaimed:
      return as_payload(read_programme(wire.promotion_claimed()));
    case v1::Event::kLeaseReturned:
      return as_payload(read_programme(wire.lease_returned()));
    case v1::Event::kSpinDropped:
      return as_payload(read_programme(wire.spin_dropped()));
    case v1::Event::PAYLOAD_NOT_SET:
      break;
  }
  return malformed("no payload");
}

bool is_known(std::uint32_t type) {
  switch (type) {
    case v1::Event::kSaleFinalized:
    case v1::Event::kSalePending:
    case v1::Event::kSaleSettled:
    case v1::Event::kSaleRejected:
    case v1::Event::kSaleReturned:
    case v1::Event::kSessionVoided:
    case v1::Event::kReconcileDifference:
    case v1::Event::kMemberErased:
    case v1::Event::kSpinDrawn:
    case v1::Event::kPromotionClaimed:
    case v1::Event::kLeaseReturned:
    case v1::Event::kSpinDropped:
      return true;
    default:
      return false;
  }
}

}  // namespace

void write_payload(const EventPayload& payload, v1::Event& out) {
  out.set_type(std::visit([&](const auto& known) { return write(known, out); }, payload));
}

Result<EventPayload> read_payload(const v1::Event& wire) {
  if (wire.type() == 0) return malformed("no type");
  // To be read by a newer version only: kept for its turn, as a type of its own would be.
  if (wire.schema_version() > schema_newest) return UnknownEvent{wire.type()};
  const auto present = static_cast<std::uint32_t>(wire.payload_case());
  if (present != 0 && present != wire.type()) return malformed("type and payload differ");
  if (present == 0 && !is_known(wire.type())) return UnknownEvent{wire.type()};
  return read_known(wire);
}

std::string_view type_name(const EventPayload& payload) {
  struct TypeNames {
    std::string_view operator()(const SaleFinalized&) const { return "SaleFinalized"; }
    std::string_view operator()(const SalePending&) const { return "SalePending"; }
    std::string_view operator()(const SaleSettled&) const { return "SaleSettled"; }
    std::string_view operator()(const SaleRejected&) const { return "SaleRejected"; }
    std::string_view operator()(const SaleReturned&) const { return "SaleReturned"; }
    std::string_view operator()(const SessionVoided&) const { return "SessionVoided"; }
    std::string_view operator()(const ReconcileDifference&) const { return "ReconcileDifference"; }
    std::string_view operator()(const MemberErased&) const { return "MemberErased"; }
    std::string_view operator()(const SpinDrawn&) const { return "SpinDrawn"; }
    std::string_view operator()(const PromotionClaimed&) const { return "PromotionClaimed"; }
    std::string_view operator()(const LeaseReturned&) const { return "LeaseReturned"; }
    std::string_view operator()(const SpinDropped&) const { return "SpinDropped"; }
    std::string_view operator()(const UnknownEvent&) const { return "Unknown"; }
  };
  return std::visit(TypeNames{}, payload);
}

}  // namespace perkline::sync
