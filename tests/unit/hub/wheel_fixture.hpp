#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/ledger/ledger.hpp"
#include "hub/points/purse.hpp"
#include "hub/wheel/proof.hpp"
#include "hub/wheel/seeds.hpp"
#include "tests/unit/hub/event_table.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {

using hub::identity::Role;

/// The wheel's routes on a real server over a real database, with staff, and members who have points.
class Wheel : public ::testing::Test {
 protected:
  struct Member {
    hub::identity::User user;
    std::string token;
  };
  explicit Wheel(hub::wheel::Terms terms = {}) : terms_(std::move(terms)) {}
  /// Whatever the test made happen is told as hub/events/README.md says.
  void TearDown() override { expect_all_documented(hub_); }

  Member member(const std::string& name, std::int64_t points = 100) {
    auto user = hub_.add_user(name, Role::member);
    if (points > 0) give(user.id, points);
    std::string token = hub_.token_of(user);
    return {std::move(user), std::move(token)};
  }
  void give(const UserId& user, std::int64_t points) {
    const hub::points::Cause cause{.id = hub_.ids().next(), .at = SystemClock().wall_now()};
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto given = hub::points::give(transaction, terms_.programme, cause,
                                     {.user = user,
                                      .amount = points,
                                      .other = hub::points::programme_account("applied"),
                                      .external_id = "test:" + cause.id.str(),
                                      .code = "apply"});
      if (!given) return failure(given);
      return {};
    });
  }
  std::int64_t points_of(const Member& whose) const {
    return std::stoll(member_of(hub_.get("/api/v1/points/balance", whose.token).body, "balance"));
  }

  RawAnswer spin_as(const std::string& token, const std::string& body, const std::string& key) const {
    return hub_.send("POST", "/api/v1/spin", token, body, "Idempotency-Key: " + key + "\r\n");
  }
  /// Under a key of its own.
  RawAnswer spin(const Member& who, const std::string& body = "{}") {
    return spin_as(who.token, body, "key-" + std::to_string(++keys_));
  }
  RawAnswer add_prize(const std::string& body) const {
    return hub_.send("POST", "/api/v1/prizes", staff_, body);
  }
  RawAnswer set_prize(const std::string& id, const std::string& body) const {
    return hub_.send("PATCH", "/api/v1/prizes/" + id, staff_, body);
  }
  /// Its id.
  std::string added(const std::string& body) const {
    const RawAnswer answer = add_prize(body);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return member_of(answer.body, "id");
  }
  /// Nothing can be won but what is added from here on.
  void clear_wheel() { hub_.execute("UPDATE prize SET active = 0"); }
  json::Document document(const RawAnswer& answer) const {
    auto parsed = json::parse(answer.body);
    EXPECT_TRUE(parsed) << answer.body;
    return std::move(*parsed);
  }
  /// A member of the prize in GET /prizes, as it is written.
  std::string of_prize(const std::string& id, const std::string& name) const {
    const auto list = document(hub_.get("/api/v1/prizes?limit=200"));
    for (const json::Value& prize : list.root().find("items")->items()) {
      if (prize.find("id")->text() == id) {
        const json::Value* found = prize.find(name);
        return found->is(json::Value::Kind::boolean) ? (found->boolean() ? "true" : "false")
                                                     : std::string(found->text());
      }
    }
    return "no such prize";
  }
  std::string prize_won(const RawAnswer& answer) const {
    const auto said = document(answer);
    const json::Value* prize = said.root().find("prize");
    return prize == nullptr ? answer.body : std::string(prize->find("id")->text());
  }
  /// The prizes in the table that a spin was drawn from.
  std::vector<std::string> drawn_from(const RawAnswer& answer) const {
    const auto said = document(answer);
    std::vector<std::string> ids;
    for (const json::Value& slot : said.root().find("proof")->find("table")->items())
      ids.emplace_back(slot.find("id")->text());
    return ids;
  }
  std::string in_proof(const RawAnswer& answer, const std::string& name) const {
    const auto said = document(answer);
    return std::string(said.root().find("proof")->find(name)->text());
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
  /// As when all days that have a seed are over.
  void reveal_all() {
    const WallTime later = SystemClock().wall_now() + days{60};
    hub_.write([later](hub::db::Transaction& transaction) -> Result<void> {
      auto revealed = hub::wheel::reveal_seeds(transaction, later, 1'000);
      if (!revealed) return failure(revealed);
      return {};
    });
  }
  /// How many spins come out the same when they are drawn again, once all seeds are revealed.
  std::int64_t proofs_that_hold() {
    reveal_all();
    std::int64_t hold = 0;
    for (const std::string& id : hub_.column("SELECT id FROM spin")) {
      hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
        const auto proof = hub::wheel::find_proof(transaction, parse_uuid(id).value());
        EXPECT_TRUE(proof && *proof && (*proof)->seed);
        loyalty::ServerSeed seed;
        std::ranges::copy(from_hex(*(*proof)->seed).value(), seed.bytes.begin());
        const auto again = loyalty::verify(seed, {.draw = (*proof)->draw,
                                                  .table = (*proof)->table,
                                                  .version = loyalty::version_of((*proof)->table),
                                                  .commitment = loyalty::commitment_of(seed),
                                                  .prize = (*proof)->prize});
        EXPECT_TRUE(again) << again.error().detail;
        EXPECT_EQ(to_hex(loyalty::commitment_of(seed)), (*proof)->commitment);
        if (again) ++hold;
        return {};
      });
    }
    return hold;
  }
  void expect_books_balance() {
    hub_.write([](hub::db::Transaction& transaction) -> Result<void> {
      auto verified = hub::ledger::verify(transaction);
      EXPECT_TRUE(verified);
      if (verified) EXPECT_EQ(verified->mismatches, std::vector<std::string>{});
      return {};
    });
  }

  const hub::wheel::Terms terms_;
  std::map<std::string, int> counted_;  ///< Spins as they are told to metrics, by type of prize.
  ServedHub hub_{
      {.login_per_minute = 0, .auth_per_address_minute = 0},
      HubWeb{.wheel = terms_, .on_spin = [this](std::string_view type) { ++counted_[std::string(type)]; }}};
  const std::string staff_ = hub_.token_for(Role::staff);
  std::atomic<int> keys_ = 0;
};

}  // namespace perkline::test
