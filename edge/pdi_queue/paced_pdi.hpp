#pragma once

#include <functional>
#include <memory>

#include "pdi_client/pdi.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::edge::pdi_queue {

/// PDI behind a few places: each call waits for one, first come, first served, and holds it no longer than it
/// is out. So the sales under way may be many, and PDI's answers, not the disk, are what sets the pace.
/// Deadlines count from the call's place: how long one may take is what they say. Reactor's thread.
class PacedPdi final : public pdi::Pdi {
 public:
  /// `places`: how many there are, at least one; asked whenever one is wanted. What is referred to must
  /// outlive it.
  PacedPdi(pdi::Pdi& pdi, net::AsyncClock& clock, std::function<std::size_t()> places);
  ~PacedPdi() override;

  Task<pdi::Reply<pdi::Identified>> identify(pdi::IdentifyCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::Rewards>> calculate(pdi::CalculateCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::Finalized>> finalize(pdi::FinalizeCall call, MonoTime deadline) override;
  Task<pdi::Reply<pdi::SessionStatus>> status(pdi::StatusCall call, MonoTime deadline) override;

  /// Calls that wait, and all that follow, are not tried.
  void stop();

 private:
  struct Line;
  template <class T, class Call>
  static Task<pdi::Reply<T>> paced(std::shared_ptr<Line> line, MonoTime deadline, Call call);

  std::shared_ptr<Line> line_;
};

}  // namespace perkline::edge::pdi_queue
