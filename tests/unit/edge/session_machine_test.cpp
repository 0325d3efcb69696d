#include <gtest/gtest.h>

#include "edge/session/outcome.hpp"
#include "edge/session/session.hpp"

namespace perkline::edge::session {
namespace {

constexpr std::array all_statuses{Status::active, Status::calculated, Status::finalizing, Status::in_doubt,
                                  Status::queued, Status::finalized,  Status::failed,     Status::expired,
                                  Status::voided, Status::review};
constexpr std::array all_steps{Step::calculate, Step::finalize, Step::enqueue,  Step::send,
                               Step::committed, Step::rejected, Step::not_sent, Step::lost,
                               Step::refer,     Step::discard,  Step::note,     Step::give_back,
                               Step::abandon,   Step::expire,   Step::recover,  Step::spin};

Session in_status(Status status) {
  Session session{.currency = *find_currency("USD")};
  session.status = status;
  session.version = 7;
  return session;
}

TEST(SessionMachine, EveryStepRaisesTheVersionByOne) {
  for (const Rule& rule : rules) {
    const auto next = take_step(in_status(rule.from), rule.step);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->status, rule.to);
    EXPECT_EQ(next->version, 8u);
  }
}

TEST(SessionMachine, APairOutsideTheTableIsRefused) {
  std::size_t refused = 0;
  for (const Status status : all_statuses) {
    for (const Step step : all_steps) {
      if (next_status(status, step)) continue;
      ++refused;
      const auto next = take_step(in_status(status), step);
      ASSERT_FALSE(next) << name_of(status);
      EXPECT_EQ(next.error().code, Errc::session_state);
    }
  }
  EXPECT_EQ(refused, all_statuses.size() * all_steps.size() - rules.size());
}

TEST(SessionMachine, OnlyWhatPdiNeverSawMayExpire) {
  for (const Status status : all_statuses) {
    EXPECT_EQ(may_expire(in_status(status)), status == Status::active || status == Status::calculated)
        << name_of(status);
  }
}

TEST(SessionMachine, WhatATillMayHaveBeenToldOfIsNeverVoided) {
  for (const Status status : all_statuses) {
    EXPECT_EQ(next_status(status, Step::abandon).has_value(),
              status == Status::active || status == Status::calculated)
        << name_of(status);
  }
}

TEST(SessionMachine, OnlyASaleHasASpinAndItMovesNothing) {
  for (const Status status : all_statuses) {
    const bool has = status == Status::finalized || awaits_pdi(in_status(status));
    EXPECT_EQ(next_status(status, Step::spin), has ? std::optional(status) : std::nullopt) << name_of(status);
  }
}

TEST(SessionMachine, OnlyWhatIsInReviewIsTriedAgain) {
  for (const Status status : all_statuses) {
    for (const std::uint32_t attempts : {0u, 1u}) {
      Session session = in_status(status);
      session.attempts = attempts;
      EXPECT_EQ(reopened(std::move(session)).has_value(), status == Status::review) << name_of(status);
    }
  }
}

TEST(SessionMachine, OnTheWireWhatPdiHasYetToSettleIsPending) {
  EXPECT_EQ(wire_name(in_status(Status::in_doubt)), "pending");
  EXPECT_EQ(wire_name(in_status(Status::queued)), "pending");
  Session session = in_status(Status::finalizing);
  EXPECT_EQ(wire_name(session), "finalizing");
  session.acknowledged = true;
  EXPECT_EQ(wire_name(session), "pending");
  EXPECT_EQ(wire_name(in_status(Status::finalized)), "finalized");
}

TEST(SessionMachine, StoredNumbersNeverMove) {
  EXPECT_EQ(static_cast<int>(Status::active), 1);
  EXPECT_EQ(static_cast<int>(Status::calculated), 2);
  EXPECT_EQ(static_cast<int>(Status::finalizing), 3);
  EXPECT_EQ(static_cast<int>(Status::in_doubt), 4);
  EXPECT_EQ(static_cast<int>(Status::queued), 5);
  EXPECT_EQ(static_cast<int>(Status::finalized), 6);
  EXPECT_EQ(static_cast<int>(Status::failed), 7);
  EXPECT_EQ(static_cast<int>(Status::expired), 8);
  EXPECT_EQ(static_cast<int>(Status::voided), 9);
  EXPECT_EQ(static_cast<int>(Status::review), 10);
  EXPECT_EQ(static_cast<int>(Mode::online), 1);
  EXPECT_EQ(static_cast<int>(Mode::standin), 2);
}

}  // namespace
}  // namespace perkline::edge::session
