#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "edge/journal/space.hpp"
#include "edge/session/finalizer.hpp"
#include "edge/session/ports.hpp"
#include "edge/session/session.hpp"
#include "edge/session/session_writer.hpp"

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

struct VoidRequest {
  SessionId session;
  std::string reason;
};

struct ReturnRequest {
  TransactionId original_transaction;
  TransactionId transaction;  ///< The return's own.
  Money amount;
  std::optional<StoreId> original_store = std::nullopt;  ///< nullopt: this one.
};

struct FlowOptions {
  StoreId store;
  Currency currency;
  Millis ttl = hours{24};
  PdiTimeouts timeouts = {};
  StandIn standin = {};
  /// How much room the journal has; empty: ample. Without ample room no sale or return begins, without any
  /// nothing that would be journalled does; both are storage_full.
  std::function<journal::Room()> room = {};
  std::optional<WallTime> restored_at = std::nullopt;  ///< The journal's latest restore; nullopt: none.
};

/// The till's calls (contract.md §5), each a coroutine that runs to its end whether or not anybody still
/// listens: an intent that is journalled always gets its outcome, from the call itself or from the queue.
/// The calls of one session run one after another; when PDI does not answer in time, the stand-in does.
/// Reactor's thread.
///
/// `traceparent`: the call's, which goes on to PDI and, from finalize, void and return, into the event.
/// Errors of all: storage_full, not_found, session_busy, session_state, transaction_reused, pdi_rejected,
/// pdi_unavailable (without a stand-in), and what SessionStore gives.
class Flows {
 public:
  /// Told of each sale that is left to be settled; finalize had its last byte sent by `last_byte`.
  using OnOpen = std::function<void(const SessionId& id, MonoTime last_byte)>;
  /// `writer` and `finalizer` must outlive the flows, as all of `ports`.
  Flows(FlowOptions options, Ports ports, SessionWriter& writer, Finalizer& finalizer, OnOpen on_open);

  Task<Result<Answer>> identify(IdentifyRequest request, std::string traceparent = {});
  Task<Result<Answer>> calculate_rewards(CalculateRequest request, std::string traceparent = {});
  /// Also validation_failed (a transaction that is not the session's) and redemption_limit. PDI's refusal is
  /// an answer like any other: it is kept, and told again.
  Task<Result<Answer>> finalize(FinalizeRequest request, std::string traceparent);
  /// What is durable; waits for no other call.
  Task<Result<Answer>> status(SessionId id);
  Task<Result<Answer>> void_session(VoidRequest request, std::string traceparent = {});
  /// Goods of a finalized sale, of one that is pending, or of another store's. Also return_exceeds_sale. A
  /// pending one is told again with its points once they are known.
  Task<Result<Answer>> return_goods(ReturnRequest request, std::string traceparent);

  /// From the next call on. Whether there is a stand-in at all stays as it is.
  void set_standin(StandIn standin);

  // For till calls that begin where these end (edge/programme): their turn among those of that key, which is
  // a session's id or `transaction:<id>`; whether there is room for something new; a session as it is by now;
  // and that a till is told 202 of an open sale, if none has been.
  Task<Result<net::KeyedLock::Guard>> take_turn(std::string key);
  Result<void> may_begin() const;
  Task<Result<SharedSession>> load(SessionId id);
  Task<Result<Answer>> acknowledge(SessionId id);

 private:
  Task<pdi::Reply<pdi::Identified>> identify_or_lend(IdentifyRequest request, std::string traceparent,
                                                     std::shared_ptr<SessionId> stood_in);
  Task<void> lend(SessionId id, ProviderSessionId provider_session);
  Result<Session> opened(const IdentifyRequest& request, std::optional<pdi::Identified> identified);
  Result<Priced> price_offline(const Session& session, Basket basket);

  Task<Result<Answer>> replay_finalize(SharedSession session, FinalizeRequest request);
  Result<void> may_finalize(const Session& session, const FinalizeRequest& request) const;
  Result<Points> redeemable(const Session& session, Mode mode) const;
  Result<void> may_redeem(const Session& session, const Sale& sale) const;
  Result<void> check_transaction(const Session& session, const TransactionId& transaction) const;
  Result<Acknowledgement> acknowledgement(const Session& session, const Sale& sale) const;
  Task<Result<Answer>> finalize_online(SharedSession session, Sale sale, std::string traceparent);
  Task<Result<Finalizer::Sent>> finish_online(SharedSession intent, Acknowledgement told);
  Task<Result<Answer>> finalize_standin(SharedSession session, Sale sale, std::string traceparent);

  Result<Answer> replay_return(const SessionStore::Named& named, const ReturnRequest& request) const;
  Task<Result<Answer>> return_own(SessionId id, ReturnRequest request, std::string traceparent);
  Task<Result<Answer>> return_foreign(ReturnRequest request, std::string traceparent);

  MonoTime deadline(Millis timeout) const { return ports_.clock.mono_now() + timeout; }

  FlowOptions options_;
  Ports ports_;
  SessionWriter& writer_;
  Finalizer& finalizer_;
  OnOpen on_open_;
};

}  // namespace perkline::edge::session
