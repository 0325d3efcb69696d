#include "edge/downlink/downlink.hpp"

#include <gtest/gtest.h>

#include "edge/journal/journal_memory.hpp"
#include "shared/sync/hash_chain.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::edge::downlink {
namespace {

const StoreId store("store-1");
const CustomerId ann("CUST-00001");
const CustomerId bob("CUST-00002");

Uuid hub_of(std::uint8_t which) {
  Uuid made;
  made.bytes[15] = which;
  return made;
}

sync::SigningKey key_of(char digit) {
  return std::move(sync::SigningKey::of_secret(std::string(64, digit)).value());
}

/// A hub's catalogue, signed as the real one signs.
class Signed {
 public:
  explicit Signed(char key = '7', Uuid hub = hub_of(1)) : key_(key_of(key)), hub_(hub) {}
  sync::CatalogueHead head() const {
    return key_.head_of(store, {.incarnation = hub_, .at = version}, sync::digest_of(items));
  }
  sync::CatalogueSnapshot snapshot() const {
    sync::CatalogueSnapshot made{.head = head(), .items = {}};
    for (const auto& [name, body] : items) made.items.push_back({.name = name, .body = body});
    return made;
  }
  /// The next version.
  sync::CatalogueDelta change(const std::string& id, const std::optional<std::string>& body) {
    const std::uint64_t from = version++;
    if (body) {
      items[{1, id}] = *body;
    } else {
      items.erase({1, id});
    }
    return {.from = from, .head = head(), .items = {{.name = {1, id}, .body = body}}};
  }
  sync::Welcome welcome() const {
    sync::Welcome made{.hub_incarnation = hub_, .credit = 8, .protocol = 1};
    made.signing_key = key_.public_key();
    return made;
  }

  sync::Catalogue items{{{1, "a"}, "1"}};
  std::uint64_t version = 5;

 private:
  sync::SigningKey key_;
  Uuid hub_;
};

class DownlinkTest : public ::testing::Test {
 protected:
  DownlinkTest() { boot(); }
  ~DownlinkTest() override { end(); }

  void end() {
    downlink_.reset();
    members_.reset();
    outbox_.reset();
    journal_.reset();
    world_.reset();
  }
  /// A new life of the store's process on the same disk.
  void boot() {
    end();
    world_ = std::make_unique<test::SimWorld>(time_);
    journal_ = std::make_unique<journal::JournalMemory>(disk_, world_->clock());
    outbox_ = std::move(journal::Outbox::open(*journal_, store).value());
    members_ = std::make_unique<standin::Members>(*journal_);
    downlink_ = std::move(Downlink::open({.journal = *journal_,
                                          .outbox = *outbox_,
                                          .members = *members_,
                                          .clock = world_->clock(),
                                          .store = store,
                                          .tell = [this] { ++told_; },
                                          .on_catalogue = [this](const sync::Catalogue&) { ++changes_; }})
                              .value());
  }
  void hear(sync::Frame frame) {
    bool done = false;
    world_->spawn([](Downlink& downlink, sync::Frame one, bool& ended) -> Task<void> {
      co_await downlink.hear(std::move(one));
      ended = true;
    }(*downlink_, std::move(frame), done));
    ASSERT_TRUE(world_->run_until([&] { return done; }));
  }
  std::optional<std::uint64_t> version() const {
    return downlink_->held().catalogue.transform([](const sync::Position& at) { return at.at; });
  }
  standin::Member member(const CustomerId& who = ann) {
    return members_->find(who).value().value_or(standin::Member{});
  }
  /// As this store has it from PDI.
  void heard_of_pdi(const CustomerId& who, standin::Member as) {
    journal::Batch batch;
    auto writing = members_->put(batch, who, as);
    world_->spawn(
        [](journal::Journal& journal, journal::Batch one, standin::Members::Writing held) -> Task<void> {
          co_await journal.commit(std::move(one));
          held.reset();
        }(*journal_, std::move(batch), std::move(writing)));
    world_->run_until([] { return false; }, Millis{10});
  }
  void journal_an_event() {
    std::vector<journal::NewEvent> events;
    events.push_back(
        {.id = {},
         .time = time_.wall,
         .traceparent = "",
         .payload = sync::SessionVoided{.session = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91"),
                                        .transaction = TransactionId("T-1"),
                                        .customer = ann,
                                        .channel = ChannelId("POS-1"),
                                        .reason = "gone",
                                        .voided_at = time_.wall}});
    world_->spawn(outbox_->commit({}, std::move(events)));
    world_->run_until([] { return false; }, Millis{10});
  }
  sync::MemberSnapshot told_of(const CustomerId& who, std::int64_t points, WallTime as_of) {
    return {.member = sync::member_hash(who), .tier = "Gold", .points = Points{points}, .as_of = as_of};
  }
  sync::MemberDelta delta(std::uint64_t from, std::uint64_t to, std::vector<sync::MemberSnapshot> members,
                          Uuid hub = hub_of(1)) {
    return {.incarnation = hub, .from = from, .to = to, .members = std::move(members)};
  }

  test::VirtualTime time_;
  journal::MemoryDisk disk_;
  std::unique_ptr<test::SimWorld> world_;
  std::unique_ptr<journal::JournalMemory> journal_;
  std::unique_ptr<journal::Outbox> outbox_;
  std::unique_ptr<standin::Members> members_;
  std::unique_ptr<Downlink> downlink_;
  int told_ = 0;
  int changes_ = 0;
};

using HeldCatalogueTest = DownlinkTest;

TEST_F(HeldCatalogueTest, IsTakenInAndThereAfterARestart) {
  Signed hub;
  hear(hub.welcome());
  hear(hub.snapshot());
  EXPECT_EQ(version(), 5u);
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(changes_, 1);
  hear(hub.change("b", "2"));
  hear(hub.change("a", std::nullopt));
  boot();
  EXPECT_EQ(version(), 7u);
  EXPECT_EQ(downlink_->catalogue(), (sync::Catalogue{{{1, "b"}, "2"}}));
}

TEST_F(HeldCatalogueTest, IsNotTakenFromAnybodyElseThanTheHub) {
  Signed hub;
  hear(hub.snapshot());
  EXPECT_EQ(version(), std::nullopt) << "before its Welcome nobody knows its key";
  hear(hub.welcome());
  hear(Signed('8').snapshot());
  EXPECT_EQ(version(), std::nullopt);
  auto forged = hub.snapshot();
  forged.items.front().body = "more";
  hear(forged);
  EXPECT_EQ(version(), std::nullopt);
  EXPECT_EQ(changes_, 0);
  EXPECT_EQ(told_, 0) << "what is wrong is not asked for again at once";
  hear(hub.snapshot());
  EXPECT_EQ(version(), 5u);
}

TEST_F(HeldCatalogueTest, AnOlderOneIsNeverTakenForANewerOne) {
  Signed hub;
  hear(hub.welcome());
  const auto old = hub.snapshot();
  const auto step = hub.change("a", "2");
  hear(hub.snapshot());
  EXPECT_EQ(version(), 6u);
  hear(old);
  hear(step);
  EXPECT_EQ(version(), 6u);
  EXPECT_EQ(changes_, 1);
  auto relabelled = old;
  relabelled.head.version = 7;
  hear(relabelled);
  EXPECT_EQ(downlink_->catalogue().at({1, "a"}), "2");
}

TEST_F(HeldCatalogueTest, AGapIsToldAndNothingIsTaken) {
  Signed hub;
  hear(hub.welcome());
  hear(hub.snapshot());
  (void)hub.change("b", "lost on its way");
  const int before = told_;
  hear(hub.change("c", "3"));
  EXPECT_EQ(version(), 5u);
  EXPECT_EQ(told_, before + 1) << "so that the hub sends on from there";
}

TEST_F(HeldCatalogueTest, ADeltaThatLeadsElsewhereBringsAWholeOne) {
  Signed hub;
  hear(hub.welcome());
  hear(hub.snapshot());
  auto step = hub.change("b", "2");
  step.items.front().body = "3";
  hear(step);
  EXPECT_EQ(version(), std::nullopt) << "a whole one is wanted";
  EXPECT_EQ(downlink_->catalogue().size(), 1u) << "what is held stays in force until then";
  hear(hub.snapshot());
  EXPECT_EQ(version(), 6u);
  EXPECT_EQ(downlink_->catalogue(), hub.items);
}

TEST_F(HeldCatalogueTest, OfARestoredHubIsTakenThoughItsNumberIsLower) {
  Signed hub;
  hear(hub.welcome());
  hear(hub.snapshot());
  Signed restored('7', hub_of(2));
  restored.version = 2;
  restored.items = {{{1, "z"}, "9"}};
  hear(restored.snapshot());
  EXPECT_EQ(version(), 5u) << "nobody has said that the hub is another one";
  hear(restored.welcome());
  hear(restored.snapshot());
  EXPECT_EQ(version(), 2u);
  EXPECT_EQ(downlink_->catalogue(), restored.items);
  hear(hub.change("b", "late"));
  EXPECT_EQ(version(), 2u) << "what the hub said before it was restored is over";
}

TEST_F(HeldCatalogueTest, OfAHubWithAnotherKeyIsAskedForAnew) {
  Signed hub;
  hear(hub.welcome());
  hear(hub.snapshot());
  Signed other('8');
  hear(other.welcome());
  EXPECT_EQ(version(), std::nullopt);
  hear(hub.snapshot());
  EXPECT_EQ(version(), std::nullopt) << "the old key is over";
  hear(other.snapshot());
  EXPECT_EQ(version(), 5u);
}

TEST_F(HeldCatalogueTest, ThatWasChangedOnTheDiskCountsAsNone) {
  Signed hub;
  hear(hub.welcome());
  hear(hub.snapshot());
  journal::Batch batch;
  batch.put(journal::Family::catalogue, std::string("i\0\0\0\1a", 6), "ten times the points");
  world_->spawn(journal_->commit(std::move(batch)));
  world_->run_until([] { return false; }, Millis{10});
  boot();
  EXPECT_EQ(version(), std::nullopt);
  EXPECT_TRUE(downlink_->catalogue().empty());
  hear(hub.welcome());
  hear(hub.snapshot());
  boot();
  EXPECT_EQ(downlink_->catalogue(), hub.items) << "and is mended by a whole one";
}

TEST_F(HeldCatalogueTest, IsWholeOrAsBeforeAfterACrash) {
  Signed hub;
  hear(hub.welcome());
  hear(hub.snapshot());
  const sync::Catalogue before = hub.items;
  disk_.sync_time = seconds{1};
  world_->spawn(downlink_->hear(hub.change("b", "2")));
  world_->run_until([] { return false; }, Millis{500});
  EXPECT_EQ(version(), 5u) << "nothing is told before it is on the disk";
  SeededRng rng(3);
  journal_->crash(rng);
  boot();
  EXPECT_TRUE((version() == 5u && downlink_->catalogue() == before) ||
              (version() == 6u && downlink_->catalogue() == hub.items));
}

// ---- members

using MembersTest = DownlinkTest;

TEST_F(MembersTest, AreKnownFromTheHub) {
  hear(Signed().welcome());
  auto told = told_of(ann, 700, time_.wall);
  told.name = "Ann";
  hear(delta(0, 3, {told}));
  EXPECT_EQ(member().points, Points{700});
  EXPECT_EQ(member().tier, "Gold");
  EXPECT_EQ(member().name, "Ann");
  EXPECT_EQ(downlink_->held().members, (sync::Position{.incarnation = hub_of(1), .at = 3}));
  EXPECT_EQ(told_, 1);
  boot();
  EXPECT_EQ(downlink_->held().members->at, 3u);
  EXPECT_EQ(member().points, Points{700});
}

TEST_F(MembersTest, WhatThisStoreHeardLaterOfPdiStays) {
  hear(Signed().welcome());
  heard_of_pdi(ann, {.name = "Ann B.", .tier = "Silver", .points = Points{900}, .as_of = time_.wall});
  heard_of_pdi(bob, {.name = "", .tier = "Silver", .points = Points{900}, .as_of = time_.wall});
  auto newer = told_of(bob, 1000, time_.wall + seconds{1});
  newer.name = "Bob";
  auto older = told_of(ann, 700, time_.wall - seconds{1});
  older.name = "Ann";
  older.owed = 50;
  hear(delta(0, 3, {older, newer}));
  EXPECT_EQ(member(ann).points, Points{900});
  EXPECT_EQ(member(ann).tier, "Silver");
  EXPECT_EQ(member(ann).name, "Ann B.") << "PDI's own";
  EXPECT_EQ(member(ann).owed, Points{50}) << "which only the hub knows";
  EXPECT_EQ(member(bob).points, Points{1000});
  EXPECT_EQ(member(bob).tier, "Gold");
  EXPECT_EQ(member(bob).name, "Bob");
}

TEST_F(MembersTest, TheStoresOwnLimitsAreNotTheHubsToChange) {
  hear(Signed().welcome());
  heard_of_pdi(ann, {.points = Points{900},
                     .as_of = time_.wall,
                     .redeemed_day = std::chrono::floor<days>(time_.wall),
                     .redeemed_on_day = Points{30},
                     .unsettled = Points{20}});
  hear(delta(0, 1, {told_of(ann, 700, time_.wall + seconds{1})}));
  EXPECT_EQ(member().redeemed_on_day, Points{30});
  EXPECT_EQ(member().unsettled, Points{20});
}

TEST_F(MembersTest, WhatIsOwedIsTheHubsOnceItHasAllThatThisStoreTold) {
  hear(Signed().welcome());
  heard_of_pdi(ann, {.points = Points{900}, .as_of = time_.wall, .owed = Points{80}});
  journal_an_event();
  auto told = told_of(ann, 900, time_.wall);
  told.owed = 10;
  auto behind = delta(0, 1, {told});
  hear(behind);
  EXPECT_EQ(member().owed, Points{80}) << "the return that made it 80 may still be on its way";
  auto abreast = delta(1, 2, {told});
  abreast.applied_through = 1;
  hear(abreast);
  EXPECT_EQ(member().owed, Points{10});
  told.owed = 95;
  journal_an_event();
  auto again = delta(2, 3, {told});
  again.applied_through = 1;
  hear(again);
  EXPECT_EQ(member().owed, Points{95}) << "more than this store knew is owed in any case";
}

TEST_F(MembersTest, AreBlockedAndServedAgainAsTheHubSays) {
  hear(Signed().welcome());
  auto told = told_of(ann, 1, time_.wall);
  told.blocked = true;
  hear(delta(0, 1, {told}));
  EXPECT_TRUE(member().blocked);
  told.blocked = false;
  hear(delta(1, 2, {told}));
  EXPECT_FALSE(member().blocked);
}

TEST_F(MembersTest, WhatDoesNotFollowOnIsNotTakenAndThePlaceIsTold) {
  hear(Signed().welcome());
  hear(delta(0, 3, {told_of(ann, 1, time_.wall)}));
  const int before = told_;
  hear(delta(4, 5, {told_of(ann, 2, time_.wall + seconds{1})}));
  EXPECT_EQ(member().points, Points{1});
  EXPECT_EQ(told_, before + 1);
  hear(delta(3, 5, {told_of(ann, 3, time_.wall + seconds{1})}, hub_of(2)));
  EXPECT_EQ(member().points, Points{1}) << "another hub's than the last Welcome's";
  EXPECT_EQ(downlink_->held().members->at, 3u);
}

TEST_F(MembersTest, ARestoredHubBeginsAnew) {
  hear(Signed().welcome());
  hear(delta(0, 30, {told_of(ann, 1, time_.wall)}));
  hear(Signed('7', hub_of(2)).welcome());
  hear(delta(0, 4, {told_of(ann, 2, time_.wall + seconds{1})}, hub_of(2)));
  EXPECT_EQ(downlink_->held().members, (sync::Position{.incarnation = hub_of(2), .at = 4}));
  EXPECT_EQ(member().points, Points{2});
}

}  // namespace
}  // namespace perkline::edge::downlink
