#pragma once

#include <optional>
#include <string>

#include "edge/session/aging_clock.hpp"
#include "edge/session/ports.hpp"
#include "edge/session/resolver.hpp"
#include "edge/session/session.hpp"

namespace perkline::edge::session {

struct IdentifyRequest {
  CustomerId customer;
  ChannelId channel;
  TransactionId transaction;
};

struct CalculateRequest {
  SessionId session;
  Basket basket;
};

struct FinalizeRequest {
  SessionId session;
  TransactionId transaction;
  Sale sale;
};

struct FlowOptions {
  StoreId store;
  Currency currency;
  Millis ttl = hours{24};
  PdiTimeouts timeouts = {};
};

/// The till's calls (contract.md §5), each a coroutine that runs to its end whether or not anybody still
/// listens: an intent that is journalled always gets its outcome, from the call itself or from the resolver.
/// The calls of one session run one after another. Reactor's thread.
///
/// Errors of all: not_found, session_busy, session_state, transaction_reused, pdi_rejected, pdi_unavailable,
/// and what SessionStore gives.
class Flows {
 public:
  /// `resolver` must outlive the flows, as all of `ports`.
  Flows(FlowOptions options, Ports ports, Resolver& resolver);

  Task<Result<Answer>> identify(IdentifyRequest request);
  Task<Result<Answer>> calculate_rewards(CalculateRequest request);
  /// Also validation_failed (a transaction that is not the session's) and redemption_limit. PDI's refusal is
  /// an answer like any other: it is kept, and told again. `traceparent` goes into the event.
  Task<Result<Answer>> finalize(FinalizeRequest request, std::string traceparent);
  /// What is durable; waits for no other call.
  Task<Result<Answer>> status(SessionId id);

 private:
  Task<Result<net::KeyedLock::Guard>> take_turn(std::string key);
  Task<Result<Session>> load(SessionId id);
  Task<Result<Session>> expire_if_old(Session session);
  Session opened(const IdentifyRequest& request, pdi::Identified identified);
  std::optional<Result<Answer>> settled_before(const Session& session, const FinalizeRequest& request) const;
  Result<void> may_finalize(const Session& session, const FinalizeRequest& request) const;
  Result<void> check_transaction(const Session& session, const TransactionId& transaction) const;
  Task<Result<Session>> journal_intent(Session session, Sale sale, std::string traceparent);
  Task<Result<Answer>> conclude(Session session, pdi::Reply<pdi::Finalized> reply, MonoTime began);
  Task<Result<Answer>> keep(Session done, std::vector<journal::NewEvent> events);
  bool is_finalizing(const SessionId& id) const;
  MonoTime deadline(Millis timeout) const { return ports_.clock.mono_now() + timeout; }
  bool is_old(const Session& session);

  FlowOptions options_;
  Ports ports_;
  Resolver& resolver_;
  AgingClock aging_;
};

}  // namespace perkline::edge::session
