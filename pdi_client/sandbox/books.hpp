#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/loyalty/rewards.hpp"

/// What PDI knows: members, sessions and its ledger. Pure but for clock and randomness passed in.
namespace perkline::pdi::sandbox {

struct Member {
  CustomerId id;
  std::string name;
  std::string tier;
  Points points;
  bool blocked = false;
};

struct Booking {
  TransactionId transaction;
  ProviderSessionId session;
  CustomerId customer;
  Money amount;
  Points earned;
  Points redeemed;
  Points new_balance;
  ReceiptId receipt;
  WallTime at;
};

enum class SessionState : std::uint8_t { active, calculated, finalized };
std::string_view name_of(SessionState state);

struct Session {
  ProviderSessionId id;
  CustomerId customer;
  TransactionId transaction;
  SessionState state = SessionState::active;
  std::optional<std::size_t> booking = std::nullopt;  ///< The last one's place in the ledger.
};

/// How PDI says no.
struct Refusal {
  int status;
  std::string code;
  std::string message;
};
template <class T>
using Reply = std::expected<T, Refusal>;

struct Finalize {
  ProviderSessionId session;
  TransactionId transaction;
  Money amount;
  bool apply_rewards = true;
  Points redeem;
};

/// Never deduplicates: each identify opens a session, and each finalize that arrives books, also of a session
/// that is finalized. One thread.
class Books {
 public:
  /// `members` of them, CUST-00001 on, drawn from `seed`: the first n are the same for every count. Besides,
  /// and in the place of any drawn one, CUST-12345 (John Doe, Gold, 5000 points) and CUST-99999, who is
  /// blocked. `clock` and `rng` must outlive the books.
  Books(std::int64_t members, std::uint64_t seed, const Clock& clock, Rng& rng);

  struct Identified {
    ProviderSessionId session;
    const Member& member;
  };
  /// Refused: UNKNOWN_CUSTOMER, BLOCKED (400).
  Reply<Identified> identify(const CustomerId& customer, const TransactionId& transaction);
  /// Refused: UNKNOWN_SESSION (404), SESSION_FINALIZED (409), POINTS_LIMIT (400).
  Reply<loyalty::Rewards> calculate(const ProviderSessionId& session, const Money& amount);
  /// Prices the final amount; without apply_rewards nothing is earned. Refused: UNKNOWN_SESSION (404),
  /// NOT_CALCULATED (409), INSUFFICIENT_POINTS, REWARDS_NOT_APPLIED (redeeming without apply_rewards),
  /// POINTS_LIMIT (400).
  Reply<Booking> finalize(const Finalize& call);
  /// Refused: UNKNOWN_SESSION (404).
  Reply<Session> session(const ProviderSessionId& id) const;

  const std::vector<Booking>& ledger() const { return ledger_; }
  /// nullptr: there is none.
  const Member* member(const CustomerId& id) const;
  std::size_t sessions() const { return sessions_.size(); }

 private:
  Reply<Session*> find(const ProviderSessionId& id);
  ReceiptId next_receipt(WallTime now) const;

  const Clock& clock_;
  UuidMaker uuids_;
  std::map<CustomerId, Member> members_;
  std::unordered_map<ProviderSessionId, Session> sessions_;
  std::vector<Booking> ledger_;
};

}  // namespace perkline::pdi::sandbox
