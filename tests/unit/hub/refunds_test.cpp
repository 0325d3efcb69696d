#include "tests/unit/hub/payments_fixture.hpp"

namespace perkline::test {
namespace {

using Texts = std::vector<std::string>;

/// Top-ups that their provider settles while something else fills the wallet.
class Refunds : public Payments {
 protected:
  static constexpr const char* most = "999999999999.999";

  /// The top-up's id.
  std::string too_much_for(const Member& whose, const std::string& amount) {
    const RawAnswer begun = pay(whose, amount, "", "KWD");
    EXPECT_EQ(begun.status, 201) << begun.body;
    EXPECT_EQ(adjust(credits, whose, most, "KWD").status, 201);
    return member_of(begun.body, "id");
  }
  std::string refund(const Member& whose, const std::string& id) const {
    return member_of(shown(whose, id).body, "refund");
  }
  bool becomes(const std::string& state, const Member& whose, const std::string& id) const {
    return eventually([&] { return refund(whose, id) == state; });
  }
  std::int64_t given_back() {
    return count("SELECT COUNT(*) FROM test_provider_charge WHERE refunded_at IS NOT NULL");
  }
  /// What the books that one may read say of refunds, the newest first.
  Texts recorded(const std::string& token) const {
    Texts refunds;
    const auto document = json::parse(hub_.get(records, token).body);
    for (const json::Value& item : document->root().find("items")->items())
      refunds.emplace_back(item.find("refund")->text());
    return refunds;
  }
  void expect_failed(const Member& whose, const std::string& id) {
    EXPECT_EQ(status(whose, id), "failed");
    EXPECT_EQ(balance(whose, "KWD"), std::string(most) + "/0.000") << "nothing of it is here";
    EXPECT_EQ(events("PAYMENT_FAILED"), 1);
    expect_books_balance();
  }
};

TEST_F(Refunds, AreGivenOnceOfWhatWasSettledAndCouldNotBeBooked) {
  const Member jo = member("jo");
  const std::string id = too_much_for(jo, "2");
  EXPECT_EQ(refund(jo, id), "") << "nothing is to be given back yet";
  start_worker();
  start_worker();
  EXPECT_TRUE(becomes("done", jo, id)) << refund(jo, id);
  EXPECT_EQ(recorded(jo.token), Texts{"done"});
  EXPECT_EQ(given_back(), 1);
  EXPECT_EQ(line_->refunds, 1);
  EXPECT_EQ(line_->settles, 1);
  EXPECT_EQ(for_people_, 0);
  EXPECT_EQ(pending().refunds, 0);
  expect_failed(jo, id);
}

TEST_F(Refunds, StandInTheBooksFromTheFailureOn) {
  const Member jo = member("jo");
  line_->refunds_lost = true;
  const std::string id = too_much_for(jo, "2");
  start_worker();
  ASSERT_EQ(outcome(jo, id), "failed");
  EXPECT_EQ(recorded(jo.token), Texts{"due"});
  const RawAnswer csv = hub_.send("GET", records, jo.token, "", "Accept: text/csv\r\n");
  EXPECT_TRUE(csv.body.ends_with(",due\r\n")) << csv.body;
  line_->refunds_lost = false;
  EXPECT_TRUE(becomes("done", jo, id));
  EXPECT_EQ(outcome(jo, begun(jo, "99.01")), "failed");
  EXPECT_EQ(recorded(jo.token), (Texts{"", "done"})) << "of a declined one nothing is to be given back";
}

TEST_F(Refunds, WhoseAnswerIsLostAreAskedAbout) {
  const Member jo = member("jo");
  const std::string id = too_much_for(jo, "9.903");
  start_worker();
  EXPECT_TRUE(becomes("done", jo, id));
  EXPECT_EQ(line_->refunds, 1) << "the provider knows of it, and says so";
  EXPECT_EQ(given_back(), 1);
  expect_failed(jo, id);
}

TEST_F(Refunds, ThatNeverArriveAreAskedForAgain) {
  const Member jo = member("jo");
  const std::string id = too_much_for(jo, "2");
  start_worker();
  ASSERT_TRUE(becomes("done", jo, id));
  // As if nobody had heard of it, and the line were cut for a while.
  hub_.execute("UPDATE test_provider_charge SET refunded_at = NULL");
  line_->lost = 3;
  hub_.execute("UPDATE payment SET refund = 'due', attempts = 0, due_at = 0");
  EXPECT_TRUE(becomes("done", jo, id));
  EXPECT_EQ(given_back(), 1);
  expect_failed(jo, id);
}

TEST_F(Refunds, ThatAProcessLeftHalfDoneAreFinishedByTheNext) {
  const Member jo = member("jo");
  const std::string id = too_much_for(jo, "2");
  start_worker();
  ASSERT_TRUE(becomes("done", jo, id));
  // Its provider has given it back; the process died before it noted so.
  hub_.execute("UPDATE payment SET refund = 'due', attempts = 1, due_at = 0");
  EXPECT_TRUE(becomes("done", jo, id));
  EXPECT_EQ(line_->refunds, 1) << "asked about, not asked for again";
  expect_failed(jo, id);
}

TEST_F(Refunds, ThatAreRefusedAreForPeople) {
  const Member jo = member("jo");
  line_->refuses = true;
  const std::string id = too_much_for(jo, "2");
  start_worker();
  EXPECT_TRUE(becomes("refused", jo, id));
  EXPECT_EQ(recorded(staff_), Texts{"refused"}) << "whoever settles it with the provider";
  EXPECT_EQ(for_people_, 1);
  EXPECT_EQ(given_back(), 0);
  EXPECT_EQ(pending().refunds, 0);
  expect_failed(jo, id);
}

TEST_F(Refunds, ThatAHubWasRestoredToBeforeAreNotBooked) {
  const Member jo = member("jo");
  const std::string id = too_much_for(jo, "2");
  start_worker();
  ASSERT_TRUE(becomes("done", jo, id));
  // By the backup it is pending, and there is room in the wallet.
  EXPECT_EQ(adjust(debits, jo, "10", "KWD").status, 201);
  hub_.execute("DELETE FROM billing_record");
  hub_.execute(
      "UPDATE payment SET refund = NULL, reason = NULL, decided_at = NULL, status = 'pending',"
      " attempts = 0, due_at = 0");
  EXPECT_EQ(outcome(jo, id), "failed");
  EXPECT_EQ(member_of(shown(jo, id).body, "reason"), "REFUNDED");
  EXPECT_EQ(given_back(), 1);
  EXPECT_EQ(balance(jo, "KWD"), "999999999989.999/0.000");
  expect_books_balance();
}

}  // namespace
}  // namespace perkline::test
