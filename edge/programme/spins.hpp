#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "edge/programme/parts.hpp"
#include "edge/programme/wheel_book.hpp"

namespace perkline::edge::programme {

struct SpinRequest {
  CustomerId customer;
  TransactionId transaction;  ///< The sale's.
  std::string client_seed;    ///< Empty: none.
};

/// Whether the store can draw, as far as seeds go.
struct SeedStanding {
  std::int64_t left = 0;  ///< Days that there is a seed for.
  /// Why no sale has a spin now: `none_left` (the hub was away for longer than it had committed ahead),
  /// `awaits_clock` and `closed` (a journal before this one may have drawn with those there are); empty: it
  /// has, or there is nothing to be won anyway.
  std::string_view trouble;
};

/// The one spin that each sale gives its member (contract.md §5). Drawn here, by what the hub's catalogue
/// offers, whether or not there is a line to the hub. The sale's mark, the unit, the nonce, the event and the
/// answer are one durable batch, before the till is told. Each call runs to its end whether or not anybody
/// still listens. Reactor's thread.
class Spins {
 public:
  Spins(Parts parts, State& state, HubDesk& hub, Watch watch);

  /// Errors: session_state (no such sale of that member, or not finalized or pending), session_busy,
  /// transaction_reused (another client seed), storage_full, pdi_rejected (the member is blocked),
  /// no_prize_available, overloaded (no seed, or no catalogue, as yet), SessionWriter's.
  Task<Result<session::Answer>> spin(SpinRequest request, std::string traceparent);
  /// What there is to be won. Errors: WheelBook's.
  Result<session::Answer> prizes() const;

  /// Ends every spin that the process before has begun and not drawn: the hub keeps nothing for it any more.
  /// Before any till is served. Errors: WheelBook's.
  Task<Result<void>> drop_begun();
  /// Ends those that came to nothing before `until`, should the till not have tried again since.
  Task<void> drop_refused(MonoTime until);
  /// Gives back what is left of leases whose time is over, and that were known here for lease_held: a clock
  /// that is ahead would give each back as soon as it came, and the hub grant another. How many. Errors:
  /// WheelBook's.
  Task<Result<std::size_t>> return_leases();
  static constexpr hours lease_held{1};
  /// Tells who watches how many units of leases are left.
  void tell_units() const;
  SeedStanding seeds() const;

 private:
  /// A spin that is about to be drawn.
  struct Begun {
    Uuid spin;
    bool is_intent = false;           ///< It lies in the journal.
    std::set<std::string> kept = {};  ///< One-time prizes, by the hub.
    std::string_view reserve = "none";
  };
  /// A spin that came to nothing, for which the hub keeps nothing; it stays the sale's spin.
  struct Refused {
    Intent intent;
    MonoTime at;
  };
  Result<SessionId> sale_of(const SpinRequest& request) const;
  Result<std::optional<session::Answer>> told_before(const session::Session& session,
                                                     const SpinRequest& request) const;
  Task<Result<void>> may_spin(const session::Session& session);
  Task<Result<void>> settle_seeds();
  /// seeds_to_close() by the clock of now.
  std::optional<std::chrono::sys_days> closed_by_now(const journal::LeaseHolder::Unsettled& unsettled) const;
  Result<const Seed*> seed_now() const;
  Result<Stock> stock() const;
  /// By anybody here, as the catalogue is.
  bool can_be_won(const std::string& prize) const;
  Task<Result<Begun>> begin(const session::Session& session, const std::string& traceparent);
  Result<Drawn> draw(const Begun& begun, const SpinRequest& request) const;
  Task<Result<session::Answer>> draw_and_keep(SessionId id, SpinRequest request, Begun begun,
                                              std::string traceparent);
  Task<void> drop(std::vector<Intent> intents);

  Parts parts_;
  State& state_;
  HubDesk& hub_;
  Watch watch_;
  WheelBook book_;
  std::map<SessionId, Refused> refused_;
  std::map<std::string, MonoTime> leases_seen_;  ///< Since when, in this process.
};

}  // namespace perkline::edge::programme
