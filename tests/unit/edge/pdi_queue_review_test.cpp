#include "edge/session/details.hpp"
#include "shared/json/value.hpp"
#include "tests/unit/edge/pdi_queue_subject.hpp"

namespace perkline::edge::session {
namespace {

class InReview : public InDoubt {
 protected:
  void refer() {
    finalize_into({.lose_request = true});
    outside.pdi.forget(life->stored(till.session).provider_session);
    ASSERT_TRUE(life->settle());
    ASSERT_EQ(life->stored(till.session).status, Status::review);
  }
};

TEST_F(InReview, ADiscardIsTheEndAndTheHubHearsOfIt) {
  refer();
  ASSERT_TRUE(life->run(life->queue.discard(till.session, "the card was stolen", "alice")));
  const Session session = life->stored(till.session);
  EXPECT_EQ(session.status, Status::failed);
  EXPECT_EQ(session.earned, Points{0});
  const std::vector<Decision> audit{{.at = outside.time.wall,
                                     .kind = DecisionKind::discarded,
                                     .actor = "alice",
                                     .reason = "the card was stolen"}};
  EXPECT_EQ(session.audit, audit);
  const auto events = life->events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(std::get<sync::SaleRejected>(events[1].payload).reason, "the card was stolen");
  const auto told = life->finalize(till);
  EXPECT_EQ(told->status, 400);
  EXPECT_NE(told->body.find("PDI_REJECTED"), std::string::npos);
  EXPECT_EQ(life->finalize(till)->body, told->body);
  EXPECT_EQ(life->run(life->queue.discard(till.session, "again", "bob")).error().code, Errc::session_state);
}

TEST_F(InReview, ARetryAsksPdiAgain) {
  refer();
  ASSERT_TRUE(life->run(life->queue.retry(till.session, "alice")));
  EXPECT_EQ(life->stored(till.session).status, Status::in_doubt);
  EXPECT_EQ(life->queue.depth(), 1u);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(life->stored(till.session).status, Status::review) << "PDI still denies it";
}

TEST_F(InReview, ADiscardOfWhatPdiDidNotRefusePutsNoWordsIntoItsMouth) {
  refer();
  ASSERT_FALSE(life->stored(till.session).refusal);
  ASSERT_TRUE(life->run(life->queue.discard(till.session, "the card was stolen", "alice")));
  const auto told = json::parse(life->finalize(till)->body);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->root().find("status")->text(), "400");
  EXPECT_EQ(told->root().find("code")->text(), "PDI_REJECTED");
  EXPECT_EQ(told->root().find("detail")->text(),
            "the loyalty provider has not booked the sale, and a person has closed it");
  EXPECT_EQ(told->root().find("pdi"), nullptr);
  EXPECT_EQ(std::get<sync::SaleRejected>(life->events().back().payload).pdi_code, "");
}

TEST_F(InReview, EveryDecisionIsShownWithItsTimeActorAndReason) {
  refer();
  const std::string retried_at = format_time(outside.time.wall);
  ASSERT_TRUE(life->run(life->queue.retry(till.session, "alice")));
  ASSERT_TRUE(life->settle());
  const std::string discarded_at = format_time(outside.time.wall);
  ASSERT_TRUE(life->run(life->queue.discard(till.session, "no such customer", "bob")));

  const auto details = json::parse(render_details(life->stored(till.session)));
  ASSERT_TRUE(details) << render_details(life->stored(till.session));
  const auto decisions = details->root().find("audit")->items();
  ASSERT_EQ(decisions.size(), 2u);
  const auto text = [&](std::size_t i, const char* name) { return decisions[i].find(name)->text(); };
  EXPECT_EQ(text(0, "at"), retried_at);
  EXPECT_EQ(text(0, "decision"), "retried");
  EXPECT_EQ(text(0, "actor"), "alice");
  EXPECT_EQ(text(0, "reason"), "");
  EXPECT_EQ(text(1, "at"), discarded_at);
  EXPECT_EQ(text(1, "decision"), "discarded");
  EXPECT_EQ(text(1, "actor"), "bob");
  EXPECT_EQ(text(1, "reason"), "no such customer");
}

TEST_F(InReview, OnlyWhatIsInReviewCanBeDecided) {
  finalize_into({.lose_request = true});
  EXPECT_EQ(life->run(life->queue.retry(till.session, "alice")).error().code, Errc::session_state);
  EXPECT_EQ(life->run(life->queue.discard(till.session, "why", "alice")).error().code, Errc::session_state);
  const SessionId unknown("sess_0190163d-8694-739b-aea5-966c26f8ad91");
  EXPECT_EQ(life->run(life->queue.retry(unknown, "alice")).error().code, Errc::not_found);
}

}  // namespace
}  // namespace perkline::edge::session
