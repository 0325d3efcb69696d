#include <algorithm>

#include <openssl/sha.h>

#include "hub/billing/statement.hpp"
#include "hub/identity/base64url.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/html.hpp"

namespace perkline::hub::billing {
namespace {

constexpr std::string_view style =
    "body{font:11pt/1.4 sans-serif;color:#000;background:#fff;margin:2cm}"
    "section{break-after:page;max-width:17cm}"
    "section:last-child{break-after:auto}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{padding:.3em .6em;border-bottom:1px solid #999;text-align:right}"
    "th:first-child,td:first-child{text-align:left}"
    "tfoot td{font-weight:bold;border-bottom:3px double #000}";

std::string line(std::string_view what, std::int64_t points, std::string_view rate, const Money& amount) {
  return "<tr><td>" + std::string(what) + "</td><td>" + std::to_string(points) + "</td><td>" +
         html_escaped(rate) + "</td><td>" + format_amount(amount) + "</td></tr>\n";
}

std::string section_of(const Statement& statement) {
  const std::string currency(statement.net.currency.code());
  const bool pays = statement.net.minor < 0;
  const Money absolute{pays ? -statement.net.minor : statement.net.minor, statement.net.currency};
  return "<section>\n<h1>Statement of store " + html_escaped(statement.store.str()) + "</h1>\n<p>" +
         statement.month.text() +
         " (UTC). Points less those of returned goods.</p>\n"
         "<table>\n<thead><tr><th></th><th>Points</th><th>Rate</th><th>" +
         currency + "</th></tr></thead>\n<tbody>\n" +
         line("Issued: the store owes", statement.issued, statement.rates.issue, statement.owes) +
         line("Redeemed: the store is owed", statement.redeemed, statement.rates.redeem, statement.owed) +
         "</tbody>\n<tfoot><tr><td>" + (pays ? "The store pays" : "The store is paid") +
         "</td><td></td><td></td><td>" + format_amount(absolute) +
         "</td></tr></tfoot>\n</table>\n</section>\n";
}

}  // namespace

std::string html_of(const std::vector<Statement>& statements) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<title>Store statements</title>\n<style>" +
      std::string(style) + "</style>\n</head>\n<body>\n";
  for (const Statement& statement : statements) out += section_of(statement);
  if (statements.empty()) out += "<p>There are no stores.</p>\n";
  return out + "</body>\n</html>\n";
}

/// CSP 3 takes base64url for a hash, padded.
std::string html_policy() {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(style.data()), style.size(), digest.data());
  return "default-src 'none'; style-src 'sha256-" + identity::base64url(as_chars(digest)) +
         "='; frame-ancestors 'none'";
}

}  // namespace perkline::hub::billing
