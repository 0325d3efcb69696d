#include "pdi_client/guard.hpp"

#include <algorithm>
#include <expected>
#include <utility>

#include "pdi_client/places.hpp"
#include "pdi_client/retry.hpp"
#include "pdi_client/retry_after.hpp"
#include "pdi_client/verdict.hpp"

namespace perkline::pdi {
namespace {

/// A 429 that does not say for how long.
constexpr Millis gate_pause{1000};
/// Of settlement's retries, so many a minute are let through where its calls are few: after a short outage
/// they are all that there is to do.
constexpr std::size_t settlement_retries_always = 60;
/// When to look again whether an operator still holds the breaker open.
constexpr Millis forced_pause{1000};

enum class Caller : std::uint8_t { till, settlement };

/// Who may make a call, and how often.
struct Rule {
  Caller caller;
  bool repeatable;
  Millis timeout;
};

/// What a call under way holds.
struct Admission {
  Breaker::Permit permit;
  std::optional<Places::Place> place;  ///< Of settlement's.
};

}  // namespace

struct Guard::State {
  State(Pdi& guarded, net::AsyncClock& time, Rng& random, GuardOptions given)
      : pdi(guarded),
        clock(time),
        rng(random),
        options(std::move(given)),
        breaker(options.breaker, rng),
        settling(options.settlement_in_flight_max) {}

  Pdi& pdi;
  net::AsyncClock& clock;
  Rng& rng;
  GuardOptions options;
  Breaker breaker;
  Places settling;
  RetryBudget till_budget;
  RetryBudget settlement_budget{settlement_retries_always};
  MonoTime gate_until{};
  BreakerState told = BreakerState::closed;

  MonoTime now() const { return clock.mono_now(); }
  RetryBudget& budget_of(Caller caller) { return caller == Caller::till ? till_budget : settlement_budget; }
  MonoTime open_at() const {
    const MonoTime open = breaker.open_at();
    return std::max(open == MonoTime::max() ? now() + forced_pause : open, gate_until);
  }
  /// The state of now, and the change told if it is one.
  BreakerState look() {
    const BreakerState is = breaker.state(now());
    if (is == told) return is;
    const BreakerState was = std::exchange(told, is);
    if (options.on_change) options.on_change(was, is);
    return is;
  }

  std::expected<Admission, Failure> admit(Caller caller, MonoTime deadline) {
    const BreakerState is = look();
    if (now() < gate_until) return refuse("PDI has asked for patience");
    if (caller == Caller::till && is != BreakerState::closed) return refuse("the circuit breaker is open");
    if (now() >= deadline) return refuse("no time is left");
    std::optional<Places::Place> place;
    if (caller == Caller::settlement) {
      place = settling.take();
      if (!*place) return refuse("settlement's calls are all under way");
    }
    auto permit = breaker.admit(now());
    if (!permit) return refuse("the circuit breaker is open");
    return Admission{.permit = std::move(*permit), .place = std::move(place)};
  }
  std::unexpected<Failure> refuse(const char* why) const {
    const MonoTime::duration wait = open_at() - now();
    Failure failure{.outcome = Outcome::not_tried,
                    .may_have_been_sent = false,
                    .error = {.code = Errc::pdi_unavailable, .detail = why}};
    if (wait > MonoTime::duration::zero()) failure.error.retry_after = std::chrono::ceil<Millis>(wait);
    return std::unexpected(std::move(failure));
  }

  void close_gate(const Failure& failure) {
    const Millis pause = stretched(failure.error.retry_after.value_or(gate_pause), rng);
    gate_until = std::max<MonoTime>(gate_until, now() + pause);
  }
  template <class T>
  void judge(Breaker::Permit permit, const Reply<T>& reply, MonoTime::duration took, Millis timeout) {
    if (reply) {
      std::move(permit).succeeded(is_slow(took, timeout), now());
    } else {
      if (reply.error().outcome == Outcome::rate_limited) close_gate(reply.error());
      pdi::judge(std::move(permit), reply.error(), now());
    }
    look();
  }
};

class Guard::View final : public Pdi {
 public:
  View(std::shared_ptr<State> state, Caller caller) : state_(std::move(state)), caller_(caller) {}

  Task<Reply<Identified>> identify(IdentifyCall call, MonoTime deadline) override {
    return guarded<Identified>(
        state_, repeatable(state_->options.timeouts.identify), deadline,
        [&pdi = state_->pdi, call = std::move(call), deadline] { return pdi.identify(call, deadline); });
  }
  Task<Reply<Rewards>> calculate(CalculateCall call, MonoTime deadline) override {
    return guarded<Rewards>(
        state_, repeatable(state_->options.timeouts.calculate), deadline,
        [&pdi = state_->pdi, call = std::move(call), deadline] { return pdi.calculate(call, deadline); });
  }
  Task<Reply<Finalized>> finalize(FinalizeCall call, MonoTime deadline) override {
    const Rule once{.caller = caller_, .repeatable = false, .timeout = state_->options.timeouts.finalize};
    return guarded<Finalized>(state_, once, deadline, [&pdi = state_->pdi, call = std::move(call), deadline] {
      return pdi.finalize(call, deadline);
    });
  }
  Task<Reply<SessionStatus>> status(StatusCall call, MonoTime deadline) override {
    return guarded<SessionStatus>(
        state_, repeatable(state_->options.timeouts.status), deadline,
        [&pdi = state_->pdi, call = std::move(call), deadline] { return pdi.status(call, deadline); });
  }

 private:
  Rule repeatable(Millis timeout) const {
    return {.caller = caller_, .repeatable = caller_ == Caller::till, .timeout = timeout};
  }

  /// `call` starts the call each time it is called.
  template <class T, class Call>
  static Task<Reply<T>> guarded(std::shared_ptr<State> state, Rule rule, MonoTime deadline, Call call) {
    auto first = state->admit(rule.caller, deadline);
    if (!first) co_return std::unexpected(std::move(first.error()));
    state->budget_of(rule.caller).note_call(state->now());
    auto reply = co_await attempt<T>(state, std::move(*first), rule.timeout, call);
    if (reply || !rule.repeatable ||
        !is_worth_repeating(
            {.outcome = reply.error().outcome, .left = deadline - state->now(), .timeout = rule.timeout}))
      co_return reply;
    auto second = state->admit(rule.caller, deadline);
    if (!second || !state->budget_of(rule.caller).take(state->now())) co_return reply;
    co_return co_await attempt<T>(state, std::move(*second), rule.timeout, call);
  }

  /// `call` outlives the task.
  template <class T, class Call>
  static Task<Reply<T>> attempt(std::shared_ptr<State> state, Admission admission, Millis timeout,
                                const Call& call) {
    const MonoTime began = state->now();
    auto reply = co_await call();
    state->judge(std::move(admission.permit), reply, state->now() - began, timeout);
    co_return reply;
  }

  std::shared_ptr<State> state_;
  Caller caller_;
};

Guard::Guard(Pdi& pdi, net::AsyncClock& clock, Rng& rng, GuardOptions options)
    : state_(std::make_shared<State>(pdi, clock, rng, std::move(options))),
      tills_(std::make_unique<View>(state_, Caller::till)),
      settlement_(std::make_unique<View>(state_, Caller::settlement)) {}
Guard::~Guard() = default;

Pdi& Guard::tills() {
  return *tills_;
}
Pdi& Guard::settlement() {
  return *settlement_;
}
BreakerState Guard::state() const {
  return state_->look();
}
MonoTime Guard::open_at() const {
  return state_->open_at();
}
bool Guard::take_settlement_retry() {
  return state_->settlement_budget.take(state_->now());
}
void Guard::force_open() {
  state_->breaker.force_open();
  state_->look();
}
void Guard::automatic() {
  state_->breaker.automatic();
  state_->look();
}

}  // namespace perkline::pdi
