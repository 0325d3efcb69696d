#include <deque>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "edge/journal/restored.hpp"
#include "edge/programme/programme.hpp"
#include "hub/downlink/catalogue.hpp"
#include "hub/identity/user.hpp"
#include "hub/ingest/ingest.hpp"
#include "hub/points/purse.hpp"
#include "hub/stores/stores.hpp"
#include "hub/wheel/lease_upkeep.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/prizes.hpp"
#include "hub/wheel/seeds.hpp"
#include "hub/wheel/spin.hpp"
#include "hub/wheel/verify_spins.hpp"
#include "hub/wheel/verify_stock.hpp"
#include "tests/support/sim_store.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::test {
namespace {

using edge::programme::Programme;
using edge::session::Life;
using edge::session::LifeOptions;
using edge::session::Outside;
using edge::session::Till;

/// A store that sells and draws by itself, by the production code over a simulated disk.
class TillStore {
 public:
  explicit TillStore(int number) : id_("store-" + std::to_string(number)) {
    // Each its own chances: its ids are made of them.
    outside_.time.mono += days{number};
    start();
  }
  ~TillStore() { end(); }

  const StoreId& id() const { return id_; }
  Uuid holder() const { return programme_->lease_holder().value(); }
  void hold(sync::Catalogue catalogue) {
    catalogue_ = std::move(catalogue);
    programme_->use(catalogue_, true);
  }
  void start() {
    end();
    life_ = std::make_unique<Life>(outside_, LifeOptions{.store = id_, .standin = {.enabled = true}});
    programme_.emplace(edge::programme::Parts{.ports = life_->ports,
                                              .flows = life_->flows,
                                              .writer = life_->writer,
                                              .journal = life_->journal,
                                              .outbox = *life_->outbox,
                                              .store = id_});
    programme_->connect({.send = [](const sync::Frame&) {}, .is_up = [] { return false; }});
    EXPECT_TRUE(life_->run(programme_->start()));
    programme_->use(catalogue_, true);
  }
  /// From its backup of just now, on another disk: it is told that it may have forgotten something.
  void restore() {
    edge::journal::Batch mark;
    put(mark, edge::journal::Restored{.backed_up_at = outside_.time.wall, .restored_at = outside_.time.wall});
    struct Done {};
    (void)life_->run([](edge::journal::Journal& journal, edge::journal::Batch what) -> Task<Done> {
      co_await journal.commit(std::move(what));
      co_return Done{};
    }(life_->journal, std::move(mark)));
    start();
  }
  /// A sale, and its spin; the prize that came out, or why none did. `crash`: the power goes on the way, and
  /// the till asks again.
  std::string sell_and_spin(bool crash) {
    Till till;
    till.transaction = TransactionId("T-" + std::to_string(++sales_));
    till.session = life_->identify(till);
    EXPECT_TRUE(life_->calculate(till));
    EXPECT_TRUE(life_->finalize(till));
    const edge::programme::SpinRequest request{till.customer, till.transaction, "seed"};
    if (crash) {
      life_->start(programme_->spins().spin(request, ""));
      life_->world->run_ready();
      life_->crash(static_cast<std::uint64_t>(sales_));
      start();
    }
    const auto answer = life_->run(programme_->spins().spin(request, ""));
    if (!answer) return std::string(name_of(answer.error().code));
    const std::string mark = R"("prizeId":")";
    const std::size_t at = answer->body.find(mark) + mark.size();
    return answer->body.substr(at, answer->body.find('"', at) - at);
  }
  sync::Batch all_events() {
    sync::Batch batch{.epoch = 1,
                      .first_sequence = 1,
                      .previous_hash = life_->outbox->hash_at(0).value().value(),
                      .hash = life_->outbox->tail_hash(),
                      .events = {}};
    for (auto& record : life_->outbox->read(1, 10'000, std::size_t{1} << 30).value())
      batch.events.push_back(std::move(record.event));
    return batch;
  }

 private:
  void end() {
    if (life_) life_->world.reset();
    programme_.reset();
    life_.reset();
  }

  StoreId id_;
  Outside outside_;
  sync::Catalogue catalogue_;
  std::unique_ptr<Life> life_;
  std::optional<Programme> programme_;
  int sales_ = 0;
};

/// Twenty stores without a line to the hub, which spins too: the production code of both sides.
class TillFleet : public testing::Test {
 protected:
  TillFleet() : ingest_(hub_.port(), hub_.clock, hub_.rng) {
    hub_.execute("UPDATE prize SET active = 0");
    std::vector<StoreId> drawing{hub::wheel::the_hub};
    for (int i = 1; i <= 20; ++i) {
      TillStore& store = stores_.emplace_back(i);
      drawing.push_back(store.id());
      write([&](hub::db::Transaction& t) {
        return hub::stores::add(t, store.id(), to_hex(sync::sha256(store.id().str())), hub_.clock.wall);
      });
    }
    EXPECT_TRUE(
        run_task(hub_.world(), hub::wheel::commit_seeds(hub_.port(), drawing, hub_.clock.wall, hub_.rng)));
  }
  void write(const std::function<Result<void>(hub::db::Transaction&)>& work) {
    const auto done = hub_.write(work);
    EXPECT_TRUE(done) << done.error().detail;
  }
  std::string prize(const std::string& name, std::int64_t tickets, std::optional<std::int64_t> stock) {
    const hub::wheel::Prize made{.id = hub_.uuids.next().str(),
                                 .name = name,
                                 .type = hub::wheel::PrizeType::coupon,
                                 .tickets = tickets,
                                 .points = std::nullopt,
                                 .stock = stock};
    write([&](hub::db::Transaction& t) {
      return hub::wheel::add_prize(t, {.id = hub_.uuids.next(), .at = hub_.clock.wall, .actor = "user:staff"},
                                   made);
    });
    return made.id;
  }
  /// The store says Hello, and is in the hub's books as what it says.
  void greet(TillStore& store) {
    sync::Status status{};
    status.held = sync::Held{.lease_holder = store.holder()};
    const sync::Hello hello{.store = store.id(),
                            .epoch = 1,
                            .boot_id = hub_.uuids.next(),
                            .protocol = sync::protocol_newest,
                            .tail = 0,
                            .tail_hash = sync::chain_start(store.id(), 1),
                            .status = status};
    const auto welcome = run_task(hub_.world(), ingest_.handle(store.id(), sync::encode(sync::Frame(hello))));
    ASSERT_TRUE(welcome);
    ASSERT_TRUE(std::holds_alternative<sync::Welcome>(sync::decode_frame(*welcome).value()));
  }
  void lease_and_tell() {
    ASSERT_TRUE(
        run_task(hub_.world(), hub::wheel::keep_all_leases(hub_.port(), hub_.clock, hub_.uuids)).has_value());
    for (TillStore& store : stores_) {
      EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
        auto catalogue = hub::downlink::read_catalogue(t, store.id());
        if (!catalogue) return failure(catalogue);
        store.hold(std::move(*catalogue));
        return {};
      }));
    }
  }
  void tell_hub(TillStore& store) {
    const auto ack =
        run_task(hub_.world(), ingest_.handle(store.id(), sync::encode(sync::Frame(store.all_events()))));
    ASSERT_TRUE(ack);
    ASSERT_TRUE(std::holds_alternative<sync::Ack>(sync::decode_frame(*ack).value()));
  }
  UserId member() {
    hub::identity::NewUser added{.user = {}, .password_hash = "none"};
    added.user.id = UserId(hub_.uuids.next().str());
    added.user.email = added.user.id.str() + "@example.com";
    const hub::points::Cause cause{.id = hub_.uuids.next(), .at = hub_.clock.wall};
    write([&](hub::db::Transaction& t) -> Result<void> {
      if (auto made = hub::identity::insert_user(t, added); !made) return made;
      auto given = hub::points::give(t, terms_.programme, cause,
                                     {.user = added.user.id,
                                      .amount = 1000,
                                      .other = hub::points::programme_account("applied"),
                                      .external_id = "test:" + cause.id.str(),
                                      .code = "apply"});
      if (!given) return failure(given);
      return {};
    });
    return added.user.id;
  }
  /// The hub's own spin; the prize, or why there is none.
  std::string spin_on_the_web(const UserId& user) {
    std::string won;
    const auto cause = hub::wheel::make_cause(hub_.uuids, hub_.clock.wall, "");
    (void)hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      auto spun = hub::wheel::spin(t, terms_, cause, user, "");
      if (!spun) return won = name_of(spun.error().code), failure(spun);
      won = spun->proof.prize;
      return {};
    });
    return won;
  }
  void expect_stock_sound() {
    EXPECT_TRUE(hub_.read([](hub::db::Transaction& t) -> Result<void> {
      auto wrong = hub::wheel::verify_stock(t);
      if (!wrong) return failure(wrong);
      EXPECT_EQ(*wrong, std::vector<std::string>{});
      auto unproven = hub::wheel::verify_spins(t);
      if (!unproven) return failure(unproven);
      EXPECT_EQ(*unproven, std::vector<std::string>{});
      return {};
    }));
  }
  std::int64_t awarded(const std::string& prize) {
    return hub_.number("SELECT awarded FROM prize WHERE id = $1", {prize});
  }

  const hub::wheel::Terms terms_;
  HubDatabase hub_;
  hub::ingest::Ingest ingest_;
  std::deque<TillStore> stores_;
};

TEST_F(TillFleet, NoPrizeIsGivenMoreOftenThanThereAreOfIt) {
  const std::string scarce = prize("Scarce", 9'000'000, 60);
  const std::string plenty = prize("Plenty", 1'000'000, std::nullopt);
  for (TillStore& store : stores_) greet(store);
  lease_and_tell();
  const UserId user = member();
  std::map<std::string, int> won;
  // Nobody hears of anybody: each store draws from its own leases, the hub from what is free.
  for (int round = 0; round < 6; ++round) {
    for (std::size_t i = 0; i < stores_.size(); ++i)
      ++won[stores_[i].sell_and_spin(static_cast<int>(i) % 6 == round)];
    for (int i = 0; i < 10; ++i) ++won[spin_on_the_web(user)];
  }
  stores_[3].restore();
  ++won[stores_[3].sell_and_spin(false)];
  EXPECT_EQ(won[scarce] + won[plenty], 6 * 20 + 60 + 1) << "every spin was drawn";
  EXPECT_LE(won[scarce], 60);
  EXPECT_GT(won[scarce], 30) << "and they were there to be won";
  EXPECT_LT(awarded(scarce), won[scarce]) << "the hub has not heard of most";

  for (TillStore& store : stores_) tell_hub(store);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM dead_letter"), 0);
  EXPECT_EQ(awarded(scarce), won[scarce]) << "what tills and members were told is what is booked";
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM spin WHERE prize_id = $1", {scarce}), won[scarce]);
  EXPECT_EQ(hub_.number("SELECT COUNT(DISTINCT lease_id || ':' || CAST(ordinal AS TEXT)) FROM spin"
                        " WHERE lease_id IS NOT NULL"),
            hub_.number("SELECT COUNT(*) FROM spin WHERE lease_id IS NOT NULL"));
  expect_stock_sound();
}

// What it gave away and never told of is not known when staff writes its leases off: the unit is given again.
TEST_F(TillFleet, UnitsOfALostStoreAreGivenByOthersButForThoseItHasToldOf) {
  const std::string scarce = prize("Scarce", 1'000'000, 40);
  const std::string plenty = prize("Plenty", 1, std::nullopt);
  TillStore& lost = stores_.front();
  greet(lost);
  lease_and_tell();
  const std::int64_t leased = hub_.number("SELECT leased FROM prize WHERE id = $1", {scarce});
  ASSERT_GT(leased, 2);
  ASSERT_EQ(lost.sell_and_spin(false), scarce);
  tell_hub(lost);
  ASSERT_EQ(lost.sell_and_spin(false), scarce);
  std::int64_t written_off = 0;
  const hub::wheel::PrizeCause cause{.id = hub_.uuids.next(), .at = hub_.clock.wall, .actor = "user:staff"};
  write([&](hub::db::Transaction& t) -> Result<void> {
    auto units = hub::wheel::write_off_leases(t, cause, lost.id(), "burnt down");
    if (!units) return failure(units);
    written_off = *units;
    return {};
  });
  EXPECT_EQ(written_off, leased - 1);
  expect_stock_sound();
  const UserId user = member();
  int won = 0;
  for (int i = 0; i < 60; ++i) won += spin_on_the_web(user) == scarce ? 1 : 0;
  EXPECT_EQ(won, 39) << "all of them, and no more, but for the one that it had told of";
  EXPECT_EQ(awarded(scarce), 40);
  tell_hub(lost);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM dead_letter"), 1) << "it was not lost: customers hold 41";
  EXPECT_EQ(awarded(scarce), 40);
  expect_stock_sound();
}

}  // namespace
}  // namespace perkline::test
