#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
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
  loyalty::Tier tier;
  Points points;
  bool blocked = false;
};

struct Booking {
  TransactionId transaction;
  std::string session;
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
  std::string id;
  CustomerId customer;
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
  std::string session;
  TransactionId transaction;
  Money amount;
  bool apply_rewards = true;
  Points redeem;
};

/// Never deduplicates: each identify opens a session, and each finalize that arrives books, also of a session
/// that is finalized. One thread.
class Books {
 public:
  /// `members` of them, CUST-00001 on, drawn from `seed`; besides CUST-12345 (John Doe, Gold, 5000 points)
  /// and CUST-99999, who is blocked. `clock` and `rng` must outlive the books.
  Books(std::int64_t members, std::uint64_t seed, const Clock& clock, Rng& rng);

  struct Identified {
    std::string session;
    const Member& member;
  };
  Reply<Identified> identify(const CustomerId& customer);
  Reply<loyalty::Rewards> calculate(const std::string& session, const Money& amount);
  Reply<Booking> finalize(const Finalize& call);
  Reply<Session> session(const std::string& id) const;

  const std::vector<Booking>& ledger() const { return ledger_; }

 private:
  Reply<Session*> find(const std::string& id);

  const Clock& clock_;
  UuidMaker uuids_;
  std::map<std::string, Member> members_;
  std::unordered_map<std::string, Session> sessions_;
  std::vector<Booking> ledger_;
};

}  // namespace perkline::pdi::sandbox
