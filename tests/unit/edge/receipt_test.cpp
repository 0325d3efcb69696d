#include "shared/rules/receipt.hpp"

#include <gtest/gtest.h>

#include "shared/core/limits.hpp"

namespace perkline::rules {
namespace {

using Lines = std::vector<std::string>;

ReceiptFacts facts() {
  return {.earned = Points{450},
          .redeemed = Points{10},
          .new_balance = Points{5440},
          .customer_name = "John Doe",
          .tier = "Gold",
          .receipt = "RCP-1",
          .amount = Money{15000, *find_currency("USD")},
          .provisional = false};
}

Lines lines(Lines templates, const ReceiptFacts& of = facts()) {
  return ReceiptForm(std::move(templates)).lines(of);
}

TEST(Receipt, TheBuiltInLinesTellThePoints) {
  EXPECT_EQ(ReceiptForm().lines(facts()),
            (Lines{"Points earned: 450", "Points redeemed: 10", "New balance: 5440"}));
  ReceiptFacts unknown = facts();
  unknown.new_balance.reset();
  unknown.redeemed = Points{0};
  unknown.provisional = true;
  EXPECT_EQ(ReceiptForm().lines(unknown), (Lines{"Points earned: 450", "Points redeemed: 0"}));
  unknown.new_balance = Points{0};
  EXPECT_EQ(ReceiptForm().lines(unknown).back(), "New balance: 0");
}

TEST(Receipt, KnowsEveryFact) {
  EXPECT_EQ(
      lines({"{{earnedPoints}} {{redeemedPoints}} {{newBalance}} {{customerName}} {{tier}} {{receiptId}}",
             "{{amount}} {{currency}}", "{{{ amount }}} {{& tier }} {{! a remark }}."}),
      (Lines{"450 10 5440 John Doe Gold RCP-1", "150.00 USD", "150.00 Gold ."}));
  ReceiptFacts yen = facts();
  yen.amount = Money{1200, *find_currency("JPY")};
  EXPECT_EQ(lines({"{{amount}} {{currency}}"}, yen), Lines{"1200 JPY"});
}

TEST(Receipt, SectionsComeAndGoWithTheSale) {
  const Lines templates{"{{#provisional}}To be confirmed{{/provisional}}",
                        "{{^provisional}}Booked{{/provisional}}",
                        "{{#redeemed}}You paid with {{redeemedPoints}} points{{/redeemed}}",
                        "{{#customerName}}Thank you, {{customerName}}{{/customerName}}{{^customerName}}Thank "
                        "you{{/customerName}}"};
  EXPECT_EQ(lines(templates), (Lines{"Booked", "You paid with 10 points", "Thank you, John Doe"}));
  ReceiptFacts other = facts();
  other.provisional = true;
  other.redeemed = {};
  other.customer_name = "";
  EXPECT_EQ(lines(templates, other), (Lines{"To be confirmed", "Thank you"}));
}

TEST(Receipt, ALineOfNothingButBlanksIsLeftOut) {
  ReceiptFacts nobody = facts();
  nobody.customer_name = "";
  nobody.tier = "\n";
  EXPECT_EQ(lines({"{{customerName}} {{tier}}", "  x  ", " "}, nobody), Lines{"  x"});
}

TEST(Receipt, NothingIsEscapedForHtml) {
  ReceiptFacts amp = facts();
  amp.customer_name = "A & B <\"O'Neil\">";
  EXPECT_EQ(lines({"{{customerName}}|{{{customerName}}}"}, amp),
            Lines{"A & B <\"O'Neil\">|A & B <\"O'Neil\">"});
}

TEST(Receipt, AValueIsNeverATemplate) {
  ReceiptFacts sly = facts();
  sly.customer_name = "{{tier}} {{#redeemed}}";
  EXPECT_EQ(lines({"{{customerName}}"}, sly), Lines{"{{tier}} {{#redeemed}}"});
}

TEST(Receipt, NoControlCharacterReachesThePrinter) {
  for (const std::string& bad :
       {std::string("\r"), std::string("\n"), std::string("\x1b"), std::string("\t"), std::string(1, '\0'),
        std::string("\x7f"), std::string("\xc2\x85"), std::string("\xc2\x9b"), std::string("\xe2\x80\xa8"),
        std::string("\xe2\x80\xae"), std::string("\xe2\x81\xa6")}) {
    ReceiptFacts sly = facts();
    const std::string name = "a" + bad + "b";
    sly.customer_name = name;
    EXPECT_EQ(lines({"{{customerName}}"}, sly), Lines{"a b"}) << ::testing::PrintToString(bad);
  }
  ReceiptFacts plain = facts();
  plain.customer_name = "Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x8e\x81 \xc2\xa0.";
  EXPECT_EQ(lines({"{{customerName}}"}, plain), Lines{std::string(plain.customer_name)});
}

TEST(Receipt, WhatIsNotUtf8IsReplaced) {
  ReceiptFacts broken = facts();
  broken.customer_name = "a\xff\xc3";
  EXPECT_EQ(lines({"{{customerName}}b"}, broken), Lines{"a\xef\xbf\xbd\xef\xbf\xbd"
                                                        "b"});
}

TEST(Receipt, ALineIsCutBetweenCharacters) {
  ReceiptFacts tall = facts();
  const std::string name(1'000'000, 'x');
  tall.customer_name = name;
  EXPECT_EQ(lines({"{{customerName}}"}, tall), Lines{std::string(limits::receipt_line_bytes_max, 'x')});
  std::string euros = "x";
  for (int i = 0; i < 200; ++i) euros += "\xe2\x82\xac";
  tall.customer_name = euros;
  const std::string cut = lines({"{{customerName}}"}, tall).front();
  EXPECT_EQ(cut, euros.substr(0, 1 + 85 * 3)) << "256 bytes";
  tall.customer_name = std::string_view(euros).substr(1);
  EXPECT_EQ(lines({"{{customerName}}"}, tall).front().size(), 85 * 3u) << "the 86th would be cut in two";
}

TEST(Receipt, ATemplateIsAtFaultWhenItCannotMeanAnything) {
  const std::string names =
      "names something else than earnedPoints, redeemedPoints, newBalance, customerName, tier, receiptId, "
      "amount, currency, provisional, redeemed";
  for (const char* text : {"{{points}}", "{{EarnedPoints}}", "{{}}", "{{ }}", "{{.}}", "{{tier.name}}",
                           "{{{points}}}", "{{{#redeemed}}}", "{{&points}}", "{{#points}}{{/points}}",
                           "{{#redeemed}}{{^tier}}{{points}}{{/tier}}{{/redeemed}}", "{{/}}"}) {
    EXPECT_EQ(ReceiptForm::wrong_template(text), names) << text;
  }
  for (const char* text : {"{{tier", "{{", "{{tier}", "{{{tier}}", "{{#redeemed}}", "{{/redeemed}}",
                           "{{#redeemed}}{{/tier}}", "{{#redeemed}}{{#tier}}{{/redeemed}}{{/tier}}"}) {
    EXPECT_EQ(ReceiptForm::wrong_template(text),
              "is no Mustache template: a tag or a section does not end, or ends and never began")
        << text;
  }
  EXPECT_EQ(ReceiptForm::wrong_template("{{=<% %>=}}"), "must not change the delimiters");
  EXPECT_EQ(ReceiptForm::wrong_template("{{> other}}"), "must not take in other templates");
  EXPECT_EQ(ReceiptForm::wrong_template("a\nb"), "must not hold control characters");
  EXPECT_EQ(ReceiptForm::wrong_template("a\x1b[1m"), "must not hold control characters");
  EXPECT_EQ(ReceiptForm::wrong_template(std::string(limits::receipt_template_bytes_max + 1, 'x')),
            "must be at most 512 bytes long");
}

TEST(Receipt, WhatLooksLikeATagButIsNoneIsText) {
  for (const char* text : {"", "}}", "{tier}", "100 % }", "{{! {{ }}"})
    EXPECT_EQ(ReceiptForm::wrong_template(text), "") << text;
}

TEST(Receipt, DeepSectionsAreNoTrouble) {
  std::string deep = "x";
  for (int i = 0; i < 18; ++i) deep = "{{#redeemed}}" + deep + "{{/redeemed}}";
  EXPECT_EQ(lines({deep}), Lines{"x"});
}

}  // namespace
}  // namespace perkline::rules
