#include "tests/support/sim_pdi.hpp"

#include <algorithm>

namespace perkline::test {
namespace {

struct Factor {
  std::string_view tier;
  std::int64_t quarters;
};
constexpr std::array factors{Factor{"Base", 0}, Factor{"Silver", 1}, Factor{"Gold", 2},
                             Factor{"Platinum", 4}};

std::int64_t quarters_of(std::string_view tier) {
  const auto found = std::ranges::find(factors, tier, &Factor::tier);
  return found == factors.end() ? 0 : found->quarters;
}

struct Priced {
  Points base;
  Points bonus;
};

Priced price(const Money& amount, std::string_view tier) {
  std::int64_t unit = 1;
  for (int i = 0; i < amount.currency.exponent(); ++i) unit *= 10;
  const std::int64_t base = 2 * amount.minor / unit;
  return {Points{base}, Points{base * quarters_of(tier) / 4}};
}

ProviderFault unknown_session() {
  return {"SESSION_NOT_FOUND", "no such session"};
}

}  // namespace

pdi::Failure pdi_not_sent(pdi::Outcome outcome, std::optional<Millis> retry_after) {
  return {.outcome = outcome,
          .may_have_been_sent = false,
          .error = {.code = Errc::pdi_unavailable, .detail = "not sent", .retry_after = retry_after}};
}

pdi::Failure pdi_silent() {
  return {.outcome = pdi::Outcome::unavailable,
          .may_have_been_sent = true,
          .error = {.code = Errc::pdi_unavailable, .detail = "no answer"}};
}

SimPdiBooks::SimPdiBooks() {
  add({.id = CustomerId("CUST-12345"), .name = "John Doe", .tier = "Gold", .balance = Points{5000}});
  add({.id = CustomerId("CUST-00001"),
       .name = "Jane Roe",
       .tier = "Base",
       .balance = Points{0},
       .blocked = true});
}

void SimPdiBooks::add(SimMember member) {
  const CustomerId id = member.id;
  members_.insert_or_assign(id, std::move(member));
}

PdiFault SimPdiBooks::fault_of(PdiCall call) {
  if (auto& planned = planned_[call]; !planned.empty()) {
    PdiFault fault = std::move(planned.front());
    planned.pop_front();
    return fault;
  }
  return otherwise_ ? otherwise_(call) : PdiFault{};
}

std::uint64_t SimPdiBooks::send(MonoTime arrives, Request request, std::optional<ProviderFault> reject) {
  on_their_way_.emplace(arrives, Arrival{++last_ticket_, std::move(request), std::move(reject)});
  return last_ticket_;
}

void SimPdiBooks::run_until(MonoTime now) {
  while (!on_their_way_.empty() && on_their_way_.begin()->first <= now) {
    const Arrival arrival = std::move(on_their_way_.extract(on_their_way_.begin()).mapped());
    done_[arrival.ticket] = arrival.reject ? Done(*arrival.reject) : perform(arrival.request);
  }
}

SimPdiBooks::Done SimPdiBooks::answer(std::uint64_t ticket) {
  auto node = done_.extract(ticket);
  return node.empty() ? Done() : std::move(node.mapped());
}

SimPdiBooks::Done SimPdiBooks::perform(const Request& request) {
  return std::visit([this](const auto& call) { return perform(call); }, request);
}

SimPdiBooks::Done SimPdiBooks::perform(const pdi::IdentifyCall& call) {
  const auto found = members_.find(call.customer);
  if (found == members_.end()) return ProviderFault{"CUSTOMER_NOT_FOUND", "no such customer"};
  const SimMember& member = found->second;
  if (member.blocked) return ProviderFault{"BLOCKED", "the customer is blocked"};
  ProviderSessionId id("pdi-" + std::to_string(++last_session_));
  sessions_[id] = {.customer = member.id};
  return pdi::Identified{
      .session = id, .customer_name = member.name, .current_points = member.balance, .tier = member.tier};
}

SimPdiBooks::Done SimPdiBooks::perform(const pdi::CalculateCall& call) {
  const auto found = sessions_.find(call.session);
  if (found == sessions_.end()) return unknown_session();
  if (found->second.status == "active") found->second.status = "calculated";
  const SimMember& member = members_.at(found->second.customer);
  const Priced priced = price(call.transaction_amount, member.tier);
  return pdi::Rewards{.earned = Points{priced.base.count + priced.bonus.count},
                      .multiplier = 2.0 * (1.0 + static_cast<double>(quarters_of(member.tier)) / 4.0),
                      .bonus = priced.bonus,
                      .breakdown = {{"basePoints", priced.base}, {"tierBonus", priced.bonus}}};
}

SimPdiBooks::Done SimPdiBooks::perform(const pdi::FinalizeCall& call) {
  const auto found = sessions_.find(call.session);
  if (found == sessions_.end()) return unknown_session();
  SimMember& member = members_.at(found->second.customer);
  const Points redeemed = call.redeem.value_or(Points{});
  if (redeemed > member.balance) return ProviderFault{"INSUFFICIENT_POINTS", "the balance is too low"};

  const Priced priced = price(call.final_amount, member.tier);
  const Points earned{call.apply_rewards ? priced.base.count + priced.bonus.count : 0};
  member.balance.count += earned.count - redeemed.count;
  const ReceiptId receipt("RCP-" + std::to_string(ledger_.size() + 1));
  ledger_.push_back({.transaction = call.transaction,
                     .session = call.session,
                     .customer = member.id,
                     .final_amount = call.final_amount,
                     .earned = earned,
                     .redeemed = redeemed,
                     .new_balance = member.balance,
                     .receipt = receipt});
  found->second.status = "finalized";
  found->second.finalized = pdi::Finalized{
      .earned = earned, .redeemed = redeemed, .new_balance = member.balance, .receipt = receipt};
  return *found->second.finalized;
}

SimPdiBooks::Done SimPdiBooks::perform(const ProviderSessionId& session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return unknown_session();
  return pdi::SessionStatus{.status = found->second.status, .finalized = found->second.finalized};
}

template <class T>
Task<pdi::Reply<T>> SimPdi::call(PdiCall kind, SimPdiBooks::Request request, MonoTime deadline) {
  PdiFault fault = books_.fault_of(kind);
  if (fault.refuse_to_send) co_return std::unexpected(std::move(*fault.refuse_to_send));
  ++books_.sent_[kind];
  const MonoTime arrives = clock_.mono_now() + fault.there;
  const MonoTime answered = arrives + fault.back;
  const std::uint64_t ticket =
      fault.lose_request ? 0 : books_.send(arrives, std::move(request), std::move(fault.reject));
  co_await clock_.sleep_until(std::min(arrives, deadline));
  books_.run_until(clock_.mono_now());
  co_await clock_.sleep_until(fault.lose_request || fault.lose_answer ? deadline
                                                                      : std::min(answered, deadline));
  if (fault.lose_request || fault.lose_answer || answered > deadline) co_return std::unexpected(pdi_silent());

  SimPdiBooks::Done done = books_.answer(ticket);
  if (auto* refusal = std::get_if<ProviderFault>(&done)) {
    co_return std::unexpected(pdi::Failure{
        .outcome = pdi::Outcome::rejected,
        .may_have_been_sent = true,
        .error = {.code = Errc::pdi_rejected, .detail = "PDI refused", .provider = std::move(*refusal)}});
  }
  co_return std::get<T>(std::move(done));
}

Task<pdi::Reply<pdi::Identified>> SimPdi::identify(pdi::IdentifyCall request, MonoTime deadline) {
  books_.note_trace(PdiCall::identify, request.traceparent);
  return call<pdi::Identified>(PdiCall::identify, std::move(request), deadline);
}
Task<pdi::Reply<pdi::Rewards>> SimPdi::calculate(pdi::CalculateCall request, MonoTime deadline) {
  books_.note_trace(PdiCall::calculate, request.traceparent);
  return call<pdi::Rewards>(PdiCall::calculate, std::move(request), deadline);
}
Task<pdi::Reply<pdi::Finalized>> SimPdi::finalize(pdi::FinalizeCall request, MonoTime deadline) {
  books_.note_trace(PdiCall::finalize, request.traceparent);
  return call<pdi::Finalized>(PdiCall::finalize, std::move(request), deadline);
}
Task<pdi::Reply<pdi::SessionStatus>> SimPdi::status(pdi::StatusCall request, MonoTime deadline) {
  books_.note_trace(PdiCall::status, request.traceparent);
  return call<pdi::SessionStatus>(PdiCall::status, std::move(request.session), deadline);
}

}  // namespace perkline::test
