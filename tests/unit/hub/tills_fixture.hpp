#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/identity/user.hpp"
#include "hub/ingest/dead_letters.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/verify_spins.hpp"
#include "hub/wheel/verify_stock.hpp"
#include "tests/unit/hub/event_table.hpp"
#include "tests/unit/hub/fake_store.hpp"

namespace perkline::test {

/// Stores that draw, claim and give back, over the hub's own code.
class Tills : public testing::Test {
 protected:
  Tills() { hub_.execute("UPDATE prize SET active = 0"); }

  /// Whatever the test made happen is told as hub/events/README.md says.
  void TearDown() override {
    for (const auto& event : hub_.rows("SELECT type, data FROM event_outbox"))
      expect_documented(event.text(0), event.text(1));
  }
  inline static const std::string card = "CUST-00001";

  FakeStore open_store(const std::string& name) {
    EXPECT_TRUE(hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      auto made = hub::stores::make(t, StoreId(name), hub_.clock.wall);
      if (!made) return failure(made);
      return {};
    }));
    return FakeStore(hub_, ingest_, StoreId(name));
  }
  void write(const std::function<Result<void>(hub::db::Transaction&)>& work) {
    const auto done = hub_.write(work);
    EXPECT_TRUE(done) << done.error().detail;
  }
  hub::wheel::PrizeCause prize_cause() {
    return {.id = hub_.uuids.next(), .at = hub_.clock.wall, .actor = "user:staff"};
  }
  std::string add_prize(std::optional<std::int64_t> stock, bool one_time = false, std::int64_t tickets = 1) {
    const hub::wheel::Prize made{.id = hub_.uuids.next().str(),
                                 .name = "Mug",
                                 .type = hub::wheel::PrizeType::cash,
                                 .tickets = tickets,
                                 .points = std::nullopt,
                                 .one_time = one_time,
                                 .stock = stock};
    write([&](hub::db::Transaction& t) { return hub::wheel::add_prize(t, prize_cause(), made); });
    return made.id;
  }
  UserId add_owner(const std::string& of = card) {
    hub::identity::NewUser added{.user = {}, .password_hash = "none"};
    added.user.id = UserId(hub_.uuids.next().str());
    added.user.email = added.user.id.str() + "@example.com";
    added.user.loyalty_id = CustomerId(of);
    added.user.loyalty_verified = true;
    write([&](hub::db::Transaction& t) { return hub::identity::insert_user(t, added); });
    return added.user.id;
  }
  std::int64_t spins() { return hub_.number("SELECT COUNT(*) FROM spin"); }
  std::int64_t dead_letters() { return hub_.number("SELECT COUNT(*) FROM dead_letter WHERE state = 'open'"); }
  std::string reason() {
    return hub_.rows("SELECT reason FROM dead_letter ORDER BY sequence DESC").at(0).text(0);
  }
  std::string retry() {
    const auto letters = hub_.rows("SELECT id FROM dead_letter WHERE state = 'open' ORDER BY sequence");
    const hub::ingest::EffectIds ids{hub_.uuids.next(), hub_.uuids.next()};
    std::string state;
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto retried = hub::ingest::retry_dead_letter(t, letters.at(0).text(0), ids, hub_.clock.wall, terms_);
      if (!retried) return failure(retried);
      state = retried->state;
      return {};
    });
    return state;
  }
  void discard() {
    const auto letters = hub_.rows("SELECT id FROM dead_letter WHERE state = 'open' ORDER BY sequence");
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto done = hub::ingest::discard_dead_letter(t, letters.at(0).text(0), hub_.clock.wall);
      if (!done) return failure(done);
      return {};
    });
  }
  std::int64_t events(const std::string& type) {
    return hub_.number("SELECT COUNT(*) FROM event_outbox WHERE type = $1", {type});
  }
  std::vector<std::string> stock_faults() {
    std::vector<std::string> found;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      found = hub::wheel::verify_stock(t).value();
      for (std::string& fault : hub::wheel::verify_spins(t).value()) found.push_back(std::move(fault));
      return {};
    }));
    return found;
  }
  std::int64_t write_off(const StoreId& store, hub::wheel::LeaseLives lives = hub::wheel::LeaseLives::all) {
    std::int64_t units = -1;
    write([&](hub::db::Transaction& t) -> Result<void> {
      units = hub::wheel::write_off_leases(t, prize_cause(), store, "burnt down", lives).value();
      return {};
    });
    return units;
  }
  /// `free/leased/awarded`
  std::string units(const std::string& prize) {
    const auto row =
        hub_.rows("SELECT stock - leased - awarded, leased, awarded FROM prize WHERE id = $1", {prize}).at(0);
    return std::to_string(row.integer(0)) + '/' + std::to_string(row.integer(1)) + '/' +
           std::to_string(row.integer(2));
  }

  HubDatabase hub_;
  const hub::wheel::Terms terms_{};
  int prizes_used_ = 0;  ///< How often some store was to be supplied because of what it told.
  hub::ingest::Ingest ingest_{hub_.port(), hub_.clock,
                              hub_.rng,    terms_,
                              {},          {.prizes_used = [this](const StoreId&) { ++prizes_used_; }}};
};

}  // namespace perkline::test
