#include "hub/wallet/holds.hpp"
#include "tests/unit/hub/wallet_fixture.hpp"

namespace perkline::test {
namespace {

class WalletHolds : public Wallet {
 protected:
  static std::string way_to(const std::string& id, const std::string& what) {
    return std::string(holds) + '/' + id + '/' + what;
  }
  RawAnswer decide(const std::string& id, const std::string& what, const std::string& body = "") {
    return hub_.send("POST", way_to(id, what), staff_, body);
  }
  std::string hold(const Member& whose, const std::string& amount) {
    const RawAnswer held = adjust(holds, whose, amount);
    EXPECT_EQ(held.status, 201) << held.body;
    EXPECT_EQ(member_of(held.body, "state"), "held");
    return member_of(held.body, "id");
  }
};

TEST_F(WalletHolds, SetMoneyAsideThatNothingElseTakes) {
  const Member jo = member_with("jo", "10");
  const std::string id = hold(jo, "7.50");
  EXPECT_EQ(balance(jo), "2.50/7.50");
  EXPECT_EQ(send(jo, member("al").id(), "2.51").code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(adjust(debits, jo, "2.51").code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(adjust(holds, jo, "2.51").code(), "INSUFFICIENT_FUNDS");
  const RawAnswer captured = decide(id, "capture");
  EXPECT_EQ(captured.status, 200) << captured.body;
  EXPECT_EQ(member_of(captured.body, "state"), "captured");
  EXPECT_EQ(member_of(captured.body, "captured"), "7.50");
  EXPECT_EQ(balance(jo), "2.50/0.00");
  EXPECT_EQ(events("WALLET_DEBITED"), 1) << "when it is taken, not when it is held";
  expect_books_balance();
}

TEST_F(WalletHolds, AreCapturedOnceUpToWhatIsHeldAndTheRestIsFreeAgain) {
  const Member jo = member_with("jo", "10");
  const std::string id = hold(jo, "8");
  EXPECT_EQ(decide(id, "capture", R"({"amount":"8.01"})").code(), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(balance(jo), "2.00/8.00") << "a refusal leaves it held";
  const RawAnswer captured = decide(id, "capture", R"({"amount":3.25})");
  EXPECT_EQ(captured.status, 200) << captured.body;
  EXPECT_EQ(member_of(captured.body, "captured"), "3.25");
  EXPECT_EQ(balance(jo), "6.75/0.00");
  for (const char* what : {"capture", "release"}) {
    const RawAnswer again = decide(id, what);
    EXPECT_EQ(again.status, 409) << what;
    EXPECT_EQ(again.code(), "SESSION_STATE");
  }
  EXPECT_EQ(balance(jo), "6.75/0.00");
  expect_books_balance();
}

TEST_F(WalletHolds, AreReleasedOnce) {
  const Member jo = member_with("jo", "10");
  const std::string id = hold(jo, "8");
  const RawAnswer released = decide(id, "release");
  EXPECT_EQ(released.status, 200) << released.body;
  EXPECT_EQ(member_of(released.body, "state"), "released");
  EXPECT_EQ(balance(jo), "10.00/0.00");
  for (const char* what : {"capture", "release"}) EXPECT_EQ(decide(id, what).code(), "SESSION_STATE") << what;
  EXPECT_EQ(balance(jo), "10.00/0.00");
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit WHERE action IN ('wallet.held', 'wallet.released')"), 2);
  expect_books_balance();
}

TEST_F(WalletHolds, EndByTheirTime) {
  const Member jo = member_with("jo", "10");
  const RawAnswer held =
      post(holds, staff_,
           R"({"userId":")" + jo.id() + R"(","amount":"4","currency":"USD","reason":"r","expiresInS":60})");
  ASSERT_EQ(held.status, 201) << held.body;
  const auto release_at = [&](seconds later) {
    std::int64_t released = -1;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto done = hub::wallet::release_overdue(transaction, SystemClock().wall_now() + later, 10);
      if (!done) return failure(done);
      released = *done;
      return {};
    });
    return released;
  };
  EXPECT_EQ(release_at(seconds{50}), 0);
  EXPECT_EQ(balance(jo), "6.00/4.00");
  EXPECT_EQ(release_at(seconds{61}), 1);
  EXPECT_EQ(release_at(seconds{61}), 0);
  EXPECT_EQ(balance(jo), "10.00/0.00");
  EXPECT_EQ(decide(member_of(held.body, "id"), "capture").code(), "SESSION_STATE");
  // Not yet released by the job, but its time is over.
  const std::string id = hold(jo, "1");
  hub_.execute("UPDATE transfer SET expires_at = 1 WHERE external_id = $1", {"hold:" + id});
  EXPECT_EQ(decide(id, "capture").code(), "SESSION_STATE");
  expect_books_balance();
}

TEST_F(WalletHolds, AreFoundByTheirIdAloneAndAskForAnAmountThatIsOne) {
  const Member jo = member_with("jo", "10");
  const std::string id = hold(jo, "8");
  for (const std::string& other :
       {std::string("0190163d-8694-739b-aea5-966c26f8ad91"), std::string("x"), std::string("%00"),
        std::string("1"), std::string("..%2f") + id, id + "0"}) {
    EXPECT_EQ(decide(other, "capture").code(), "NOT_FOUND") << other;
    EXPECT_EQ(decide(other, "release").code(), "NOT_FOUND") << other;
  }
  for (const char* amount : {"\"0\"", "0", "-1", "\"x\"", "\"1.001\"", "true", "[]", "1e1"}) {
    const RawAnswer answer = decide(id, "capture", R"({"amount":)" + std::string(amount) + "}");
    EXPECT_EQ(answer.status, 400) << amount;
    EXPECT_EQ(faulty_fields(answer), std::vector<std::string>{"amount"}) << amount;
  }
  EXPECT_EQ(decide(id, "capture", "{").code(), "MALFORMED_JSON");
  EXPECT_EQ(hub_.send("POST", way_to(id, "capture"), jo.token, "").status, 403) << "not even by its owner";
  EXPECT_EQ(balance(jo), "2.00/8.00");
}

}  // namespace
}  // namespace perkline::test
