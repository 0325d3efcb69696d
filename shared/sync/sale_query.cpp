#include "shared/sync/sale_query.hpp"

#include <sync.pb.h>

#include "shared/core/limits.hpp"
#include "shared/sync/wire.hpp"

namespace perkline::sync {
namespace {

std::unexpected<Error> malformed(const char* what) {
  return fail(Errc::malformed_answer, std::string("frame: ") + what);
}

bool are_points(std::int64_t count) {
  return count >= 0 && Points{count} <= points_max;
}

void write_known(const KnownSale& sale, v1::KnownSale& out) {
  out.set_session(sale.session.str());
  out.set_state(static_cast<std::uint32_t>(sale.state));
  if (sale.amount) {
    out.set_currency(std::string(sale.amount->currency.code()));
    out.set_amount_minor(sale.amount->minor);
  }
  out.set_earned(sale.earned.count);
  out.set_redeemed(sale.redeemed.count);
  out.set_new_balance(sale.new_balance.value_or(Points{}).count);
  out.set_tier(sale.tier);
  out.set_receipt(sale.receipt.str());
  out.set_at_ms(sale.at.time_since_epoch().count());
  out.set_pdi_code(sale.pdi_code);
  out.set_reason(sale.reason);
}

bool has_sound_texts(const v1::KnownSale& wire) {
  return wire::is_name(wire.session()) && wire.tier().size() <= limits::id_bytes_max &&
         wire.receipt().size() <= limits::id_bytes_max && wire.pdi_code().size() <= limits::text_bytes_max &&
         wire.reason().size() <= limits::text_bytes_max;
}

Result<KnownSale> read_known(const v1::KnownSale& wire) {
  const bool state_known = wire.state() >= static_cast<std::uint32_t>(SaleState::pending) &&
                           wire.state() <= static_cast<std::uint32_t>(SaleState::voided);
  if (!state_known || !has_sound_texts(wire) || !wire::is_time(wire.at_ms()) || !are_points(wire.earned()) ||
      !are_points(wire.redeemed()) || !are_points(wire.new_balance())) {
    return malformed("known sale");
  }
  KnownSale sale{.session = SessionId(wire.session()),
                 .state = static_cast<SaleState>(wire.state()),
                 .earned = Points{wire.earned()},
                 .redeemed = Points{wire.redeemed()},
                 .tier = wire.tier(),
                 .receipt = ReceiptId(wire.receipt()),
                 .at = WallTime{Millis{wire.at_ms()}},
                 .pdi_code = wire.pdi_code(),
                 .reason = wire.reason()};
  if (sale.state == SaleState::finalized) sale.new_balance = Points{wire.new_balance()};
  if (sale.state == SaleState::voided) return sale;
  const auto currency = find_currency(wire.currency());
  if (!currency || wire.amount_minor() < 0) return malformed("known sale's amount");
  sale.amount = Money{wire.amount_minor(), *currency};
  return sale;
}

}  // namespace

void write_sale_query(const SaleQuery& query, v1::SaleQuery& out) {
  for (const SessionId& session : query.sessions) out.add_session(session.str());
}

void write_sale_answer(const SaleAnswer& answer, v1::SaleAnswer& out) {
  for (const KnownSale& sale : answer.known) write_known(sale, *out.add_known());
  for (const SessionId& session : answer.unknown) out.add_unknown(session.str());
}

Result<Frame> read_sale_query(const v1::SaleQuery& wire) {
  if (wire.session_size() == 0 ||
      static_cast<std::size_t>(wire.session_size()) > limits::sync_query_sessions_max) {
    return malformed("sale query");
  }
  SaleQuery query;
  for (const std::string& session : wire.session()) {
    if (!wire::is_name(session)) return malformed("sale query's session");
    query.sessions.emplace_back(session);
  }
  return query;
}

Result<Frame> read_sale_answer(const v1::SaleAnswer& wire) {
  SaleAnswer answer;
  for (const v1::KnownSale& each : wire.known()) {
    auto sale = read_known(each);
    if (!sale) return failure(sale);
    answer.known.push_back(std::move(*sale));
  }
  for (const std::string& session : wire.unknown()) {
    if (!wire::is_name(session)) return malformed("sale answer's session");
    answer.unknown.emplace_back(session);
  }
  if (answer.known.size() + answer.unknown.size() > limits::sync_query_sessions_max)
    return malformed("sale answer");
  return answer;
}

}  // namespace perkline::sync
