#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "hub/ledger/ledger.hpp"
#include "tests/support/at_once.hpp"
#include "tests/unit/hub/event_table.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {

using hub::identity::Role;
using hub::identity::User;

struct Member {
  User user;
  std::string token;
  std::string id() const { return user.id.str(); }
};

inline std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

/// `"a":"b"` of each pair, as an object.
inline std::string object(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string text;
  for (const auto& [name, value] : members)
    text += (text.empty() ? "" : ",") + quoted(name) + ':' + quoted(value);
  return '{' + text + '}';
}

/// What `errors` names, in order.
inline std::vector<std::string> faulty_fields(const RawAnswer& answer) {
  std::vector<std::string> fields;
  const auto document = json::parse(answer.body);
  const json::Value* errors = document ? document->root().find("errors") : nullptr;
  if (errors == nullptr) return fields;
  for (const json::Value& each : errors->items()) fields.emplace_back(each.find("field")->text());
  return fields;
}

/// The wallet's routes on a real server over a real database, with staff and members.
class Wallet : public ::testing::Test {
 protected:
  static constexpr const char* credits = "/api/v1/wallet/credits";
  static constexpr const char* debits = "/api/v1/wallet/debits";
  static constexpr const char* transfers = "/api/v1/wallet/transfers";
  static constexpr const char* holds = "/api/v1/wallet/holds";

  /// Whatever the test made happen is told as hub/events/README.md says.
  void TearDown() override { expect_all_documented(hub_); }
  explicit Wallet(HubWeb web = {},
                  hub::api::Attempts::Limits limits = {.login_per_minute = 0, .auth_per_address_minute = 0})
      : hub_(limits, std::move(web)) {}

  Member member(const std::string& name) {
    User user = hub_.add_user(name, Role::member);
    std::string token = hub_.token_of(user);
    return {std::move(user), std::move(token)};
  }
  RawAnswer post(const std::string& path, const std::string& token, const std::string& body,
                 const std::string& key) const {
    return hub_.send("POST", path, token, body, "Idempotency-Key: " + key + "\r\n");
  }
  /// Under a key of its own.
  RawAnswer post(const std::string& path, const std::string& token, const std::string& body) {
    return post(path, token, body, "key-" + std::to_string(++keys_));
  }
  RawAnswer adjust(const char* path, const Member& whose, const std::string& amount,
                   const std::string& currency = "USD") {
    return post(
        path, staff_,
        object({{"userId", whose.id()}, {"amount", amount}, {"currency", currency}, {"reason", "r"}}));
  }
  RawAnswer send(const Member& from, const std::string& to, const std::string& amount,
                 const std::string& currency = "USD") {
    return post(transfers, from.token, object({{"to", to}, {"amount", amount}, {"currency", currency}}));
  }
  Member member_with(const std::string& name, const std::string& amount) {
    Member made = member(name);
    EXPECT_EQ(adjust(credits, made, amount).status, 201);
    return made;
  }

  /// `available/held` in a currency; empty: there is no such wallet.
  std::string balance(const Member& whose, const std::string& currency = "USD") const {
    const RawAnswer answer = hub_.get("/api/v1/wallet", whose.token);
    const auto document = json::parse(answer.body);
    for (const json::Value& each : document->root().find("balances")->items()) {
      if (each.find("currency")->text() == currency)
        return std::string(each.find("available")->text()) + '/' + std::string(each.find("held")->text());
    }
    return "";
  }
  std::int64_t count(const std::string& sql, const std::vector<hub::db::Value>& parameters = {}) {
    std::int64_t number = -1;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto rows = transaction.query(sql, parameters);
      if (!rows) return failure(rows);
      number = rows->front().integer(0);
      return {};
    });
    return number;
  }
  std::int64_t events(const std::string& type) {
    return count("SELECT COUNT(*) FROM event_outbox WHERE type = $1", {type});
  }
  void expect_books_balance() {
    hub_.write([](hub::db::Transaction& transaction) -> Result<void> {
      auto verified = hub::ledger::verify(transaction);
      EXPECT_TRUE(verified);
      if (verified) EXPECT_EQ(verified->mismatches, std::vector<std::string>{});
      return {};
    });
  }

  ServedHub hub_;
  const std::string staff_ = hub_.token_for(Role::staff);
  std::atomic<int> keys_ = 0;
};

}  // namespace perkline::test
