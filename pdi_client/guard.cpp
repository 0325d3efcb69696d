#include "pdi_client/guard.hpp"

#include <algorithm>
#include <utility>

#include "pdi_client/retry_budget.hpp"

namespace perkline::pdi {
namespace {

/// A 429 that does not say for how long.
constexpr Millis gate_pause{1000};

enum class Caller : std::uint8_t { till, settlement };

}  // namespace

struct Guard::State {
  State(Pdi& guarded, net::AsyncClock& time, Rng& rng, GuardOptions given)
      : pdi(guarded), clock(time), options(std::move(given)), breaker(options.breaker, rng) {}

  Pdi& pdi;
  net::AsyncClock& clock;
  GuardOptions options;
  Breaker breaker;
  RetryBudget budget;
  MonoTime gate_until{};
  BreakerState told = BreakerState::closed;

  MonoTime now() const { return clock.mono_now(); }
  MonoTime open_at() { return std::max(breaker.open_at(), gate_until); }
  void tell() {
    const BreakerState is = breaker.state(now());
    if (is == told) return;
    const BreakerState was = std::exchange(told, is);
    if (options.on_change) options.on_change(was, is);
  }

  std::optional<Breaker::Ticket> admit(Caller caller) {
    const BreakerState is = breaker.state(now());
    tell();
    if (now() < gate_until || (caller == Caller::till && is != BreakerState::closed)) return std::nullopt;
    return breaker.admit(now());
  }
  Failure not_tried() {
    const MonoTime open = open_at();
    const MonoTime at = now();
    Failure failure{.outcome = Outcome::not_tried,
                    .may_have_been_sent = false,
                    .error = {.code = Errc::pdi_unavailable, .detail = "the circuit breaker is open"}};
    if (open > at && open != MonoTime::max())
      failure.error.retry_after = std::chrono::ceil<Millis>(open - at);
    return failure;
  }

  template <class T>
  void judge(Breaker::Ticket ticket, const Reply<T>& reply, MonoTime::duration took, Millis timeout) {
    if (reply) {
      breaker.succeeded(ticket, took >= timeout * 4 / 5, now());
    } else {
      judge_failure(ticket, reply.error());
    }
    tell();
  }
  void judge_failure(Breaker::Ticket ticket, const Failure& failure) {
    switch (failure.outcome) {
      case Outcome::rejected:
      case Outcome::forbidden:
        return breaker.succeeded(ticket, false, now());
      case Outcome::unauthorized:
      case Outcome::unavailable:
        return breaker.failed(ticket, now(), failure.error.retry_after);
      case Outcome::rate_limited:
        gate_until = std::max(gate_until, now() + failure.error.retry_after.value_or(gate_pause));
        return breaker.ignored(ticket);
      case Outcome::not_tried:
      case Outcome::no_token:
        return breaker.ignored(ticket);
    }
  }
};

/// Given back as ignored when its call ends without a word, as when its flow is destroyed.
class Permit {
 public:
  explicit Permit(std::function<void()> give_back) : give_back_(std::move(give_back)) {}
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() {
    if (give_back_) give_back_();
  }
  void used() { give_back_ = nullptr; }

 private:
  std::function<void()> give_back_;
};

class Guard::View final : public Pdi {
 public:
  View(std::shared_ptr<State> state, Caller caller) : state_(std::move(state)), caller_(caller) {}

  Task<Reply<Identified>> identify(IdentifyCall call, MonoTime deadline) override {
    return guarded<Identified>(
        state_, caller_, caller_ == Caller::till, state_->options.timeouts.identify, deadline,
        [&pdi = state_->pdi, call = std::move(call), deadline] { return pdi.identify(call, deadline); });
  }
  Task<Reply<Rewards>> calculate(CalculateCall call, MonoTime deadline) override {
    return guarded<Rewards>(
        state_, caller_, caller_ == Caller::till, state_->options.timeouts.calculate, deadline,
        [&pdi = state_->pdi, call = std::move(call), deadline] { return pdi.calculate(call, deadline); });
  }
  Task<Reply<Finalized>> finalize(FinalizeCall call, MonoTime deadline) override {
    return guarded<Finalized>(
        state_, caller_, false, state_->options.timeouts.finalize, deadline,
        [&pdi = state_->pdi, call = std::move(call), deadline] { return pdi.finalize(call, deadline); });
  }
  Task<Reply<SessionStatus>> status(ProviderSessionId session, MonoTime deadline) override {
    return guarded<SessionStatus>(state_, caller_, caller_ == Caller::till, state_->options.timeouts.status,
                                  deadline, [&pdi = state_->pdi, session = std::move(session), deadline] {
                                    return pdi.status(session, deadline);
                                  });
  }

 private:
  /// `call` starts the call each time it is called; `again`: it may be tried a second time.
  template <class T, class Call>
  static Task<Reply<T>> guarded(std::shared_ptr<State> state, Caller caller, bool again, Millis timeout,
                                MonoTime deadline, Call call) {
    while (true) {
      const auto ticket = state->admit(caller);
      if (!ticket) co_return std::unexpected(state->not_tried());
      Permit permit([state, ticket] { state->breaker.ignored(*ticket); });
      state->budget.note_call();
      const MonoTime began = state->now();
      auto reply = co_await call();
      permit.used();
      state->judge(*ticket, reply, state->now() - began, timeout);
      const bool silent = !reply && reply.error().outcome == Outcome::unavailable;
      if (!silent || !std::exchange(again, false) || state->now() >= deadline || !state->budget.take())
        co_return reply;
    }
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
  state_->tell();
  return state_->breaker.state(state_->now());
}
MonoTime Guard::open_at() const {
  return state_->open_at();
}
void Guard::force_open() {
  state_->breaker.force_open();
  state_->tell();
}
void Guard::automatic() {
  state_->breaker.automatic();
  state_->tell();
}

}  // namespace perkline::pdi
