#include <gtest/gtest.h>

#include "hub/notifications/mail_smtp.hpp"
#include "tests/support/running_reactor.hpp"
#include "tests/support/smtp_server.hpp"
#include "tests/support/test_certificates.hpp"

namespace perkline::test {
namespace {

using hub::notifications::Mail;
using hub::notifications::MailFate;
using hub::notifications::MailOutcome;
using hub::notifications::SmtpMailer;

/// The adapter against a real server.
class Smtp : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string missing = SmtpServer::missing(); !missing.empty()) GTEST_SKIP() << missing;
  }
  static Mail mail(std::string to, std::string body = "Hello.\n") {
    return {.id = "0190163d-8694-739b-aea5-966c26f8ad91",
            .to = std::move(to),
            .subject = "Grüße",
            .body = std::move(body),
            .date = WallTime{Millis{1'772'368'200'000}}};
  }
  MailOutcome send(SmtpMailer& mailer, Mail mail) { return reactor_.await(mailer.send(std::move(mail))); }
  static constexpr const char* from = "Perkline <noreply@perkline.example>";

  RunningReactor reactor_;
};

TEST_F(Smtp, TakesAMailAsItIs) {
  SmtpServer server;
  SmtpMailer mailer(*reactor_, {.url = server.url(), .from = from});
  const std::string body = "First line\n.\n..two dots\nGrüße = ✓\n" + std::string(300, 'x') + "\nlast";
  EXPECT_EQ(send(mailer, mail("jo@example.com", body)).fate, MailFate::sent);
  EXPECT_EQ(send(mailer, mail("al@example.com", "plain\n.\n..\n")).fate, MailFate::sent)
      << "on the same line";
  const auto taken = server.taken();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].from, "noreply@perkline.example");
  EXPECT_EQ(taken[0].to, "jo@example.com");
  EXPECT_EQ(taken[0].header("From"), from);
  EXPECT_EQ(taken[0].header("To"), "jo@example.com");
  EXPECT_EQ(taken[0].header("Subject"), "=?UTF-8?B?R3LDvMOfZQ==?=");
  EXPECT_EQ(taken[0].header("Message-ID"), "<0190163d-8694-739b-aea5-966c26f8ad91@perkline.example>");
  EXPECT_EQ(taken[0].header("Date"), "Sun, 01 Mar 2026 12:30:00 +0000");
  EXPECT_EQ(taken[0].header("Content-Transfer-Encoding"), "quoted-printable");
  EXPECT_TRUE(
      taken[0].body().starts_with("First line\r\n.\r\n..two dots\r\nGr=C3=BC=C3=9Fe =3D =E2=9C=93\r\n"))
      << taken[0].body();
  EXPECT_EQ(taken[1].body(), "plain\r\n.\r\n..\r\n");
}

TEST_F(Smtp, TellsWhatIsFinalFromWhatPasses) {
  SmtpServer server;
  SmtpMailer mailer(*reactor_, {.url = server.url(), .from = from});
  const MailOutcome refused = send(mailer, mail("refused@example.com"));
  EXPECT_EQ(refused.fate, MailFate::refused);
  EXPECT_EQ(refused.reason, "550 no such mailbox ***") << "the server repeats the address";
  EXPECT_EQ(refused.status, "550");
  EXPECT_EQ(send(mailer, mail("full@example.com")).fate, MailFate::refused) << "after the data";
  const MailOutcome grey = send(mailer, mail("grey@example.com"));
  EXPECT_EQ(grey.fate, MailFate::put_off);
  EXPECT_TRUE(grey.reason.starts_with("451 ")) << grey.reason;
  EXPECT_EQ(send(mailer, mail("grey@example.com")).fate, MailFate::sent);
  EXPECT_EQ(send(mailer, mail("gone@example.com")).fate, MailFate::put_off);
  EXPECT_EQ(send(mailer, mail("jo@example.com")).fate, MailFate::sent) << "nothing sticks";
  EXPECT_EQ(server.taken().size(), 2U);
  for (const char* wrong : {"jo@example.com\r\nRCPT TO:<x@example.com>", "jo", "<jo@example.com", ""}) {
    EXPECT_EQ(send(mailer, mail(wrong)).fate, MailFate::refused) << wrong;
  }
  EXPECT_EQ(server.taken().size(), 2U);
}

TEST_F(Smtp, IsUnreachableWhileItIsAwayAndThereAgainAfterwards) {
  SmtpServer server;
  SmtpMailer mailer(*reactor_, {.url = server.url(), .from = from});
  EXPECT_EQ(send(mailer, mail("jo@example.com")).fate, MailFate::sent);
  server.stop();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(mailer, mail("jo@example.com")).fate, MailFate::unreachable);
  server.start();
  EXPECT_EQ(send(mailer, mail("jo@example.com")).fate, MailFate::sent);
  EXPECT_EQ(server.taken().size(), 2U);
}

TEST_F(Smtp, ALineThatBreaksAtARecipientIsAboutThatMailAndARefusalByPolicyNotAboutTheAddress) {
  SmtpServer server;
  SmtpMailer mailer(*reactor_, {.url = server.url(), .from = from, .time_max = seconds{1}});
  for (const char* name : {"drops@example.com", "hangs@example.com"}) {
    const MailOutcome broken = send(mailer, mail(name));
    EXPECT_EQ(broken.fate, MailFate::put_off) << name;
    EXPECT_TRUE(broken.broke_the_line) << name;
    EXPECT_EQ(send(mailer, mail("jo@example.com")).fate, MailFate::sent) << "on a line of its own";
  }
  const MailOutcome blocked = send(mailer, mail("blocked@example.com"));
  EXPECT_EQ(blocked.fate, MailFate::refused);
  EXPECT_EQ(blocked.status, "550 5.7.1");
  EXPECT_FALSE(blocked.is_of_address) << "it is about who sends";
  EXPECT_TRUE(send(mailer, mail("refused@example.com")).is_of_address);
}

TEST_F(Smtp, OnLoopbackStartsTlsWhenItIsOffered) {
  SmtpServer server("starttls");
  SmtpMailer mailer(*reactor_, {.url = server.url(), .from = from});
  EXPECT_EQ(send(mailer, mail("jo@example.com")).fate, MailFate::sent);
  ASSERT_EQ(server.taken().size(), 1U);
  EXPECT_TRUE(server.taken()[0].secure);
}

TEST_F(Smtp, BelievesNoCertificateOfNobodysUnderTls) {
  SmtpServer server("tls");
  SmtpMailer mailer(*reactor_, {.url = "smtps://127.0.0.1:" + std::to_string(server.port()), .from = from});
  EXPECT_EQ(send(mailer, mail("jo@example.com")).fate, MailFate::unreachable);
  EXPECT_TRUE(server.taken().empty());
}

TEST_F(Smtp, SaysNoPasswordWithoutTlsNorToWhoShowsNoCertificateOfItsOwn) {
  TestCertificates certificates;
  for (const std::string mode : {"plain", "starttls"}) {
    SmtpServer server(mode, "hub:s3cret");
    SmtpMailer mailer(*reactor_, {.url = "smtp://hub:s3cret@127.0.0.1:" + std::to_string(server.port()),
                                  .from = from,
                                  .ca_file = certificates.ca_file()});
    const MailOutcome outcome = send(mailer, mail("jo@example.com"));
    EXPECT_EQ(outcome.fate, MailFate::unreachable) << mode;
    EXPECT_TRUE(server.taken().empty()) << mode;
    EXPECT_EQ(outcome.status, outcome.reason) << "in words of ours: no login was tried";
  }
}

TEST_F(Smtp, BelievesACertificateOnlyForTheNameItWasAskedFor) {
  TestCertificates certificates;
  const std::string url = "smtps://127.0.0.1:";
  SmtpServer right("tls", "", certificates.server("127.0.0.1"));
  SmtpMailer to_right(
      *reactor_,
      {.url = url + std::to_string(right.port()), .from = from, .ca_file = certificates.ca_file()});
  EXPECT_EQ(send(to_right, mail("jo@example.com")).fate, MailFate::sent);
  SmtpServer other("tls", "", certificates.server("mail.example.com"));
  SmtpMailer to_other(
      *reactor_,
      {.url = url + std::to_string(other.port()), .from = from, .ca_file = certificates.ca_file()});
  EXPECT_EQ(send(to_other, mail("jo@example.com")).fate, MailFate::unreachable);
  EXPECT_TRUE(other.taken().empty());
}

TEST_F(Smtp, BeyondLoopbackSendsNothingInTheClear) {
  // Of this machine, but no loopback by its name.
  SmtpServer server;
  SmtpMailer mailer(*reactor_, {.url = "smtp://0.0.0.0:" + std::to_string(server.port()), .from = from});
  EXPECT_EQ(send(mailer, mail("jo@example.com")).fate, MailFate::unreachable);
  EXPECT_TRUE(server.taken().empty());
}

TEST_F(Smtp, LogsInAndAWrongPasswordIsNoFaultOfTheMails) {
  TestCertificates certificates;
  SmtpServer server("starttls", "hub:s3cret", certificates.server("127.0.0.1"));
  const auto url = [&](const std::string& login) {
    return "smtp://" + login + "@127.0.0.1:" + std::to_string(server.port());
  };
  SmtpMailer right(*reactor_, {.url = url("hub:s3cret"), .from = from, .ca_file = certificates.ca_file()});
  EXPECT_EQ(send(right, mail("jo@example.com")).fate, MailFate::sent);
  ASSERT_EQ(server.taken().size(), 1U);
  EXPECT_EQ(server.taken()[0].user, "hub");
  EXPECT_TRUE(server.taken()[0].secure);
  SmtpMailer wrong(*reactor_, {.url = url("hub:wr0ng"), .from = from, .ca_file = certificates.ca_file()});
  const MailOutcome outcome = send(wrong, mail("jo@example.com"));
  EXPECT_EQ(outcome.fate, MailFate::unreachable);
  EXPECT_EQ(outcome.reason.find("wr0ng"), std::string::npos) << outcome.reason;
}

}  // namespace
}  // namespace perkline::test
