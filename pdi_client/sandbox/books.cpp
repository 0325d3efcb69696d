#include "pdi_client/sandbox/books.hpp"

#include <array>
#include <cstdio>

namespace perkline::pdi::sandbox {
namespace {

constexpr std::array first_names{"Ada",  "Ben",  "Cleo", "Dan", "Eve",  "Finn",
                                 "Gina", "Hugo", "Iris", "Jon", "Kira", "Leo"};
constexpr std::array last_names{"Abel", "Brook", "Cole",  "Dale",  "Ellis", "Frost",
                                "Gray", "Hale",  "Irwin", "Jones", "Kent"};
constexpr std::array tier_names{"Base", "Base", "Base", "Silver", "Silver", "Gold", "Platinum"};
constexpr std::uint64_t drawn_points_max = 20'000;

std::string customer_number(std::int64_t number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "CUST-%05lld", static_cast<long long>(number));
  return text.data();
}

Member draw_member(std::int64_t number, Rng& rng) {
  const char* first = first_names[rng.below(first_names.size())];
  const char* last = last_names[rng.below(last_names.size())];
  const char* tier = tier_names[rng.below(tier_names.size())];
  return {.id = CustomerId(customer_number(number)),
          .name = std::string(first) + ' ' + last,
          .tier = tier,
          .points = Points{static_cast<std::int64_t>(rng.below(drawn_points_max))}};
}

std::unexpected<Refusal> refuse(int status, std::string code, std::string message) {
  return std::unexpected(Refusal{status, std::move(code), std::move(message)});
}

std::unexpected<Refusal> too_many_points() {
  return refuse(400, "POINTS_LIMIT", "more points than a member can hold");
}

}  // namespace

std::string_view name_of(SessionState state) {
  switch (state) {
    case SessionState::active:
      return "active";
    case SessionState::calculated:
      return "calculated";
    case SessionState::finalized:
      return "finalized";
  }
  return {};
}

Books::Books(std::int64_t members, std::uint64_t seed, const Clock& clock, Rng& rng)
    : clock_(clock), uuids_(clock, rng) {
  SeededRng drawn(seed);
  const auto add = [this](Member member) {
    CustomerId id = member.id;
    members_.insert_or_assign(std::move(id), std::move(member));
  };
  for (std::int64_t number = 1; number <= members; ++number) add(draw_member(number, drawn));
  add({.id = CustomerId("CUST-12345"), .name = "John Doe", .tier = "Gold", .points = Points{5000}});
  add({.id = CustomerId("CUST-99999"),
       .name = "Mallory Roe",
       .tier = "Base",
       .points = Points{0},
       .blocked = true});
}

const Member* Books::member(const CustomerId& id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

Reply<Books::Identified> Books::identify(const CustomerId& customer, const TransactionId& transaction) {
  const Member* found = member(customer);
  if (found == nullptr) return refuse(400, "UNKNOWN_CUSTOMER", "no such customer");
  if (found->blocked) return refuse(400, "BLOCKED", "the customer is blocked");
  const ProviderSessionId id("pdi-" + uuids_.next().str());
  sessions_.emplace(id, Session{.id = id, .customer = customer, .transaction = transaction});
  return Identified{id, *found};
}

Reply<Session*> Books::find(const ProviderSessionId& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return refuse(404, "UNKNOWN_SESSION", "no such session");
  return &found->second;
}

Reply<Session> Books::session(const ProviderSessionId& id) const {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return refuse(404, "UNKNOWN_SESSION", "no such session");
  return found->second;
}

Reply<loyalty::Rewards> Books::calculate(const ProviderSessionId& id, const Money& amount) {
  const auto session = find(id);
  if (!session) return std::unexpected(session.error());
  if ((*session)->state == SessionState::finalized)
    return refuse(409, "SESSION_FINALIZED", "the session is finalized");
  const auto rewards =
      loyalty::price(loyalty::default_rules(), {amount, members_.at((*session)->customer).tier});
  if (rewards.earned() > points_max) return too_many_points();
  (*session)->state = SessionState::calculated;
  return rewards;
}

Reply<Booking> Books::finalize(const Finalize& call) {
  const auto session = find(call.session);
  if (!session) return std::unexpected(session.error());
  if ((*session)->state == SessionState::active)
    return refuse(409, "NOT_CALCULATED", "rewards were never calculated");
  if (!call.apply_rewards && call.redeem.count > 0)
    return refuse(400, "REWARDS_NOT_APPLIED", "redeemPoints needs applyRewards");
  Member& member = members_.at((*session)->customer);
  if (call.redeem > member.points) return refuse(400, "INSUFFICIENT_POINTS", "the member has fewer points");

  Points earned;
  if (call.apply_rewards)
    earned = loyalty::price(loyalty::default_rules(), {call.amount, member.tier}).earned();
  const Points balance{member.points.count - call.redeem.count + earned.count};
  if (earned > points_max || balance > points_max) return too_many_points();
  member.points = balance;

  const WallTime now = clock_.wall_now();
  ledger_.push_back({.transaction = call.transaction,
                     .session = call.session,
                     .customer = member.id,
                     .amount = call.amount,
                     .earned = earned,
                     .redeemed = call.redeem,
                     .new_balance = balance,
                     .receipt = next_receipt(now),
                     .at = now});
  (*session)->state = SessionState::finalized;
  (*session)->booking = ledger_.size() - 1;
  return ledger_.back();
}

/// `RCP-2026-000001`
ReceiptId Books::next_receipt(WallTime now) const {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "RCP-%s-%06zu", format_time(now).substr(0, 4).c_str(),
                ledger_.size() + 1);
  return ReceiptId(text.data());
}

}  // namespace perkline::pdi::sandbox
