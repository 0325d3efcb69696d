#pragma once

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
/// has told of the member does, once for each member and promotion of this store, and an event tells it.
/// Each call runs to its end whether or not anybody still listens. Reactor's thread.
class Claims {
 public:
  Claims(Parts parts, const State& state, HubDesk& hub, ClaimStore& store, Watch watch);

  /// Errors: transaction_reused, session_busy, storage_full, already_claimed, promotion_not_active, not_found
  /// (not assigned to this member, as far as is known), overloaded (the hub was asked, has not answered, and
  /// nothing is known here).
  Task<Result<session::Answer>> claim(ClaimRequest request, std::string traceparent);
  /// What the member could claim here now. Errors: the store's.
  Result<session::Answer> promotions(const CustomerId& customer) const;

 private:
  Result<session::Answer> told_before(const session::SessionStore::Named& named,
                                      const ClaimRequest& request) const;
  Task<Result<session::Answer>> decide(Claim claim, std::string traceparent);
  Task<std::optional<sync::ClaimAnswer>> ask(const Claim& claim);
  Task<Result<session::Answer>> keep(Claim claim, sync::ClaimAnswer::Credit credit);
  Task<Result<session::Answer>> keep_pending(Claim claim, bool was_asked, std::string traceparent);
  /// Errors: not_found, promotion_not_active, already_claimed.
  Result<const Promotion*> claimable(const CustomerId& customer, const Uuid& promotion) const;
  bool runs_now(const Promotion& promotion) const;

  Parts parts_;
  const State& state_;
  HubDesk& hub_;
  ClaimStore& store_;
  Watch watch_;
};

}  // namespace perkline::edge::programme
