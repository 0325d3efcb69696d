#include <algorithm>
#include <deque>
#include <map>

#include "hub/ledger/checkpoints.hpp"
#include "hub/ledger/history.hpp"
#include "hub/ledger/lots.hpp"
#include "tests/unit/hub/ledger_fixture.hpp"

namespace perkline::hub::ledger {
namespace {

/// The ledger as a few lines tell it: users' points in lots, holds, and the names that were used.
class Model {
 public:
  struct Lot {
    std::int64_t left;
    WallTime end;
    bool operator==(const Lot&) const = default;
  };
  struct Hold {
    std::size_t user;
    std::int64_t amount;
    WallTime end;
  };

  explicit Model(std::size_t users) : lots_(users) {}

  std::int64_t balance(std::size_t user) const {
    std::int64_t sum = 0;
    for (const Lot& lot : lots_[user]) sum += lot.left;
    return sum;
  }
  std::int64_t held(std::size_t user) const {
    std::int64_t sum = 0;
    for (const auto& [name, hold] : holds_)
      if (hold.user == user) sum += hold.amount;
    return sum;
  }
  std::int64_t free(std::size_t user) const { return balance(user) - held(user); }
  const std::deque<Lot>& lots(std::size_t user) const { return lots_[user]; }

  void give(std::size_t user, std::int64_t amount, WallTime end) { lots_[user].push_back({amount, end}); }
  void take(std::size_t user, std::int64_t amount) {
    while (amount > 0) {
      Lot& oldest = lots_[user].front();
      const std::int64_t taken = std::min(amount, oldest.left);
      oldest.left -= taken;
      amount -= taken;
      if (oldest.left == 0) lots_[user].pop_front();
    }
  }
  void lapse(WallTime now) {
    for (std::size_t user = 0; user < lots_.size(); ++user) {
      // By their ends, as far as what is held leaves them free.
      while (true) {
        auto next = lots_[user].end();
        for (auto lot = lots_[user].begin(); lot != lots_[user].end(); ++lot) {
          if (lot->end > now || lot->left > free(user)) continue;
          if (next == lots_[user].end() || lot->end < next->end) next = lot;
        }
        if (next == lots_[user].end()) break;
        lots_[user].erase(next);
      }
    }
  }
  std::map<std::string, Hold>& holds() { return holds_; }

 private:
  std::vector<std::deque<Lot>> lots_;
  std::map<std::string, Hold> holds_;
};

class Random : public Ledger, public testing::WithParamInterface<std::uint64_t> {
 protected:
  static constexpr std::size_t users = 4;
  static UserId user(std::size_t number) { return UserId("u" + std::to_string(number)); }
  static Account of(std::size_t number) { return points_of(user(number)); }
  static Account system(const std::string& code) { return system_account(code, std::string(programme_unit)); }

  /// 1 to `most`.
  std::int64_t amount(std::uint64_t most = 9) { return static_cast<std::int64_t>(1 + rng_.below(most)); }
  std::size_t anybody() { return static_cast<std::size_t>(rng_.below(users)); }
  std::string fresh(const std::string& kind) { return kind + std::to_string(++names_); }
  WallTime some_end() { return hub_.clock.wall + hours{static_cast<int>(1 + rng_.below(100))}; }

  void give() {
    const auto to = anybody();
    Transfer made = transfer(fresh("give:"), system("issued"), of(to), amount());
    made.expires_at = some_end();
    ASSERT_TRUE(post({made}));
    model_.give(to, made.amount, *made.expires_at);
    known_.push_back(made);
  }
  void take() {
    const auto from = anybody();
    const Transfer made = transfer(fresh("take:"), of(from), system("spent"), amount(15));
    const bool covered = made.amount <= model_.free(from);
    ASSERT_EQ(post({made}).has_value(), covered);
    if (!covered) return;
    model_.take(from, made.amount);
    known_.push_back(made);
  }
  void pass_on() {
    const auto from = anybody();
    const auto to = (from + 1) % users;
    Transfer made = transfer(fresh("pass:"), of(from), of(to), amount());
    made.expires_at = some_end();
    const bool covered = made.amount <= model_.free(from);
    ASSERT_EQ(post({made}).has_value(), covered);
    if (!covered) return;
    model_.take(from, made.amount);
    model_.give(to, made.amount, *made.expires_at);
    known_.push_back(made);
  }
  void set_aside() {
    const auto from = anybody();
    Transfer made = transfer(fresh("hold:"), of(from), system("spent"), amount());
    made.expires_at = some_end();
    const bool covered = made.amount <= model_.free(from);
    ASSERT_EQ(hold({made}).has_value(), covered);
    if (covered) model_.holds().emplace(made.external_id, Model::Hold{from, made.amount, *made.expires_at});
  }
  void settle() {
    if (model_.holds().empty()) return;
    const auto [name, held] = *model_.holds().begin();
    if (rng_.below(2) == 0) {
      ASSERT_TRUE(free({name}));
      model_.holds().erase(name);
      return;
    }
    const Capture taken{.hold = name,
                        .amount = amount(static_cast<std::uint64_t>(held.amount)),
                        .id = hub_.uuids.next(),
                        .external_id = "capture:" + name,
                        .code = "test",
                        .created_at = hub_.clock.wall};
    const bool in_time = held.end > hub_.clock.wall;
    const auto done = hub_.write([&](db::Transaction& t) -> Result<void> {
      const auto captured = capture(t, taken);
      if (!captured) return std::unexpected(captured.error());
      return {};
    });
    ASSERT_EQ(done.has_value(), in_time);
    if (!in_time) return;
    model_.holds().erase(name);
    model_.take(held.user, *taken.amount);
  }
  void say_again() {
    if (known_.empty()) return;
    ASSERT_TRUE(post({known_[static_cast<std::size_t>(rng_.below(known_.size()))]}));
    Transfer other = known_[static_cast<std::size_t>(rng_.below(known_.size()))];
    other.amount += 1;
    ASSERT_FALSE(post({other}));
  }
  void let_time_pass() {
    hub_.clock.wall += hours{static_cast<int>(rng_.below(12))};
    ASSERT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
      const auto released = release_overdue(t, hub_.clock.wall, 1'000);
      if (!released) return std::unexpected(released.error());
      std::vector<Uuid> ids(50);
      for (Uuid& id : ids) id = hub_.uuids.next();
      // Until nothing lapses: a lot may free what another was too large for.
      while (true) {
        for (Uuid& id : ids) id = hub_.uuids.next();
        const auto lapsed = lapse_lots(t, hub_.clock.wall, ids);
        if (!lapsed) return std::unexpected(lapsed.error());
        if (lapsed->empty()) return {};
      }
    }));
    std::erase_if(model_.holds(), [&](const auto& each) { return each.second.end <= hub_.clock.wall; });
    model_.lapse(hub_.clock.wall);
  }
  void note_checkpoints() {
    ASSERT_TRUE(hub_.write([&](db::Transaction& t) -> Result<void> {
      const auto step = checkpoint_accounts(t, newest_entry(t).value(), hub_.clock.wall, 0, 1'000);
      if (!step) return std::unexpected(step.error());
      return {};
    }));
  }

  void step() {
    switch (rng_.below(10)) {
      case 0:
      case 1:
      case 2:
        return give();
      case 3:
      case 4:
        return take();
      case 5:
        return pass_on();
      case 6:
        return set_aside();
      case 7:
        return settle();
      case 8:
        return rng_.below(2) == 0 ? say_again() : note_checkpoints();
      default:
        return let_time_pass();
    }
  }

  void expect_as_the_model() {
    std::int64_t all = 0;
    for (std::size_t number = 0; number < users; ++number) {
      all += model_.balance(number);
      EXPECT_EQ(balance(of(number)), model_.balance(number));
      EXPECT_EQ(hub_.number("SELECT CAST(COALESCE(SUM(held), 0) AS BIGINT) FROM account WHERE owner_id = $1",
                            {user(number).str()}),
                model_.held(number));
      std::deque<Model::Lot> stored;
      for (const auto& row :
           hub_.rows("SELECT l.remaining, l.expires_at FROM lot l JOIN account a ON a.id = l.account_id"
                     " WHERE a.owner_id = $1 ORDER BY l.transfer_seq",
                     {user(number).str()}))
        stored.push_back({row.integer(0), WallTime{Millis{row.integer(1)}}});
      EXPECT_TRUE(stored == model_.lots(number)) << "lots of user " << number;
    }
    EXPECT_EQ(balance(system("issued")) + balance(system("spent")) + balance(system("expired")), -all);
    const auto found = verified();
    EXPECT_TRUE(found.ok()) << found.mismatches.front();
  }

  SeededRng rng_{GetParam()};
  Model model_{users};
  std::vector<Transfer> known_;
  int names_ = 0;
};

TEST_P(Random, OperationsComeToWhatTheModelSays) {
  for (int i = 0; i < 200; ++i) {
    step();
    if (HasFatalFailure()) return;
    if (i % 20 == 19) expect_as_the_model();
    if (HasFailure()) FAIL() << "by operation " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Ledger, Random, testing::Range<std::uint64_t>(1, 31));

}  // namespace
}  // namespace perkline::hub::ledger
