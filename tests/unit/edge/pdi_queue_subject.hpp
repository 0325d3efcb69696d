#pragma once

#include <gtest/gtest.h>

#include "tests/support/sim_store.hpp"

namespace perkline::edge::session {

using test::PdiCall;
using test::PdiFault;
using test::SimBooking;

/// A store whose finalize met a fault of PDI's.
class InDoubt : public ::testing::Test {
 protected:
  /// A sale whose finalize met `fault`.
  void finalize_into(PdiFault fault) {
    till.session = life->identify(till);
    ASSERT_TRUE(life->calculate(till));
    outside.pdi.next(PdiCall::finalize, std::move(fault));
    const auto answer = life->finalize(till);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status, 202);
    ASSERT_EQ(life->queue.depth(), 1u);
    doubt_began = outside.time.mono;
  }
  void restart() {
    life.reset();
    life = std::make_unique<Life>(outside);
  }
  /// Sales that were told to the hub as booked.
  std::size_t booked_events() {
    std::size_t count = 0;
    for (const sync::Event& event : life->events())
      count +=
          type_name(event.payload) == "SaleFinalized" || type_name(event.payload) == "SaleSettled" ? 1 : 0;
    return count;
  }
  double since_doubt() const {
    return std::chrono::duration<double>(outside.time.mono - doubt_began).count();
  }

  Outside outside;
  std::unique_ptr<Life> life = std::make_unique<Life>(outside);
  Till till;
  MonoTime doubt_began;
};

}  // namespace perkline::edge::session
