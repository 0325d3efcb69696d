#include "shared/sync/ask_wire.hpp"

#include <sync.pb.h>

#include "shared/core/down_limits.hpp"
#include "shared/core/stamp.hpp"
#include "shared/sync/down_wire.hpp"
#include "shared/sync/wire.hpp"

namespace perkline::sync {
namespace {

std::unexpected<Error> malformed(const char* what) {
  return fail(Errc::malformed_answer, std::string("frame: ") + what);
}

WallTime wall_time(std::int64_t millis) {
  return WallTime{Millis{millis}};
}

void write_credit(const ClaimAnswer::Credit& credit, v1::ClaimAnswer& out) {
  out.set_user(credit.user.str());
  out.set_currency(std::string(credit.amount.currency.code()));
  out.set_amount_minor(credit.amount.minor);
  out.set_claimed_at_ms(stamp(credit.claimed_at));
  out.set_wallet_transaction(wire::bytes_of(credit.transaction));
  out.set_description(credit.description);
  out.set_available_minor(credit.available.minor);
  out.set_held_minor(credit.held.minor);
  out.set_created_at_ms(stamp(credit.created_at));
}

Result<ClaimAnswer::Credit> read_credit(const v1::ClaimAnswer& wire) {
  const auto currency = find_currency(wire.currency());
  if (!currency || !wire::is_name(wire.user()) || wire.amount_minor() <= 0 || wire.available_minor() < 0 ||
      wire.held_minor() < 0 || !wire::is_time(wire.claimed_at_ms()) || !wire::is_time(wire.created_at_ms()) ||
      wire.description().size() > limits::claim_text_bytes_max) {
    return malformed("claim answer's credit");
  }
  ClaimAnswer::Credit credit{.user = UserId(wire.user()),
                             .amount = Money{wire.amount_minor(), *currency},
                             .available = Money{wire.available_minor(), *currency},
                             .held = Money{wire.held_minor(), *currency},
                             .claimed_at = wall_time(wire.claimed_at_ms()),
                             .transaction = {},
                             .description = wire.description(),
                             .created_at = wall_time(wire.created_at_ms())};
  if (!wire::read_fixed(wire.wallet_transaction(), credit.transaction.bytes))
    return malformed("claim answer's transaction");
  return credit;
}

}  // namespace

void write_ask(const SpinReserve& reserve, v1::SpinReserve& out) {
  out.set_spin(wire::bytes_of(reserve.spin));
  out.set_customer(reserve.customer.str());
  out.set_traceparent(reserve.traceparent);
}

Result<Frame> read_ask(const v1::SpinReserve& wire) {
  SpinReserve reserve{.spin = {}, .customer = CustomerId(wire.customer()), .traceparent = wire.traceparent()};
  if (!wire::read_fixed(wire.spin(), reserve.spin.bytes) || !wire::is_name(wire.customer()) ||
      wire.traceparent().size() > limits::id_bytes_max) {
    return malformed("spin reserve");
  }
  return reserve;
}

void write_ask(const SpinReserved& reserved, v1::SpinReserved& out) {
  out.set_spin(wire::bytes_of(reserved.spin));
  for (const std::string& prize : reserved.prizes) out.add_prize(prize);
}

Result<Frame> read_ask(const v1::SpinReserved& wire) {
  SpinReserved reserved;
  if (!wire::read_fixed(wire.spin(), reserved.spin.bytes) ||
      static_cast<std::size_t>(wire.prize_size()) > limits::sync_prizes_max) {
    return malformed("spin reserved");
  }
  for (const std::string& prize : wire.prize()) {
    if (!wire::is_name(prize) || (!reserved.prizes.empty() && reserved.prizes.back() >= prize))
      return malformed("spin reserved's prize");
    reserved.prizes.push_back(prize);
  }
  return reserved;
}

void write_ask(const ClaimRequest& request, v1::ClaimRequest& out) {
  out.set_claim(wire::bytes_of(request.claim));
  out.set_customer(request.customer.str());
  out.set_promotion(wire::bytes_of(request.promotion));
  out.set_transaction(request.transaction.str());
  out.set_claimed_at_ms(stamp(request.claimed_at));
  if (request.terms) out.set_terms(wire::bytes_of(*request.terms));
  out.set_traceparent(request.traceparent);
}

Result<Frame> read_ask(const v1::ClaimRequest& wire) {
  ClaimRequest request{.claim = {},
                       .customer = CustomerId(wire.customer()),
                       .promotion = {},
                       .transaction = TransactionId(wire.transaction()),
                       .claimed_at = wall_time(wire.claimed_at_ms()),
                       .traceparent = wire.traceparent()};
  if (!wire::read_fixed(wire.claim(), request.claim.bytes) || !wire::is_name(wire.customer()) ||
      !wire::read_fixed(wire.promotion(), request.promotion.bytes) || !wire::is_name(wire.transaction()) ||
      !wire::is_time(wire.claimed_at_ms()) || !wire::read_optional(wire.terms(), request.terms) ||
      wire.traceparent().size() > limits::id_bytes_max) {
    return malformed("claim request");
  }
  return request;
}

void write_ask(const ClaimAnswer& answer, v1::ClaimAnswer& out) {
  out.set_claim(wire::bytes_of(answer.claim));
  out.set_outcome(static_cast<std::uint32_t>(answer.outcome));
  if (answer.credit) write_credit(*answer.credit, out);
}

Result<Frame> read_ask(const v1::ClaimAnswer& wire) {
  ClaimAnswer answer{.claim = {}, .outcome = static_cast<ClaimOutcome>(wire.outcome())};
  if (!wire::read_fixed(wire.claim(), answer.claim.bytes) ||
      wire.outcome() < static_cast<std::uint32_t>(ClaimOutcome::claimed) ||
      wire.outcome() > static_cast<std::uint32_t>(ClaimOutcome::balance_limit)) {
    return malformed("claim answer");
  }
  if (answer.outcome != ClaimOutcome::claimed) return answer;
  auto credit = read_credit(wire);
  if (!credit) return failure(credit);
  answer.credit = std::move(*credit);
  return answer;
}

void write_ask(const MemberRequest& request, v1::MemberRequest& out) {
  out.set_id(wire::bytes_of(request.id));
  out.set_customer(request.customer.str());
}

Result<Frame> read_ask(const v1::MemberRequest& wire) {
  MemberRequest request{.id = {}, .customer = CustomerId(wire.customer())};
  if (!wire::read_fixed(wire.id(), request.id.bytes) || !wire::is_name(wire.customer()))
    return malformed("member request");
  return request;
}

void write_ask(const MemberAnswer& answer, v1::MemberAnswer& out) {
  out.set_id(wire::bytes_of(answer.id));
  out.mutable_applied()->set_epoch(answer.applied_epoch);
  out.mutable_applied()->set_through(answer.applied_through);
  if (answer.member) write_member(*answer.member, *out.mutable_member());
}

Result<Frame> read_ask(const v1::MemberAnswer& wire) {
  MemberAnswer answer{
      .id = {}, .applied_epoch = wire.applied().epoch(), .applied_through = wire.applied().through()};
  if (!wire::read_fixed(wire.id(), answer.id.bytes) || !wire::is_ordinal(answer.applied_epoch) ||
      !wire::is_number(answer.applied_through) ||
      (wire.has_member() && !read_member(wire.member(), answer.member.emplace()))) {
    return malformed("member answer");
  }
  return answer;
}

}  // namespace perkline::sync
