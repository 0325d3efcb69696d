// What members are told by mail, through a mail server that is not ours.
#include <algorithm>
#include <set>

#include "tests/integration/flows/people.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/smtp_server.hpp"

namespace perkline::test {
namespace {

class MailFlows : public HubFlowTest {
 protected:
  static void SetUpTestSuite() {
    if (!SmtpServer::missing().empty()) return;
    server_ = std::make_unique<SmtpServer>();
    start_hub("smtp: { url: \"" + server_->url() + "\", from: \"Perkline <noreply@perkline.example>\" }\n");
  }
  static void TearDownTestSuite() {
    HubFlowTest::TearDownTestSuite();
    server_.reset();
  }
  void SetUp() override {
    if (const std::string missing = SmtpServer::missing(); !missing.empty()) GTEST_SKIP() << missing;
    HubFlowTest::SetUp();
  }

  static std::vector<SmtpServer::Taken> mails_to(const Person& member) {
    auto mails = server_->taken();
    std::erase_if(mails, [&](const SmtpServer::Taken& mail) { return mail.to != member.email; });
    return mails;
  }
  using Subjects = std::multiset<std::string>;
  static Subjects subjects(const Person& member) {
    Subjects found;
    for (const auto& mail : mails_to(member)) found.insert(mail.header("Subject"));
    return found;
  }
  /// Those that come to be; whatever there is after a while.
  static void expect_mails(const Person& member, const Subjects& wanted) {
    (void)eventually([&] { return subjects(member).size() >= wanted.size(); });
    EXPECT_EQ(subjects(member), wanted);
  }

 private:
  static inline std::unique_ptr<SmtpServer> server_;
};

TEST_F(MailFlows, WhoRegistersIsWelcomedAndToldOfTheirWallet) {
  const Person ann = calls().join("Ann");
  expect_mails(ann, {"Welcome!", "Your USD wallet is ready"});
  for (const auto& mail : mails_to(ann)) EXPECT_EQ(mail.from, "noreply@perkline.example");
}

TEST_F(MailFlows, APaymentIsMailedAsItStartsAndEndsWithBothWalletsMovements) {
  const Person ben = calls().join("Ben");
  const Person cat = calls().join("Cat");
  credit(ben, "9.00");
  const auto begun = calls().post(
      "payments", body({{"amount", "5.00"}, {"currency", "USD"}, {"payTo", cat.email}}), ben.token);
  ASSERT_EQ(begun.status, 201) << begun.body;
  expect_mails(ben, {"Welcome!", "Your USD wallet is ready", "9.00 USD received",
                     "Payment of 5.00 USD started", "Payment of 5.00 USD completed", "5.00 USD spent"});
  expect_mails(cat, {"Welcome!", "Your USD wallet is ready", "5.00 USD received"});
  for (const auto& mail : mails_to(ben)) {
    if (mail.header("Subject").starts_with("Payment"))
      EXPECT_NE(mail.body().find(at(begun, "reference")), std::string::npos) << mail.body();
  }
}

TEST_F(MailFlows, APaymentThatFailsIsMailedWithItsReason) {
  const Person ian = calls().join("Ian");
  const Person kim = calls().join("Kim");
  credit(ian, "100.00");
  const auto begun = calls().post(
      "payments", body({{"amount", "99.01"}, {"currency", "USD"}, {"payTo", kim.email}}), ian.token);
  ASSERT_EQ(begun.status, 201) << begun.body;
  expect_mails(ian, {"Welcome!", "Your USD wallet is ready", "100.00 USD received",
                     "Payment of 99.01 USD started", "Payment of 99.01 USD failed"});
  EXPECT_EQ(subjects(kim), (Subjects{"Welcome!", "Your USD wallet is ready"}));
}

TEST_F(MailFlows, AnAddressAtWhichTheLineBreaksKeepsNobodysMailsBack) {
  const HubCalls hub = calls();
  const Person drops = hub.join("drops");
  ASSERT_TRUE(drops.email.starts_with("drops")) << drops.email;
  const Person gus = hub.join("Gus");
  expect_mails(gus, {"Welcome!", "Your USD wallet is ready"});
  EXPECT_TRUE(mails_to(drops).empty());
}

TEST_F(MailFlows, StaffSeeWhoseAddressWasRefused) {
  const HubCalls hub = calls();
  const Person refused = hub.join("refused");
  ASSERT_TRUE(refused.email.starts_with("refused")) << refused.email;
  const auto told_of = [&](const Person& member) {
    return at(hub.get("users?search=" + member.id, admin()), "items.0.mailRefused");
  };
  EXPECT_TRUE(eventually([&] { return told_of(refused) == "true"; }));
  EXPECT_EQ(told_of(hub.join("Hal")), "false");
}

TEST_F(MailFlows, TheWordsOfAMailAreStaffs) {
  const HubCalls hub = calls();
  const Person dan = hub.join("Dan");
  expect_mails(dan, {"Welcome!", "Your USD wallet is ready"});
  const std::string path = "notifications/templates/wallet_credited";
  const auto words = [](const char* head) {
    return Json::object({{head, "{{amount}} for you"}, {"body", "Spend it well."}});
  };
  const auto set = hub.put(path, body({{"inApp", words("title")}, {"email", words("subject")}}), admin());
  ASSERT_EQ(set.status, 200) << set.body;
  EXPECT_EQ(at(set, "builtIn"), "false");
  credit(dan, "3.00");
  expect_mails(dan, {"Welcome!", "Your USD wallet is ready", "3.00 for you"});
  EXPECT_NE(mails_to(dan).back().body().find("Spend it well."), std::string::npos);
  const auto wrong = hub.put(path,
                             body({{"inApp", words("title")},
                                   {"email", Json::object({{"subject", "{{password}}"}, {"body", "b"}})}}),
                             admin());
  EXPECT_EQ(wrong.status, 400) << "a name that there is not: " << wrong.body;
  EXPECT_EQ(hub.put(path, body({{"builtIn", true}}), admin()).status, 200);
  credit(dan, "4.00");
  expect_mails(dan, {"Welcome!", "Your USD wallet is ready", "3.00 for you", "4.00 USD received"});
}

TEST_F(MailFlows, WhoWantsNoMailsGetsNoneAndStillFindsAllInTheApp) {
  const HubCalls hub = calls();
  const Person eve = hub.join("Eve");
  const Person fay = hub.join("Fay");
  expect_mails(eve, {"Welcome!", "Your USD wallet is ready"});
  const auto set =
      hub.put("notifications/preferences", body({{"channels", Json::object({{"email", false}})}}), eve.token);
  ASSERT_EQ(set.status, 200) << set.body;
  EXPECT_EQ(at(set, "channels.email"), "false");
  EXPECT_EQ(at(set, "channels.in_app"), "true");
  credit(eve, "1.00");
  credit(fay, "2.00");
  // What is told later has come.
  expect_mails(fay, {"Welcome!", "Your USD wallet is ready", "2.00 USD received"});
  EXPECT_EQ(std::ranges::count(told(eve), "1.00 USD received"), 1);
  EXPECT_EQ(subjects(eve).size(), 2u);
}

}  // namespace
}  // namespace perkline::test
