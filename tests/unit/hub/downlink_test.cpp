#include "hub/downlink/downlink.hpp"

#include <algorithm>

#include "hub/db/migrate.hpp"
#include "hub/downlink/catalogue.hpp"
#include "hub/downlink/members.hpp"
#include "hub/downlink/purge.hpp"
#include "hub/identity/user.hpp"
#include "shared/core/down_limits.hpp"
#include "shared/sync/hash_chain.hpp"
#include "tests/unit/hub/two_stores.hpp"

namespace perkline::test {
namespace {

using hub::downlink::Downlink;

/// What two stores are sent, by one replica of the hub.
class DownlinkTest : public TwoStores {
 protected:
  DownlinkTest() : key_(sync::SigningKey::of_secret(std::string(64, '7')).value()) {
    // Sales are stamped by this one, and their age is told by the other.
    hub_.clock.wall = hub_.world().clock().wall_now();
    downlink_.emplace(Downlink::Parts{.database = hub_.port(),
                                      .clock = hub_.world().clock(),
                                      .uuids = hub_.uuids,
                                      .key = key_,
                                      .send = [this](const StoreId& to, std::string frame) {
                                        sent_down_[to].push_back(sync::decode_frame(frame).value());
                                      }});
    hub_.world().spawn(downlink_->run());
  }

  void pass(Millis time) {
    hub_.world().run_until([] { return false; }, time);
  }
  /// The frames of that kind that have gone down to the store, taken away.
  template <class Kind>
  std::vector<Kind> sent(const StoreId& to = store) {
    std::vector<Kind> all;
    auto& frames = sent_down_[to];
    for (const sync::Frame& frame : frames) {
      if (const auto* kind = std::get_if<Kind>(&frame)) all.push_back(*kind);
    }
    std::erase_if(frames, [](const sync::Frame& frame) { return std::holds_alternative<Kind>(frame); });
    return all;
  }
  void put(const std::string& id, const std::optional<std::string>& body, std::string_view scope = "") {
    ASSERT_TRUE(hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      auto done = hub::downlink::put_item(t, scope, {1, id}, body);
      if (!done) return failure(done);
      return {};
    }));
  }
  Uuid incarnation() {
    Uuid now;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      now = hub::db::hub_incarnation(t).value();
      return {};
    }));
    return now;
  }
  sync::Position at(std::uint64_t place) { return {.incarnation = incarnation(), .at = place}; }
  sync::Catalogue catalogue_in(const sync::CatalogueSnapshot& snapshot) {
    sync::Catalogue all;
    for (const auto& item : snapshot.items) all.emplace(item.name, *item.body);
    return all;
  }
  bool is_true(const sync::CatalogueHead& head, const StoreId& of, const sync::Catalogue& items) {
    return sync::is_signed(head, of, key_->public_key()) && head.digest == sync::digest_of(items);
  }
  /// A user whose card that is, by its receipt.
  hub::identity::User add_user(const CustomerId& card, const std::string& name) {
    hub::identity::User user{.id = UserId(hub_.uuids.next().str()),
                             .email = name + "@example.com",
                             .mobile = {},
                             .name = name,
                             .role = hub::identity::Role::member,
                             .active = true,
                             .referral_code = {},
                             .loyalty_id = card,
                             .loyalty_verified = true,
                             .created_at = hub_.clock.wall};
    EXPECT_TRUE(hub_.write([&](hub::db::Transaction& t) {
      return hub::identity::insert_user(t, {.user = user, .password_hash = "x", .referred_by = {}});
    }));
    return user;
  }
  void set_active(hub::identity::User user, bool active) {
    user.active = active;
    ASSERT_TRUE(hub_.write([&](hub::db::Transaction& t) { return hub::identity::update_user(t, user); }));
  }
  /// All members that the store is told of from its beginning.
  std::vector<sync::MemberSnapshot> members_of(const StoreId& of) {
    std::vector<sync::MemberSnapshot> all;
    downlink_->heard(of, {});
    for (std::uint64_t reached = 0; true;) {
      pass(seconds{3});
      const auto deltas = sent<sync::MemberDelta>(of);
      if (deltas.empty()) return all;
      EXPECT_EQ(deltas.size(), 1u);
      EXPECT_EQ(deltas.front().from, reached);
      reached = deltas.front().to;
      all.insert(all.end(), deltas.front().members.begin(), deltas.front().members.end());
      downlink_->heard(of, {.members = at(reached)});
    }
  }

  std::optional<sync::SigningKey> key_;
  std::map<StoreId, std::vector<sync::Frame>> sent_down_;
  std::optional<Downlink> downlink_;
};

TEST_F(DownlinkTest, AStoreThatHoldsNothingGetsAllThatIsItsOwn) {
  put("a", "for all");
  put("b", "for 1", "store-1");
  put("b", "for 2", "store-2");
  downlink_->heard(store, {});
  pass(seconds{2});
  const auto snapshots = sent<sync::CatalogueSnapshot>();
  ASSERT_EQ(snapshots.size(), 1u) << "once, until the store has had time to say so";
  const sync::Catalogue items{{{1, "a"}, "for all"}, {{1, "b"}, "for 1"}};
  EXPECT_EQ(catalogue_in(snapshots.front()), items);
  EXPECT_TRUE(is_true(snapshots.front().head, store, items));
  EXPECT_FALSE(is_true(snapshots.front().head, other_store, items));
  EXPECT_EQ(snapshots.front().head.version, 3u);
  EXPECT_TRUE(sent<sync::CatalogueSnapshot>(other_store).empty()) << "it has not been heard";
}

TEST_F(DownlinkTest, AStoreThatIsBehindWhatTheHubHasForgottenGetsAllOfIt) {
  put("a", "1");
  put("b", "1");
  put("b", std::nullopt);
  put("c", "1");
  ASSERT_TRUE(hub_.write([&](hub::db::Transaction& t) -> Result<void> {
    const WallTime now = hub_.clock.wall;
    EXPECT_EQ(hub::downlink::note_gone_items(t, now, 10), 1);
    EXPECT_EQ(hub::downlink::drop_gone_items(t, now + Millis{1}, 10), 1);
    return {};
  }));
  downlink_->heard(store, {.catalogue = at(2)});
  pass(seconds{2});
  const auto snapshots = sent<sync::CatalogueSnapshot>();
  ASSERT_EQ(snapshots.size(), 1u) << "that `b` has gone cannot be told it";
  EXPECT_EQ(catalogue_in(snapshots.front()), (sync::Catalogue{{{1, "a"}, "1"}, {{1, "c"}, "1"}}));
  downlink_->heard(other_store, {.catalogue = at(3)});
  pass(seconds{2});
  EXPECT_TRUE(sent<sync::CatalogueSnapshot>(other_store).empty());
  const auto deltas = sent<sync::CatalogueDelta>(other_store);
  ASSERT_EQ(deltas.size(), 1u) << "it has heard of that";
  EXPECT_EQ(deltas.front().items.size(), 1u);
}

TEST_F(DownlinkTest, NothingIsSentWhereNobodyHasPutAnything) {
  downlink_->heard(store, {});
  pass(seconds{30});
  EXPECT_TRUE(sent_down_[store].empty());
}

TEST_F(DownlinkTest, WhatChangesGoesDownWithinASecondAsADelta) {
  put("a", "1");
  put("b", "1");
  downlink_->heard(store, {.catalogue = at(2)});
  pass(seconds{5});
  EXPECT_TRUE(sent<sync::CatalogueDelta>().empty());
  put("a", "2");
  put("b", std::nullopt);
  pass(Millis{1100});
  const auto deltas = sent<sync::CatalogueDelta>();
  ASSERT_EQ(deltas.size(), 1u);
  EXPECT_EQ(deltas.front().from, 2u);
  EXPECT_EQ(deltas.front().items,
            (std::vector<sync::CatalogueItem>{{.name = {1, "a"}, .body = "2"},
                                              {.name = {1, "b"}, .body = std::nullopt}}));
  EXPECT_TRUE(is_true(deltas.front().head, store, {{{1, "a"}, "2"}}));
}

TEST_F(DownlinkTest, AStoreThatIsFurtherBehindThanADeltaHoldsGetsTheWhole) {
  put("a", "1");
  downlink_->heard(store, {.catalogue = at(1)});
  put("b", "1");
  hub_.execute(
      "INSERT INTO catalogue_item (scope, kind, item_id, body, version)"
      " WITH RECURSIVE gone (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM gone WHERE n <= 4096)"
      " SELECT '', 1, 'gone-' || CAST(n AS TEXT), CAST(NULL AS TEXT), 2 FROM gone");
  pass(seconds{2});
  const auto snapshots = sent<sync::CatalogueSnapshot>();
  ASSERT_EQ(snapshots.size(), 1u);
  EXPECT_EQ(snapshots.front().items.size(), 2u);
}

TEST_F(DownlinkTest, AnothersOwnItemsMoveTheVersionAlone) {
  put("a", "1");
  downlink_->heard(store, {.catalogue = at(1)});
  put("s", "secret", "store-2");
  pass(seconds{2});
  const auto deltas = sent<sync::CatalogueDelta>();
  ASSERT_EQ(deltas.size(), 1u);
  EXPECT_TRUE(deltas.front().items.empty());
  EXPECT_EQ(deltas.front().head.version, 2u);
}

TEST_F(DownlinkTest, WhatIsLostIsSentAgainAndTheStoresWordBringsTheNextAtOnce) {
  put("a", "1");
  downlink_->heard(store, {});
  pass(seconds{5});
  EXPECT_EQ(sent<sync::CatalogueSnapshot>().size(), 1u);
  downlink_->heard(store, {});
  pass(seconds{3});
  EXPECT_EQ(sent<sync::CatalogueSnapshot>().size(), 0u);
  downlink_->heard(store, {});
  pass(seconds{4});
  EXPECT_EQ(sent<sync::CatalogueSnapshot>().size(), 1u) << "ten seconds after the first";
  put("a", "2");
  downlink_->heard(store, {.catalogue = at(1)});
  pass(Millis{10});
  EXPECT_EQ(sent<sync::CatalogueDelta>().size(), 1u);
}

TEST_F(DownlinkTest, WhatWasSentToAnEarlierLifeOfTheStoreIsSentAgainAtOnce) {
  put("a", "1");
  downlink_->heard(store, {}, hub_.uuids.next());
  pass(seconds{2});
  EXPECT_EQ(sent<sync::CatalogueSnapshot>().size(), 1u);
  const Uuid second = hub_.uuids.next();
  downlink_->heard(store, {}, second);
  pass(seconds{2});
  EXPECT_EQ(sent<sync::CatalogueSnapshot>().size(), 1u);
  downlink_->heard(store, {}, second);
  pass(seconds{2});
  EXPECT_TRUE(sent<sync::CatalogueSnapshot>().empty());
}

TEST_F(DownlinkTest, APlaceOfAnotherHubOrBehindThisOnesEndBringsAllAnew) {
  put("a", "1");
  const Uuid other = hub_.uuids.next();
  downlink_->heard(store, {.catalogue = sync::Position{.incarnation = other, .at = 1}});
  downlink_->heard(other_store, {.catalogue = at(7)});
  pass(seconds{2});
  EXPECT_EQ(sent<sync::CatalogueSnapshot>().size(), 1u);
  EXPECT_EQ(sent<sync::CatalogueSnapshot>(other_store).size(), 1u);
}

TEST_F(DownlinkTest, AStoreThatIsQuietIsSentNothing) {
  downlink_->heard(store, {});
  pass(seconds{40});
  put("a", "1");
  pass(seconds{30});
  EXPECT_TRUE(sent_down_[store].empty());
}

TEST_F(DownlinkTest, AMemberGoesToTheStoresThatHaveSeenIt) {
  tell(history_.sale(100, 0, "CUST-00001"));
  tell_elsewhere(other_history_.sale(200, 0, "CUST-00002"));
  const auto here = members_of(store);
  ASSERT_EQ(here.size(), 1u);
  EXPECT_EQ(here.front().member, sync::member_hash(customer));
  EXPECT_EQ(here.front().points, Points{5100});
  EXPECT_EQ(here.front().tier, "Gold");
  EXPECT_EQ(here.front().as_of, hub_.clock.wall);
  EXPECT_FALSE(here.front().blocked);
  const auto there = members_of(other_store);
  ASSERT_EQ(there.size(), 1u);
  EXPECT_EQ(there.front().member, sync::member_hash(CustomerId("CUST-00002")));
}

TEST_F(DownlinkTest, WhatAMemberDoesElsewhereGoesToEveryStoreThatKnowsIt) {
  tell(history_.sale(100));
  const auto first = members_of(store);
  ASSERT_EQ(first.size(), 1u);
  hub_.clock.wall += minutes{5};
  tell_elsewhere(other_history_.sale(700));
  pass(seconds{2});
  const auto deltas = sent<sync::MemberDelta>();
  ASSERT_EQ(deltas.size(), 1u);
  ASSERT_EQ(deltas.front().members.size(), 1u);
  EXPECT_EQ(deltas.front().members.front().points, Points{5700});
  EXPECT_EQ(deltas.front().applied_through, 1u) << "of this store's own history";
}

TEST_F(DownlinkTest, APendingSaleMakesAMemberKnownToItsStore) {
  tell(history_.sale(100));
  tell_elsewhere(pending_of(other_history_.sale(50), 50));
  const auto there = members_of(other_store);
  ASSERT_EQ(there.size(), 1u);
  EXPECT_EQ(there.front().points, Points{5100}) << "as the other store heard it of PDI";
}

TEST_F(DownlinkTest, WhatIsOwedGoesDown) {
  const auto sale = history_.sale(100);
  tell(sale);
  (void)members_of(store);
  tell_elsewhere(as_of_another_store(return_of(sale, 1500, std::nullopt)));
  pass(seconds{2});
  const auto deltas = sent<sync::MemberDelta>();
  ASSERT_EQ(deltas.size(), 1u);
  EXPECT_EQ(deltas.front().members.front().owed, owed());
  EXPECT_GT(owed(), 0);
}

TEST_F(DownlinkTest, WhoWasNotSeenForLongIsNotToldOf) {
  tell(history_.sale(100));
  hub_.execute("UPDATE sale SET received_at = received_at - $1", {Millis(days{91}).count()});
  EXPECT_TRUE(members_of(store).empty());
}

TEST_F(DownlinkTest, EveryStoreHearsThatAMemberIsBlockedAndThatItNoLongerIs) {
  tell(history_.sale(100));
  const auto user = add_user(customer, "ann");
  EXPECT_TRUE(members_of(other_store).empty());
  set_active(user, false);
  auto there = members_of(other_store);
  ASSERT_EQ(there.size(), 1u);
  EXPECT_TRUE(there.front().blocked);
  EXPECT_EQ(there.front().name, "ann");
  set_active(user, true);
  there = members_of(other_store);
  ASSERT_EQ(there.size(), 1u);
  EXPECT_FALSE(there.front().blocked);
}

TEST_F(DownlinkTest, WhomAStoreIsToForgetItIsToldUntilItHas) {
  hub_.execute(
      "INSERT INTO erasure (user_id, member_hash, member_token, requested_at, card_hash)"
      " VALUES ('0190163d-8694-739b-aea5-966c26f8ad91', 'h', 'erased-1', 1000, $1)",
      {to_hex(sync::member_hash(customer))});
  hub_.execute(
      "INSERT INTO erasure_store (user_id, store_id) VALUES"
      " ('0190163d-8694-739b-aea5-966c26f8ad91', 'store-1')");
  const sync::Erasure expected{.id = *parse_uuid("0190163d-8694-739b-aea5-966c26f8ad91"),
                               .member = sync::member_hash(customer),
                               .token = CustomerId("erased-1"),
                               .requested_at = WallTime{seconds{1}}};
  const auto listen = [this](seconds time) {
    for (seconds passed{0}; passed < time; passed += seconds{10}) {
      downlink_->heard(store, {});
      downlink_->heard(other_store, {});
      pass(seconds{10});
    }
    return sent<sync::EraseMember>();
  };
  const auto first = listen(seconds{50});
  ASSERT_EQ(first.size(), 1u) << "a store has to go through all its sessions for it";
  EXPECT_EQ(first.front().erasures, std::vector<sync::Erasure>{expected});
  EXPECT_EQ(first.front().sent_at.value() - hub_.clock.wall, Millis{0}) << "so that stores know their clocks";
  EXPECT_EQ(listen(seconds{20}).size(), 1u);
  tell(sync::MemberErased{.erasure = expected.id, .erased_at = hub_.clock.wall});
  EXPECT_TRUE(listen(seconds{120}).empty());
  EXPECT_TRUE(sent<sync::EraseMember>(other_store).empty());
}

// ---- numbers

TEST_F(DownlinkTest, MoreThanAFrameHoldsComesInSeveralAndNobodyIsLeftOut) {
  constexpr int many = 700;
  for (int i = 0; i < many; ++i) history_.add(history_.sale(1, 0, "CUST-" + std::to_string(10'000 + i)));
  std::uint64_t from = 1;
  while (from <= history_.tail()) {
    const std::uint64_t last =
        std::min<std::uint64_t>(history_.tail(), from + limits::sync_batch_events_max - 1);
    ASSERT_TRUE(
        run_task(hub_.world(), ingest_.handle(store, sync::encode(sync::Frame(history_.batch(from, last))))));
    from = last + 1;
  }
  pass(seconds{5});
  const auto all = members_of(store);
  std::set<Digest> seen;
  for (const auto& member : all) seen.insert(member.member);
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(many));
  EXPECT_EQ(all.size(), seen.size()) << "each once";
}

TEST_F(DownlinkTest, WhatChangesWhileItIsNumberedIsNumberedAgain) {
  tell(history_.sale(100));
  ASSERT_TRUE(hub_.write([](hub::db::Transaction& t) -> Result<void> {
    EXPECT_EQ(hub::downlink::number_changed(t, 10).value(), 1);
    EXPECT_EQ(hub::downlink::number_changed(t, 10).value(), 0);
    return {};
  }));
  const auto before = hub_.number("SELECT down_position FROM member");
  hub_.clock.wall += seconds{1};
  tell(history_.sale(200));
  EXPECT_TRUE(hub_.rows("SELECT down_position FROM member").at(0).is_null(0));
  ASSERT_TRUE(hub_.write([](hub::db::Transaction& t) -> Result<void> {
    EXPECT_EQ(hub::downlink::number_changed(t, 10).value(), 1);
    return {};
  }));
  EXPECT_GT(hub_.number("SELECT down_position FROM member"), before);
}

}  // namespace
}  // namespace perkline::test
