#include "hub/notifications/mail_text.hpp"

#include <gtest/gtest.h>

#include "hub/notifications/mail_reply.hpp"
#include "hub/notifications/words.hpp"

namespace perkline::test {
namespace {

using hub::notifications::envelope_address;
using hub::notifications::Mail;
using hub::notifications::message_of;
using hub::notifications::name_in_mail;
using hub::notifications::sender_address;

constexpr const char* from = "Perkline <noreply@example.com>";

Mail mail(std::string subject, std::string body) {
  return {.id = "0190163d-8694-739b-aea5-966c26f8ad91",
          .to = "jo@example.com",
          .subject = std::move(subject),
          .body = std::move(body),
          .date = WallTime{Millis{1'772'368'200'250}}};
}

TEST(MailText, IsAMessageByTheStandard) {
  EXPECT_EQ(message_of(mail("Hello", "One\n.\nTwo\n"), from),
            "Date: Sun, 01 Mar 2026 12:30:00 +0000\r\n"
            "From: Perkline <noreply@example.com>\r\n"
            "To: jo@example.com\r\n"
            "Subject: Hello\r\n"
            "Message-ID: <0190163d-8694-739b-aea5-966c26f8ad91@example.com>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 7bit\r\n"
            "\r\n"
            "One\r\n.\r\nTwo\r\n");
}

TEST(MailText, SubjectsBeyondAsciiAreEncodedWordsOfWholeCharacters) {
  const std::string message =
      message_of(mail("Grüße, Ωμέγα und noch viel mehr davon, bis es nicht passt ✓", "x"), from);
  EXPECT_NE(message.find("Subject: =?UTF-8?B?R3LDvMOfZSwgzqnOvM6tzrPOsSB1bmQgbm9jaCB2aWVsIG1laHIg?=\r\n"
                         " =?UTF-8?B?ZGF2b24sIGJpcyBlcyBuaWNodCBwYXNzdCDinJM=?=\r\n"),
            std::string::npos)
      << message;
  // What looks like an encoded word is encoded, so that it is read as it was meant.
  EXPECT_EQ(message_of(mail("=?x?=", "x"), from).find("Subject: =?x?="), std::string::npos);
}

TEST(MailText, NothingInItStartsAFieldOrEndsOne) {
  const std::string message = message_of({.id = "a\r\nX-A: 1",
                                          .to = "jo@example.com\r\nBcc: x@y",
                                          .subject = "s\r\nBcc: x@y\r\n\r\nbody",
                                          .body = "b",
                                          .date = WallTime{}},
                                         "Perk\r\nBcc: z@y <noreply@example.com>");
  const std::string head = message.substr(0, message.find("\r\n\r\n"));
  EXPECT_EQ(head.find("\r\nBcc"), std::string::npos) << head;
  EXPECT_EQ(head.find("\r\nX-A"), std::string::npos) << head;
  EXPECT_EQ(message.substr(message.find("\r\n\r\n")), "\r\n\r\nb\r\n");
}

TEST(MailText, BodiesBeyondSevenBitsOrTooWideAreQuotedPrintable) {
  const std::string message = message_of(mail("s", "Grüße = gut \nzwei"), from);
  EXPECT_NE(message.find("Content-Transfer-Encoding: quoted-printable\r\n"), std::string::npos);
  EXPECT_TRUE(message.ends_with("\r\n\r\nGr=C3=BC=C3=9Fe =3D gut=20\r\nzwei\r\n")) << message;
  const std::string wide = message_of(mail("s", std::string(2000, 'x')), from);
  std::size_t line = 0;
  for (const char c : wide) {
    line = c == '\n' ? 0 : line + 1;
    ASSERT_LE(line, 78U);
  }
}

TEST(MailText, EnvelopeTakesWhatIsAnAddressAlone) {
  EXPECT_EQ(envelope_address("a@b"), "a@b");
  EXPECT_EQ(sender_address("Perkline <a+x@b.example>"), "a+x@b.example");
  EXPECT_EQ(sender_address("a@b"), "a@b");
  EXPECT_EQ(sender_address("Perkline <a b@c>"), std::nullopt);
  for (const char* wrong : {"", "a", "@b", "a@", "a b@c", "a@b\r\nRCPT TO:<x@y>", "a@b>", "<a@b", "a@b,c@d",
                            "\"a@b\"", "gr\xc3\xbc\xc3\x9f@b", "x <a@b> y", "x <a@b>"}) {
    EXPECT_EQ(envelope_address(wrong), std::nullopt) << wrong;
  }
}

TEST(MailReply, IsKeptWithoutAnybodysAddress) {
  using hub::notifications::without_addresses;
  const auto kept = [](std::string_view reply) { return without_addresses(reply, "Bad.Person@x.test"); };
  EXPECT_EQ(kept("550 5.1.1 <bad.person@x.test>: Recipient address rejected: User unknown"),
            "550 5.1.1 <***>: Recipient address rejected: User unknown");
  EXPECT_EQ(kept("550 no such user: bad.person."), "550 no such user: ***");
  EXPECT_EQ(kept("550 5.1.1 other@y.test, bounces+bad.person=x.test@y.test (postmaster@x.test)"),
            "550 5.1.1 ***, *** (***)");
  EXPECT_EQ(kept("552 mailbox full"), "552 mailbox full");
  EXPECT_EQ(without_addresses("", "jo@x.test"), "");
}

TEST(MailReply, IsToldByItsCodesAlone) {
  using hub::notifications::status_of_reply;
  EXPECT_EQ(status_of_reply("550 5.1.1 <bad.person@x.test>: unknown"), "550 5.1.1");
  EXPECT_EQ(status_of_reply("550-5.7.26 go away"), "550 5.7.26");
  EXPECT_EQ(status_of_reply("451 try again, jo@x.test"), "451");
  EXPECT_EQ(status_of_reply("550 1.2.x jo@x.test"), "550");
  EXPECT_EQ(status_of_reply("550"), "550");
  EXPECT_EQ(status_of_reply("jo@x.test"), "");
}

TEST(NamesInMails, AreThoseThatLookLikeNames) {
  for (const std::string_view name : {"Ann", "Jean-Luc O'Neill", "J. R. R. Tolkien", "Zoë Šimić",
                                      "Dr. Nguyễn Văn An", "Анна", "王小明", "김민준", "فاطمة", "D’Arcy"})
    EXPECT_EQ(name_in_mail(name), name);
  const std::string long_one(41, 'a');
  for (const std::string_view name :
       {std::string_view("http://evil.example/win CLICK HERE to get 500 USD"),
        std::string_view("evil.example"), std::string_view("evil。example"), std::string_view("call 0900"),
        std::string_view("a@b"), std::string_view("www:evil"), std::string_view("ａｎｎ．com"),
        std::string_view("a\nb"), std::string_view("win \xf0\x9f\x8e\x81"), std::string_view("\xff"),
        std::string_view(long_one)})
    EXPECT_EQ(name_in_mail(name), "") << name;
}

}  // namespace
}  // namespace perkline::test
