#include "edge/pdi_queue/paced_pdi.hpp"

#include <list>
#include <optional>
#include <utility>

#include "shared/net/signal.hpp"

namespace perkline::edge::pdi_queue {

/// Shared with the calls: they may end after all else, with their reactor.
struct PacedPdi::Line {
  struct Waiter {
    net::Signal called;
    bool has_place = false;
  };

  pdi::Pdi& pdi;
  net::AsyncClock& clock;
  std::function<std::size_t()> places;
  std::size_t taken = 0;
  std::list<std::weak_ptr<Waiter>> waiting = {};
  bool stopped = false;

  bool take() {
    if (stopped || !waiting.empty() || taken >= places()) return false;
    ++taken;
    return true;
  }
  void give_back() {
    --taken;
    while (!stopped && !waiting.empty() && taken < places()) {
      const auto next = waiting.front().lock();
      waiting.pop_front();
      if (!next) continue;
      ++taken;
      next->has_place = true;
      next->called.notify();
    }
  }
};

PacedPdi::PacedPdi(pdi::Pdi& pdi, net::AsyncClock& clock, std::function<std::size_t()> places)
    : line_(std::make_shared<Line>(Line{.pdi = pdi, .clock = clock, .places = std::move(places)})) {}
/// Who still waits goes with the reactor, when what tells of places is gone.
PacedPdi::~PacedPdi() {
  line_->stopped = true;
}

void PacedPdi::stop() {
  line_->stopped = true;
  for (const auto& waiting : std::exchange(line_->waiting, {})) {
    if (const auto waiter = waiting.lock()) waiter->called.notify();
  }
}

/// `call` makes the call, to end by the deadline it is given.
template <class T, class Call>
Task<pdi::Reply<T>> PacedPdi::paced(std::shared_ptr<Line> line, MonoTime deadline, Call call) {
  const MonoTime::duration patience = deadline - line->clock.mono_now();
  if (!line->take()) {
    const auto waiter = std::make_shared<Line::Waiter>();
    if (!line->stopped) {
      line->waiting.push_back(waiter);
      co_await waiter->called.wait();
    }
    if (!waiter->has_place) {
      co_return std::unexpected(
          pdi::Failure{.outcome = pdi::Outcome::not_tried,
                       .error = {.code = Errc::pdi_unavailable, .detail = "settlement ends"}});
    }
  }
  // Not by a destructor: calls that are destroyed go with all else, and what tells of places may be gone.
  std::optional<pdi::Reply<T>> reply;
  try {
    reply = co_await call(line->clock.mono_now() + patience);
  } catch (...) {
    line->give_back();
    throw;
  }
  line->give_back();
  co_return std::move(*reply);
}

Task<pdi::Reply<pdi::Identified>> PacedPdi::identify(pdi::IdentifyCall call, MonoTime deadline) {
  return paced<pdi::Identified>(line_, deadline,
                                [&pdi = line_->pdi, call = std::move(call)](MonoTime until) mutable {
                                  return pdi.identify(std::move(call), until);
                                });
}

Task<pdi::Reply<pdi::Rewards>> PacedPdi::calculate(pdi::CalculateCall call, MonoTime deadline) {
  return paced<pdi::Rewards>(line_, deadline,
                             [&pdi = line_->pdi, call = std::move(call)](MonoTime until) mutable {
                               return pdi.calculate(std::move(call), until);
                             });
}

Task<pdi::Reply<pdi::Finalized>> PacedPdi::finalize(pdi::FinalizeCall call, MonoTime deadline) {
  return paced<pdi::Finalized>(line_, deadline,
                               [&pdi = line_->pdi, call = std::move(call)](MonoTime until) mutable {
                                 return pdi.finalize(std::move(call), until);
                               });
}

Task<pdi::Reply<pdi::SessionStatus>> PacedPdi::status(pdi::StatusCall call, MonoTime deadline) {
  return paced<pdi::SessionStatus>(line_, deadline,
                                   [&pdi = line_->pdi, call = std::move(call)](MonoTime until) mutable {
                                     return pdi.status(std::move(call), until);
                                   });
}

}  // namespace perkline::edge::pdi_queue
