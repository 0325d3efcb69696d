#include <future>

#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

/// Who may do what in which state (contract.md §5). Edge 1 has a stand-in, edge 2 has none.
class TillStates : public ChainTest {
 protected:
  static void SetUpTestSuite() { start_chain(2, {"", "standin: { enabled: false }\n"}); }
  void TearDown() override { pdi_is_well(); }
  static Till till() { return till_of(0); }
  static constexpr std::size_t alone = 1;
  static Till till_alone() { return till_of(alone); }

  /// A finalize that PDI holds: it has arrived there, and is not answered before the fault is taken back.
  static std::future<bench::WebAnswer> held_finalize(const Till& till, const std::string& session,
                                                     const std::string& transaction) {
    pdi(R"({"endpoint":"finalize","mode":"hang"})");
    const auto before = calls_at_pdi("finalize");
    auto answer = std::async(std::launch::async, [=] { return till.finalize(session, transaction); });
    EXPECT_TRUE(eventually([&] { return calls_at_pdi("finalize") > before; }));
    return answer;
  }
};

TEST_F(TillStates, StatusTellsEveryFieldAllAlong) {
  const auto expect = [&](const std::string& session, const std::string& status, std::int64_t version,
                          const std::string& mode) {
    const auto answer = till().status(session);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(text_at(answer, "sessionId"), session);
    EXPECT_EQ(text_at(answer, "status"), status);
    EXPECT_EQ(text_at(answer, "customerId"), "CUST-12345");
    EXPECT_EQ(text_at(answer, "transactionId").substr(0, 6), "FIELD-");
    EXPECT_EQ(number_at(answer, "version"), version) << answer.body;
    EXPECT_EQ(text_at(answer, "mode"), mode);
    EXPECT_TRUE(text_at(answer, "createdAt").ends_with('Z')) << answer.body;
    EXPECT_GT(text_at(answer, "expiresAt"), text_at(answer, "createdAt")) << answer.body;
    return answer;
  };
  const std::string session = till().open("FIELD-1");
  auto answer = expect(session, "active", 1, "online");
  for (const char* name : {"newBalance", "receiptId", "finalizedAt"})
    EXPECT_TRUE(is_null(answer, name)) << name;
  EXPECT_EQ(number_at(answer, "redeemedPoints"), 0);
  ASSERT_EQ(till().calculate(session).status, 200);
  answer = expect(session, "calculated", 2, "online");
  EXPECT_TRUE(is_null(answer, "finalizedAt"));
  const auto done = till().finalize(session, "FIELD-1", "100.00", R"("applyRewards":true,"redeemPoints":7)");
  ASSERT_EQ(done.status, 200) << done.body;
  answer = expect(session, "finalized", 4, "online");
  for (const char* name : {"earnedPoints", "redeemedPoints", "newBalance"})
    EXPECT_EQ(number_at(answer, name), number_at(done, name)) << name;
  EXPECT_EQ(number_at(done, "earnedPoints"), 300);
  EXPECT_EQ(number_at(done, "redeemedPoints"), 7);
  EXPECT_EQ(text_at(answer, "receiptId"), text_at(done, "receiptId"));
  EXPECT_GE(text_at(answer, "finalizedAt"), text_at(answer, "createdAt"));

  keep_from_pdi(0);
  const std::string offline = till().price("FIELD-2");
  const auto pending = till().finalize(offline, "FIELD-2");
  EXPECT_EQ(pending.status, 202);
  answer = expect(offline, "pending", 3, "standin");
  EXPECT_EQ(number_at(answer, "earnedPoints"), number_at(pending, "earnedPoints"));
  EXPECT_TRUE(is_null(answer, "finalizedAt"));
  let_to_pdi(0);
  answer = status_once(till(), offline, "finalized");
  EXPECT_EQ(text_at(answer, "mode"), "standin") << "once, and so for good";
  EXPECT_EQ(text_at(answer, "receiptId"), bookings_at_pdi("FIELD-2").at(0).receipt);
}

TEST_F(TillStates, MalformedAndUnknownIdsAreNotFound) {
  for (const char* id :
       {"sess_0190163d-8694-739b-aea5-966c26f8ad91", "sess_0190163D-8694-739B-AEA5-966C26F8AD91", "sess_",
        "x", "", "%00", "%", "..%2F..%2Fetc%2Fpasswd", "sess_0190163d-8694-739b-aea5-966c26f8ad91%20",
        "'%20OR%201=1"})
    expect_problem(till().status(id), 404, "NOT_FOUND");
}

TEST_F(TillStates, WithoutRewardsNothingIsEarnedOrRedeemed) {
  const std::string session = till().price("DECLINED-1");
  const auto both =
      till().finalize(session, "DECLINED-1", "150.00", R"("applyRewards":false,"redeemPoints":0)");
  expect_problem(both, 400, "VALIDATION_FAILED");
  EXPECT_EQ(faulty_fields(both), std::vector<std::string>{"redeemPoints"});
  const auto done = till().finalize(session, "DECLINED-1", "150.00", R"("applyRewards":false)");
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(text_at(done, "status"), "finalized");
  const auto bookings = bookings_at_pdi("DECLINED-1");
  ASSERT_EQ(bookings.size(), 1u);
  for (const std::int64_t points : {number_at(done, "earnedPoints"), number_at(done, "redeemedPoints"),
                                    bookings[0].earned, bookings[0].redeemed})
    EXPECT_EQ(points, 0);
}

TEST_F(TillStates, BlockedMembersAreRefusedInPdisOwnWords) {
  for (const Till& at : {till(), till_alone()}) {
    const auto refused = at.identify("BLOCKED-1", "CUST-99999");
    expect_problem(refused, 400, "PDI_REJECTED");
    const auto problem = refused.json();
    ASSERT_NE(problem.root().find("pdi"), nullptr);
    EXPECT_EQ(bench::text_at(*problem.root().find("pdi"), "code"), "BLOCKED");
    EXPECT_NE(bench::text_at(*problem.root().find("pdi"), "message"), "");
    // No session came of it: the transaction is free for another customer.
    EXPECT_EQ(at.identify("BLOCKED-1").status, 200);
  }
}

TEST_F(TillStates, OnlyWhatIsNoSaleYetIsVoided) {
  const std::string active = till().open("VOID-1");
  const auto voided = till().abandon(active);
  EXPECT_EQ(voided.status, 200) << voided.body;
  EXPECT_EQ(voided.body, till().status(active).body) << "the session";
  EXPECT_EQ(text_at(voided, "status"), "voided");
  const std::string priced = till().price("VOID-2");
  EXPECT_EQ(text_at(till().abandon(priced), "status"), "voided");
  EXPECT_EQ(number_at(till().status(priced), "earnedPoints"), 0);

  const std::string sold = till().price("VOID-3");
  ASSERT_EQ(till().finalize(sold, "VOID-3").status, 200);
  expect_problem(till().abandon(sold), 409, "SESSION_STATE");

  keep_from_pdi(0);
  const std::string pending = till().price("VOID-4", "150.00", "CUST-NOBODY");
  ASSERT_EQ(till().finalize(pending, "VOID-4").status, 202);
  expect_problem(till().abandon(pending), 409, "SESSION_STATE");
  let_to_pdi(0);
  (void)status_once(till(), pending, "review");
  expect_problem(till().abandon(pending), 409, "SESSION_STATE");
  EXPECT_EQ(text_at(till().finalize(pending, "VOID-4"), "status"), "review");

  expect_problem(till().abandon("sess_0190163d-8694-739b-aea5-966c26f8ad91"), 404, "NOT_FOUND");
  EXPECT_EQ(booked_at_pdi("VOID-1") + booked_at_pdi("VOID-2") + booked_at_pdi("VOID-4"), 0u);
}

TEST_F(TillStates, WhileAFinalizeIsOutTheSessionIsBusyAndItsStatusIsTold) {
  const std::string session = till_alone().price("BUSY-1");
  auto held = held_finalize(till_alone(), session, "BUSY-1");
  EXPECT_EQ(text_at(till_alone().status(session), "status"), "finalizing") << "told without waiting";

  const auto began = std::chrono::steady_clock::now();
  auto second = std::async(std::launch::async, [&] { return till_alone().finalize(session, "BUSY-1"); });
  auto voided = std::async(std::launch::async, [&] { return till_alone().abandon(session); });
  const auto priced = till_alone().calculate(session, "1.00");
  for (const auto& answer : {priced, second.get(), voided.get()}) {
    expect_problem(answer, 409, "SESSION_BUSY");
    EXPECT_NE(header_of(answer, "retry-after"), "");
  }
  const auto waited = std::chrono::steady_clock::now() - began;
  EXPECT_GE(waited, std::chrono::milliseconds(1900));
  EXPECT_LT(waited, std::chrono::seconds(5));

  pdi_is_well();  // Closes what was held: PDI never said a word.
  const auto answer = held.get();
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(text_at(answer, "status"), "pending");
  expect_replay(till_alone().finalize(session, "BUSY-1"), answer);
  expect_problem(till_alone().abandon(session), 409, "SESSION_STATE");
  (void)status_once(till_alone(), session, "finalized");
  EXPECT_EQ(booked_at_pdi("BUSY-1"), 1u);
}

TEST_F(TillStates, OneTransactionIsIdentifiedOnceAtATime) {
  pdi(R"({"endpoint":"identify","mode":"hang"})");
  const auto before = calls_at_pdi("identify");
  auto first = std::async(std::launch::async, [&] { return till_alone().identify("BUSY-2"); });
  EXPECT_TRUE(eventually([&] { return calls_at_pdi("identify") > before; }));
  expect_problem(till_alone().identify("BUSY-2"), 409, "SESSION_BUSY");
  pdi_is_well();
  EXPECT_EQ(first.get().status, 200) << "tried a second time within its time";
}

TEST_F(TillStates, AFinalizeThatPdiHoldsIsPendingAtTheStandInsDeadline) {
  const std::string session = till().price("HELD-1");
  const auto began = std::chrono::steady_clock::now();
  auto held = held_finalize(till(), session, "HELD-1");
  const auto answer = held.get();
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(3500));
  EXPECT_EQ(number_at(answer, "earnedPoints"), 450);
  // The call is out yet, and nobody waits for it.
  EXPECT_EQ(text_at(till().status(session), "status"), "pending");
  expect_replay(till().finalize(session, "HELD-1"), answer);
  expect_problem(till().abandon(session), 409, "SESSION_STATE");
  pdi_is_well();
  (void)status_once(till(), session, "finalized");
  EXPECT_EQ(booked_at_pdi("HELD-1"), 1u);
}

TEST_F(TillStates, AFinalizeThatAKillCutShortIsPendingAndThenWhatPdiBooked) {
  const std::string session = till_alone().price("CUT-1");
  pdi(R"({"endpoint":"finalize","mode":"timeout_after_commit"})");
  auto cut = std::async(std::launch::async, [&] {
    return bench::call({.method = "POST",
                        .origin = till_alone().url(),
                        .path = "/v1/finalize",
                        .body = R"({"sessionId":")" + session +
                                R"(","transactionId":"CUT-1","finalAmount":150.00,"applyRewards":true})",
                        .bearer = till_alone().key()});
  });
  EXPECT_TRUE(eventually([] { return booked_at_pdi("CUT-1") == 1; }));
  fleet().edge(alone).kill();
  EXPECT_FALSE(cut.get()) << "the till was told nothing";
  pdi(R"({"endpoint":"getSessionStatus","mode":"status"})");  // Nor does PDI tell, for now.
  ASSERT_TRUE(fleet().start_edge(alone));

  const auto pending = till_alone().finalize(session, "CUT-1");
  EXPECT_EQ(pending.status, 202) << pending.body;
  EXPECT_EQ(number_at(pending, "earnedPoints"), 450);
  expect_replay(till_alone().finalize(session, "CUT-1"), pending);
  pdi_is_well();
  (void)status_once(till_alone(), session, "finalized");
  const auto bookings = bookings_at_pdi("CUT-1");
  ASSERT_EQ(bookings.size(), 1u) << "it was not sent again";
  EXPECT_EQ(text_at(till_alone().finalize(session, "CUT-1"), "receiptId"), bookings[0].receipt);
}

TEST_F(TillStates, WithoutAStandInTillsAreToldToTryAgain) {
  const std::string priced = till_alone().price("ALONE-1");
  const std::string active = till_alone().open("ALONE-2");
  keep_from_pdi(alone);
  for (const auto& answer : {till_alone().identify("ALONE-3"), till_alone().calculate(active),
                             till_alone().finalize(priced, "ALONE-1")}) {
    expect_problem(answer, 503, "PDI_UNAVAILABLE");
    EXPECT_NE(header_of(answer, "retry-after"), "");
  }
  // What was not sent has not happened.
  EXPECT_EQ(text_at(till_alone().status(priced), "status"), "calculated");
  let_to_pdi(alone);
  EXPECT_EQ(till_alone().finalize(priced, "ALONE-1").status, 200);
  EXPECT_EQ(till_alone().calculate(active).status, 200);
  EXPECT_EQ(till_alone().identify("ALONE-3").status, 200);
  EXPECT_EQ(booked_at_pdi("ALONE-1"), 1u);
}

}  // namespace
}  // namespace perkline::test
