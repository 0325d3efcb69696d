#pragma once

#include <functional>
#include <string>

#include "pdi_client/guard.hpp"
#include "pdi_client/pdi.hpp"
#include "tests/simulation/fate.hpp"
#include "tests/simulation/plant.hpp"
#include "tests/simulation/trace.hpp"

namespace perkline::simulation {

/// Who makes a call, told in the place of its trace context from above the guard to below it.
inline constexpr std::string_view till_mark = "till";

/// What the guard calls: every call it lets through is held against what the breaker says.
class WatchedCalls final : public pdi::Pdi {
 public:
  WatchedCalls(pdi::Pdi& pdi, Trace& trace, std::string store)
      : pdi_(pdi), trace_(trace), store_(std::move(store)) {}
  void watch(const pdi::Guard& guard) { guard_ = &guard; }
  std::size_t under_way() const { return under_way_; }

  Task<pdi::Reply<pdi::Identified>> identify(pdi::IdentifyCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::Rewards>> calculate(pdi::CalculateCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::Finalized>> finalize(pdi::FinalizeCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::SessionStatus>> status(pdi::StatusCall call, MonoTime deadline) override;

 private:
  void look(bool by_till);
  template <class T>
  Task<pdi::Reply<T>> counted(Task<pdi::Reply<T>> call);

  pdi::Pdi& pdi_;
  Trace& trace_;
  std::string store_;
  const pdi::Guard* guard_ = nullptr;
  std::size_t under_way_ = 0;
};

/// One of the guard's two views, as a flow calls it.
class WatchedCaller final : public pdi::Pdi {
 public:
  struct Watch {
    std::string_view mark;
    const pdi::Guard& guard;
    const WatchedCalls& calls;
    net::AsyncClock& clock;
    Trace& trace;
    std::string store;
    Plant plant;
  };
  WatchedCaller(pdi::Pdi& view, Watch watch) : view_(view), watch_(std::move(watch)) {}

  Task<pdi::Reply<pdi::Identified>> identify(pdi::IdentifyCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::Rewards>> calculate(pdi::CalculateCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::Finalized>> finalize(pdi::FinalizeCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::SessionStatus>> status(pdi::StatusCall call, MonoTime deadline) override;

 private:
  template <class T>
  Task<pdi::Reply<T>> told(Task<pdi::Reply<T>> call);
  Task<pdi::Reply<pdi::Finalized>> finalize_wrongly(pdi::FinalizeCall call, MonoTime deadline);
  static Task<pdi::Reply<pdi::SessionStatus>> call_it_open();

  pdi::Pdi& view_;
  Watch watch_;
};

}  // namespace perkline::simulation
