#pragma once

#include <optional>
#include <string>

#include "edge/journal/journal.hpp"
#include "edge/session/session.hpp"
#include "shared/rules/receipt.hpp"
#include "shared/sync/event.hpp"

/// What PDI's word, or its silence, makes of a session. Pure; the caller commits what comes of it.
namespace perkline::edge::session {

struct Outcome {
  Session session;
  std::optional<sync::EventPayload> event = std::nullopt;  ///< What the hub is to hear of it.
  /// The call that the event is part of; empty: the one that finalized the sale.
  std::string traceparent = {};
  std::int64_t owed = 0;     ///< What the member owes more from now on, by returns; less when negative.
  journal::Batch also = {};  ///< What else changes with it, as one.
};

/// What a basket is worth in points.
struct Priced {
  Basket basket;
  pdi::Rewards rewards;
  std::optional<std::string> rules_version = std::nullopt;  ///< Of the store's rules; nullopt: PDI did it.
  Points redeemable = {};                                   ///< What the member may redeem now.
};

/// PDI or the stand-in has priced a basket; the latter makes the session the stand-in's for good. Errors:
/// session_state.
Result<Outcome> calculated(Session session, Priced priced);

/// PDI's session, told too late for the till, for settlement. Errors: session_state when it is of no use.
Result<Outcome> lent(Session session, ProviderSessionId provider_session);

/// Past its time. Errors: session_state.
Result<Outcome> expired(Session session);

/// What a till is told when it is told 202.
struct Acknowledgement {
  WallTime now;
  ReceiptId receipt;                             ///< Our own, until PDI's is there.
  Points provisional;                            ///< What the sale earns, as far as the store knows.
  std::optional<Points> balance = std::nullopt;  ///< And comes to; nullopt: nobody knows the member's.
  /// Of the store's rules, when those worked `provisional` out anew; nullopt: as the basket was priced.
  std::optional<std::string> rules_version = std::nullopt;
  rules::ReceiptForm form = {};
  bool by_standin = true;
};

/// A till is told 202 of a sale that awaits PDI, if it has not been before. Errors: session_state.
Result<Outcome> acknowledged(Session session, const Acknowledgement& told);

/// The stand-in takes a sale of a calculated session on. Errors: session_state.
Result<Outcome> enqueued(Session session, Sale sale, std::string traceparent, const Acknowledgement& told);

/// finalize is about to leave, for the first time or once more. Errors: session_state.
Result<Session> sending(Session session, WallTime now);

/// `reply` is PDI's to the finalize that `session`, which is finalizing, has sent. `waiting`: what to tell
/// the till that still waits for this very call; nullopt: none does. `standin`: a sale that did not leave may
/// be queued rather than be asked for anew. `form`: of the receipt, if PDI has booked it. Errors:
/// session_state.
Result<Outcome> concluded(Session session, const pdi::Reply<pdi::Finalized>& reply, WallTime now,
                          const std::optional<Acknowledgement>& waiting, bool standin,
                          const rules::ReceiptForm& form);

/// PDI has booked the sale. Errors: session_state.
Result<Outcome> booked(Session session, const pdi::Finalized& finalized, WallTime now,
                       const rules::ReceiptForm& form);

/// The process that sent finalize is no more. Errors: session_state.
Result<Session> lost(Session session, WallTime now);

/// A person is to decide. Errors: session_state.
Result<Session> referred(Session session, std::string reason, std::optional<ProviderFault> refusal);

/// The person wants what is in review tried again. Errors: session_state.
Result<Session> reopened(Session session);
/// The person closes it: PDI will never book it. Errors: session_state.
Result<Outcome> discarded(Session session, std::string reason, WallTime now);

/// The till gives the session up, by the call that `traceparent` belongs to. Errors: session_state.
Result<Outcome> abandoned(Session session, std::string reason, std::string traceparent, WallTime now);

}  // namespace perkline::edge::session
