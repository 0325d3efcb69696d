#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "edge/programme/claim_store.hpp"
#include "edge/programme/parts.hpp"

namespace perkline::edge::programme {

struct ClaimRequest {
  CustomerId customer;
  Uuid promotion;
  TransactionId transaction;  ///< The claim's own, at the till.
};

/// Promotions that members claim at the till (contract.md §5): the hub decides while it answers; else what it
/// has told of the member does, and a claim of whom it has told nothing is its to decide once it hears of it;
/// once for each member and promotion of this store, and an event tells it.
/// Each call runs to its end whether or not anybody still listens. Reactor's thread.
class Claims {
 public:
  Claims(Parts parts, const State& state, HubDesk& hub, ClaimStore& store, Watch watch);

  /// Errors: transaction_reused, session_busy, storage_full, already_claimed, promotion_not_active, not_found
  /// (not assigned to this member, as far as is known), overloaded (the hub was asked, now or by an earlier
  /// call, has not answered, and it cannot be claimed without; or it is away and has told of no promotions),
  /// pdi_rejected (the member is blocked).
  Task<Result<session::Answer>> claim(ClaimRequest request, std::string traceparent);
  /// What the member could claim here now: the hub is asked while there is a line, as they may never have
  /// bought here; without its answer (limits::member_answer_wait) what it has told before counts. Errors:
  /// pdi_rejected (the member is blocked), the store's.
  Task<Result<session::Answer>> promotions(CustomerId customer);

  /// Finds the claims that the hub has yet to decide. Before any till is served. Errors: the store's.
  Result<void> start();
  /// Asks the hub what became of those that it has been told of, one after another, at most so many, and
  /// keeps its word; none where there is no line. At the first that it does not answer it ends. Errors: the
  /// store's.
  Task<Result<void>> settle_pending(std::size_t count_max);

 private:
  Result<session::Answer> told_before(const session::SessionStore::Named& named,
                                      const ClaimRequest& request) const;
  /// `is_anothers`: another transaction's claim of the same stands here, so that the hub's word alone will
  /// do.
  Task<Result<session::Answer>> decide(Claim claim, bool is_anothers, std::string traceparent);
  /// A claim that the hub has yet to decide.
  struct Pending {
    std::string record;
    std::uint64_t epoch = 0;
    std::uint64_t through = 0;  ///< The hub knows of it once it has acknowledged that.
    MonoTime not_before = {};   ///< It was asked, and could not decide.
  };
  /// unheard: the hub has not answered; not_yet: it cannot decide as yet.
  enum class Settled : std::uint8_t { done, unheard, not_yet };
  Pending pending_now(std::string record) const;
  bool is_told(Pending& pending) const;
  Task<Result<Settled>> settle(std::string record);
  Task<Result<void>> keep_outcome(std::string record, sync::ClaimAnswer answer);
  Task<Result<std::optional<sync::ClaimAnswer>>> ask(Claim claim, std::string traceparent);
  Task<std::optional<sync::ClaimAnswer>> put_to_hub(Claim claim, std::string traceparent);
  Task<Result<session::Answer>> keep(Claim claim, sync::ClaimAnswer::Credit credit, std::string traceparent);
  Task<Result<session::Answer>> keep_pending(Claim claim, std::string traceparent);
  /// Without the hub's word. Errors: not_found, promotion_not_active, overloaded (it cannot be known), the
  /// store's.
  Result<const Promotion*> claimable(const CustomerId& customer, const Uuid& promotion) const;
  /// Keeps the hub's word on the member, if it gives one. Errors: the store's.
  Task<Result<void>> hear_of(CustomerId customer);
  Result<session::Answer> known_promotions(const CustomerId& customer) const;
  bool runs_now(const Promotion& promotion) const;
  Result<void> check_blocked(const CustomerId& customer) const;

  Parts parts_;
  const State& state_;
  HubDesk& hub_;
  ClaimStore& store_;
  Watch watch_;
  std::deque<Pending> pending_;
};

}  // namespace perkline::edge::programme
