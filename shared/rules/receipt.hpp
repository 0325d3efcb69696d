#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/money.hpp"

/// What a till prints of a sale below its own lines: each a Mustache template. Pure. One thread.
namespace perkline::rules {

/// What a template can tell, under its name in braces: `{{earnedPoints}}`. Names whose value is nothing (an
/// empty text, no balance) are false as sections: `{{#newBalance}}… {{newBalance}}{{/newBalance}}`.
struct ReceiptFacts {
  Points earned = {};                                ///< earnedPoints
  Points redeemed = {};                              ///< redeemedPoints; as the section `redeemed` when not 0
  std::optional<Points> new_balance = std::nullopt;  ///< newBalance
  std::string_view customer_name = {};               ///< customerName
  std::string_view tier = {};                        ///< tier
  std::string_view receipt = {};                     ///< receiptId
  Money amount;                                      ///< amount, `150.00`, and currency, `USD`
  bool provisional = false;                          ///< The section `provisional`: PDI has yet to book it.
};

/// The lines of a chain's receipts. Copies share what was parsed.
class ReceiptForm {
 public:
  /// The built-in lines.
  ReceiptForm();
  /// Up to limits::receipt_lines_max templates, none of them wrong.
  explicit ReceiptForm(std::vector<std::string> templates);

  /// What is wrong with a template, as a fault's reason; empty: nothing is. Partials and other delimiters are
  /// not for receipts.
  static std::string wrong_template(std::string_view text);

  const std::vector<std::string>& templates() const;

  /// A template that gives nothing but blanks gives no line. Values come from outside: whatever a printer may
  /// take for a command becomes a blank, what is not UTF-8 becomes U+FFFD, nothing is escaped for HTML. A
  /// line longer than limits::receipt_line_bytes_max is cut.
  std::vector<std::string> lines(const ReceiptFacts& facts) const;

 private:
  struct Parsed;
  std::shared_ptr<Parsed> parsed_;
};

}  // namespace perkline::rules
