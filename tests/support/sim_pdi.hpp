#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pdi_client/pdi.hpp"
#include "shared/core/ids.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::test {

enum class PdiCall : std::uint8_t { identify, calculate, finalize, status };

/// What befalls one call on its way. Requests that are under way arrive whether or not their sender still
/// lives.
struct PdiFault {
  Millis there{5};  ///< Until PDI has the request; what PDI does, it does then.
  Millis back{5};   ///< Until the caller has the answer.
  bool lose_request = false;
  bool lose_answer = false;
  std::optional<pdi::Failure> refuse_to_send =
      std::nullopt;                                    ///< The client's own answer, at once: nothing leaves.
  std::optional<ProviderFault> reject = std::nullopt;  ///< PDI's answer; it does nothing.
};

struct SimMember {
  CustomerId id;
  std::string name;
  std::string tier;
  Points balance;
  bool blocked = false;
};

/// One booking, as `/sandbox/ledger` lists it.
struct SimBooking {
  TransactionId transaction;
  ProviderSessionId session;
  CustomerId customer;
  Money final_amount;
  Points earned;
  Points redeemed;
  Points new_balance;
  ReceiptId receipt;
};

/// PDI as the outside world: its books survive every crash of ours. As pdi-sandbox it never deduplicates:
/// each identify opens a session, each finalize that arrives books, also on a session that is finalized. The
/// rules are the default ones (contract.md §5). One thread.
class SimPdiBooks {
 public:
  /// Knows CUST-12345, John Doe, Gold, 5000 points, and CUST-00001, blocked.
  SimPdiBooks();

  void add(SimMember member);
  const SimMember& member(const CustomerId& id) const { return members_.at(id); }
  const std::vector<SimBooking>& ledger() const { return ledger_; }
  /// How many calls of that kind have left a client.
  std::size_t sent(PdiCall call) const { return sent_.contains(call) ? sent_.at(call) : 0; }
  /// The trace that the last call of that kind belonged to.
  const std::string& trace(PdiCall call) { return traces_[call]; }
  std::size_t sessions() const { return sessions_.size(); }
  /// As if PDI had lost it.
  void forget(const ProviderSessionId& session) { sessions_.erase(session); }

  /// The next call of that kind gets this fault; several queue up.
  void next(PdiCall call, PdiFault fault) { planned_[call].push_back(std::move(fault)); }
  /// Every call that nothing was planned for gets its fault from here.
  void otherwise(std::function<PdiFault(PdiCall)> fault) { otherwise_ = std::move(fault); }

  /// Does what has arrived by `now`, in the order of arrival. For late arrivals while no caller lives.
  void run_until(MonoTime now);

 private:
  friend class SimPdi;
  using Request = std::variant<pdi::IdentifyCall, pdi::CalculateCall, pdi::FinalizeCall, ProviderSessionId>;
  using Done = std::variant<std::monostate, pdi::Identified, pdi::Rewards, pdi::Finalized, pdi::SessionStatus,
                            ProviderFault>;
  struct Session {
    CustomerId customer;
    std::string status = "active";
    std::optional<pdi::Finalized> finalized = std::nullopt;
  };
  struct Arrival {
    std::uint64_t ticket;
    Request request;
    std::optional<ProviderFault> reject;
  };

  void note_trace(PdiCall call, std::string traceparent) { traces_[call] = std::move(traceparent); }
  PdiFault fault_of(PdiCall call);
  std::uint64_t send(MonoTime arrives, Request request, std::optional<ProviderFault> reject);
  Done answer(std::uint64_t ticket);
  Done perform(const Request& request);
  Done perform(const pdi::IdentifyCall& call);
  Done perform(const pdi::CalculateCall& call);
  Done perform(const pdi::FinalizeCall& call);
  Done perform(const ProviderSessionId& session);

  std::map<CustomerId, SimMember> members_;
  std::map<ProviderSessionId, Session> sessions_;
  std::vector<SimBooking> ledger_;
  std::map<PdiCall, std::size_t> sent_;
  std::map<PdiCall, std::string> traces_;
  std::map<PdiCall, std::deque<PdiFault>> planned_;
  std::function<PdiFault(PdiCall)> otherwise_;
  std::multimap<MonoTime, Arrival> on_their_way_;
  std::map<std::uint64_t, Done> done_;
  std::uint64_t last_ticket_ = 0;
  std::uint64_t last_session_ = 0;
};

/// One process's line to the books.
class SimPdi final : public pdi::Pdi {
 public:
  SimPdi(SimPdiBooks& books, net::AsyncClock& clock) : books_(books), clock_(clock) {}

  Task<pdi::Reply<pdi::Identified>> identify(pdi::IdentifyCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::Rewards>> calculate(pdi::CalculateCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::Finalized>> finalize(pdi::FinalizeCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::SessionStatus>> status(pdi::StatusCall request, MonoTime deadline) override;

 private:
  template <class T>
  Task<pdi::Reply<T>> call(PdiCall kind, SimPdiBooks::Request request, MonoTime deadline);

  SimPdiBooks& books_;
  net::AsyncClock& clock_;
};

/// Failures as PdiHttp gives them, for PdiFault::refuse_to_send and for fakes.
pdi::Failure pdi_not_sent(pdi::Outcome outcome, std::optional<Millis> retry_after = std::nullopt);
pdi::Failure pdi_silent();

}  // namespace perkline::test
