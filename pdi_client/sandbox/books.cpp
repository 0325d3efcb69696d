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

std::string customer_number(std::int64_t number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "CUST-%05lld", static_cast<long long>(number));
  return text.data();
}

Member draw_member(std::int64_t number, Rng& rng) {
  return {.id = CustomerId(customer_number(number)),
          .name = std::string(first_names[rng.below(first_names.size())]) + ' ' +
                  last_names[rng.below(last_names.size())],
          .tier = *loyalty::find_tier(tier_names[rng.below(tier_names.size())]),
          .points = Points{static_cast<std::int64_t>(rng.below(20'000))}};
}

std::unexpected<Refusal> refuse(int status, std::string code, std::string message) {
  return std::unexpected(Refusal{status, std::move(code), std::move(message)});
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
  for (std::int64_t number = 1; number <= members; ++number) {
    Member member = draw_member(number, drawn);
    const std::string id = member.id.str();
    members_.insert_or_assign(id, std::move(member));
  }
  members_.insert_or_assign("CUST-12345", Member{.id = CustomerId("CUST-12345"),
                                                 .name = "John Doe",
                                                 .tier = *loyalty::find_tier("Gold"),
                                                 .points = Points{5000}});
  members_.insert_or_assign("CUST-99999", Member{.id = CustomerId("CUST-99999"),
                                                 .name = "Mallory Roe",
                                                 .tier = *loyalty::find_tier("Base"),
                                                 .points = Points{0},
                                                 .blocked = true});
}

Reply<Books::Identified> Books::identify(const CustomerId& customer) {
  const auto member = members_.find(customer.str());
  if (member == members_.end()) return refuse(400, "UNKNOWN_CUSTOMER", "no such customer");
  if (member->second.blocked) return refuse(400, "BLOCKED", "the customer is blocked");
  std::string id = "pdi-" + uuids_.next().str();
  sessions_.emplace(id, Session{.id = id, .customer = customer});
  return Identified{std::move(id), member->second};
}

Reply<Session*> Books::find(const std::string& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return refuse(404, "UNKNOWN_SESSION", "no such session");
  return &found->second;
}

Reply<Session> Books::session(const std::string& id) const {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return refuse(404, "UNKNOWN_SESSION", "no such session");
  return found->second;
}

Reply<loyalty::Rewards> Books::calculate(const std::string& id, const Money& amount) {
  const auto session = find(id);
  if (!session) return std::unexpected(session.error());
  if ((*session)->state == SessionState::finalized)
    return refuse(409, "SESSION_FINALIZED", "the session is finalized");
  (*session)->state = SessionState::calculated;
  return loyalty::price(amount, members_.at((*session)->customer.str()).tier);
}

Reply<Booking> Books::finalize(const Finalize& call) {
  const auto session = find(call.session);
  if (!session) return std::unexpected(session.error());
  if ((*session)->state == SessionState::active)
    return refuse(409, "NOT_CALCULATED", "rewards were never calculated");
  Member& member = members_.at((*session)->customer.str());
  if (call.redeem > member.points) return refuse(400, "INSUFFICIENT_POINTS", "the member has fewer points");
  const Points earned = call.apply_rewards ? loyalty::price(call.amount, member.tier).earned() : Points{0};
  member.points.count += earned.count - call.redeem.count;

  const WallTime now = clock_.wall_now();
  std::array<char, 48> receipt{};
  std::snprintf(receipt.data(), receipt.size(), "RCP-%s-%06zu", format_time(now).substr(0, 4).c_str(),
                ledger_.size() + 1);
  ledger_.push_back({.transaction = call.transaction,
                     .session = call.session,
                     .customer = member.id,
                     .amount = call.amount,
                     .earned = earned,
                     .redeemed = call.redeem,
                     .new_balance = member.points,
                     .receipt = ReceiptId(receipt.data()),
                     .at = now});
  (*session)->state = SessionState::finalized;
  (*session)->booking = ledger_.size() - 1;
  return ledger_.back();
}

}  // namespace perkline::pdi::sandbox
