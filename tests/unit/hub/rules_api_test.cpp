#include <future>

#include <gtest/gtest.h>

#include "hub/downlink/catalogue.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

using hub::identity::Role;

/// The chain's rules on a served hub.
class RulesApi : public ::testing::Test {
 protected:
  RawAnswer put(const std::string& body) { return hub_.send("PUT", "/api/v1/rules", staff_, body); }
  RawAnswer show() { return hub_.get("/api/v1/rules", staff_); }
  RawAnswer dry_run(const std::string& body) {
    return hub_.send("POST", "/api/v1/rules/dry-run", staff_, body);
  }
  std::string version() { return member_of(show().body, "version"); }
  /// What every store is to hold of them; empty: nothing.
  std::string in_catalogue() {
    std::string body;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      const auto items = hub::downlink::read_catalogue(transaction, StoreId("store-1"));
      if (!items) return std::unexpected(items.error());
      const auto found = items->find(sync::name_of(sync::ItemKind::reward_rules));
      body = found == items->end() ? "" : found->second;
      return {};
    });
    return body;
  }
  std::uint64_t catalogue_version() {
    std::uint64_t version = 0;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      const auto now = hub::downlink::catalogue_version(transaction);
      if (!now) return std::unexpected(now.error());
      version = *now;
      return {};
    });
    return version;
  }

  ServedHub hub_;
  const hub::identity::User who_ = hub_.add_user("sam", Role::staff);
  const std::string staff_ = hub_.token_of(who_);
};

TEST_F(RulesApi, AreTheBuiltInOnesBeforeAnybodyHasSetAny) {
  const RawAnswer answer = show();
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(member_of(answer.body, "version"), "built-in");
  EXPECT_NE(answer.body.find(R"("setAt":null)"), std::string::npos) << answer.body;
  EXPECT_EQ(in_catalogue(), "") << "stores go by their own files";
}

TEST_F(RulesApi, ThatStaffPutGoToEveryStore) {
  const RawAnswer answer = put(R"({"version":"spring","points_per_unit":3,"tiers":{"Gold":"0.5"}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(member_of(answer.body, "version"), "spring");
  EXPECT_EQ(member_of(answer.body, "setBy"), "user:" + who_.id.str());
  EXPECT_EQ(answer.body, show().body);
  EXPECT_NE(in_catalogue().find(R"("points_per_unit":"3")"), std::string::npos) << in_catalogue();
  EXPECT_EQ(hub_.column("SELECT action FROM audit WHERE subject = 'rules:spring'"),
            std::vector<std::string>{"rules.set"});
}

TEST_F(RulesApi, PutAgainChangeNothing) {
  ASSERT_EQ(put(R"({"version":"a","points_per_unit":3})").status, 200);
  const std::uint64_t before = catalogue_version();
  ASSERT_EQ(put(R"({"points_per_unit":"3.0","version":"a"})").status, 200) << "the same, spelt otherwise";
  EXPECT_EQ(catalogue_version(), before);
  EXPECT_EQ(hub_.column("SELECT action FROM audit WHERE action = 'rules.set'").size(), 1u);
}

TEST_F(RulesApi, OfAnEarlierVersionMayComeBackButNotWithOtherContent) {
  ASSERT_EQ(put(R"({"version":"a","points_per_unit":3})").status, 200);
  ASSERT_EQ(put(R"({"version":"b","points_per_unit":4})").status, 200);
  const RawAnswer other = put(R"({"version":"a","points_per_unit":5})");
  EXPECT_EQ(other.status, 409) << other.body;
  EXPECT_EQ(other.code(), "VERSION_CONFLICT");
  EXPECT_EQ(version(), "b");
  EXPECT_NE(in_catalogue().find(R"("version":"b")"), std::string::npos) << "nothing half done";
  EXPECT_EQ(put(R"({"version":"a","points_per_unit":3})").status, 200);
  EXPECT_EQ(version(), "a");
}

TEST_F(RulesApi, TellEveryFaultAtOnce) {
  const RawAnswer answer = put(
      R"({"points_per_unit":"-1","tiers":{"Gold":0.125},"multiplied_days":[{"date":"2026-02-30","factor":2}],
          "receipt":{"lines":["{{points}}"]},"rates":1})");
  EXPECT_EQ(answer.status, 400) << answer.body;
  EXPECT_EQ(faults_of(answer),
            (std::set<std::string>{"version", "points_per_unit", "tiers.Gold", "multiplied_days[0].date",
                                   "receipt.lines[0]", "rates"}));
  EXPECT_EQ(put("{").code(), "MALFORMED_JSON");
  EXPECT_EQ(faults_of(put(R"({"version":"built-in","points_per_unit":3})")),
            std::set<std::string>{"version"});
  EXPECT_EQ(put("[]").status, 400);
  EXPECT_EQ(version(), "built-in");
}

TEST_F(RulesApi, OfTwoAtOnceOneIsInForceWholeAndBothAreKept) {
  auto other = std::async(std::launch::async, [&] { return put(R"({"version":"a","points_per_unit":3})"); });
  const RawAnswer mine = put(R"({"version":"b","points_per_unit":4})");
  EXPECT_EQ(other.get().status, 200);
  EXPECT_EQ(mine.status, 200);
  const std::string last = version();
  EXPECT_NE(in_catalogue().find("\"version\":\"" + last + '"'), std::string::npos);
  EXPECT_EQ(hub_.column("SELECT version FROM chain_rules").size(), 2u);
  EXPECT_EQ(catalogue_version(), 2u);
}

// contract.md §5: John Doe, Gold, 150.00.
TEST_F(RulesApi, DryRunPricesTheWorkedExample) {
  const RawAnswer answer = dry_run(
      R"({"baskets":[{"tier":"Gold","transactionAmount":"150.00","items":[{"sku":"SKU-001","qty":2}]}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body,
            R"({"rulesVersion":"built-in","items":[{"earnedPoints":450,"multiplier":3.0,"bonusPoints":150,)"
            R"("breakdown":{"basePoints":300,"tierBonus":150}}]})");
}

TEST_F(RulesApi, DryRunGoesByTheRulesInForceOrADraft) {
  ASSERT_EQ(put(R"({"version":"in-force","points_per_unit":10})").status, 200);
  const std::string baskets = R"("baskets":[{"transactionAmount":10}])";
  const RawAnswer now = dry_run("{" + baskets + "}");
  EXPECT_NE(now.body.find(R"("rulesVersion":"in-force","items":[{"earnedPoints":100)"), std::string::npos)
      << now.body;
  const RawAnswer draft =
      dry_run(R"({"rules":{"version":"d","points_per_unit":1,"categories":{"fresh":5},)"
              R"("multiplied_days":[{"date":"2026-12-24","factor":2}]},)"
              R"("baskets":[{"transactionAmount":10,"finalAmount":"5","day":"2026-12-24",)"
              R"("items":[{"qty":"1.5","unitPrice":4,"category":"fresh"}]}]})");
  // 6 of 10 are fresh; of the 5 paid 3 at five points and 2 at one; twice.
  EXPECT_NE(draft.body.find(R"("earnedPoints":34)"), std::string::npos) << draft.body;
  EXPECT_EQ(version(), "in-force") << "nothing is kept of a draft";
}

TEST_F(RulesApi, DryRunTellsOfTiersAndCategoriesThatTheRulesDoNotName) {
  const RawAnswer tiers = dry_run(
      R"({"baskets":[{"tier":"Platinum","transactionAmount":1},{"tier":"gold","transactionAmount":1},)"
      R"({"tier":"Diamond","transactionAmount":1},{"tier":"Base","transactionAmount":1}]})");
  EXPECT_EQ(tiers.status, 400) << tiers.body;
  EXPECT_EQ(faults_of(tiers), (std::set<std::string>{"baskets[1].tier", "baskets[2].tier"}));
  const std::string basket =
      R"("baskets":[{"transactionAmount":9,"items":[{"qty":1,"unitPrice":4,"category":"fresh"},)"
      R"({"qty":1,"unitPrice":4,"category":"frehs"},{"qty":1}]}]})";
  const RawAnswer noted = dry_run(R"({"rules":{"version":"d","categories":{"fresh":5}},)" + basket);
  EXPECT_EQ(noted.status, 200) << noted.body;
  EXPECT_NE(
      noted.body.find(
          R"("notes":[{"field":"baskets[0].items[1].category","message":"is no category of these rules"}])"),
      std::string::npos)
      << noted.body;
  EXPECT_EQ(dry_run("{" + basket).body.find("notes"), std::string::npos) << "rules that know no categories";
}

TEST_F(RulesApi, DryRunTellsEveryFaultAtOnce) {
  const RawAnswer answer = dry_run(
      R"({"rules":{"points_per_unit":-1},"baskets":[{"transactionAmount":"x","day":"2026-02-30"},
          {"items":[{"qty":0,"unitPrice":-1}]}]})");
  EXPECT_EQ(answer.status, 400) << answer.body;
  EXPECT_EQ(faults_of(answer),
            (std::set<std::string>{"rules.version", "rules.points_per_unit", "baskets[0].transactionAmount",
                                   "baskets[0].day", "baskets[1].transactionAmount",
                                   "baskets[1].items[0].qty", "baskets[1].items[0].unitPrice"}));
  EXPECT_EQ(faults_of(dry_run(R"({"baskets":[]})")), std::set<std::string>{"baskets"});
  EXPECT_EQ(faults_of(dry_run("{}")), std::set<std::string>{"baskets"});
  std::string many = R"({"baskets":[{"transactionAmount":1})";
  for (int i = 0; i < 100; ++i) many += R"(,{"transactionAmount":1})";
  EXPECT_EQ(faults_of(dry_run(many + "]}")), std::set<std::string>{"baskets"});
}

TEST_F(RulesApi, ABodyOfMoreValuesThanAnyRulesHaveIsRefusedBeforeTheyAreAllRead) {
  std::string zeros = "[0";
  for (std::size_t i = 0; i < limits::json_request_values_max; ++i) zeros += ",0";
  const std::string body = R"({"baskets":)" + zeros + "]}";
  EXPECT_EQ(member_of(dry_run(body).body, "code"), "MALFORMED_JSON");
  EXPECT_EQ(member_of(put(body).body, "code"), "MALFORMED_JSON");
}

TEST_F(RulesApi, DryRunRefusesBasketsThatEarnMoreThanThereMayBe) {
  const RawAnswer answer =
      dry_run(R"({"rules":{"version":"d","points_per_unit":1000},)"
              R"("baskets":[{"transactionAmount":1},{"transactionAmount":"999999999999.99"}]})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(faults_of(answer), std::set<std::string>{"baskets[1].transactionAmount"});
}

// ---- what is behind it

class CatalogueRows : public ::testing::Test {
 protected:
  Result<std::uint64_t> put(const std::string& scope, const sync::ItemName& name,
                            const std::optional<std::string>& body) {
    Result<std::uint64_t> version;
    const auto done = hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      version = hub::downlink::put_item(transaction, scope, name, body);
      if (!version) return std::unexpected(version.error());
      return {};
    });
    if (!done) return std::unexpected(done.error());
    return version;
  }
  template <class Read>
  auto read(Read what) {
    decltype(what(std::declval<hub::db::Transaction&>())) value;
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& transaction) -> Result<void> {
      value = what(transaction);
      return {};
    }));
    return value.value();
  }
  sync::Catalogue of(const std::string& store) {
    return read([&](hub::db::Transaction& t) { return hub::downlink::read_catalogue(t, StoreId(store)); });
  }
  std::vector<sync::CatalogueItem> after(const std::string& store, std::uint64_t version) {
    return read(
        [&](hub::db::Transaction& t) { return hub::downlink::items_after(t, StoreId(store), version); });
  }

  HubDatabase hub_;
};

TEST_F(CatalogueRows, AStoreHoldsWhatIsEverybodysAndItsOwn) {
  EXPECT_EQ(put("", {1, ""}, "all").value(), 1u);
  EXPECT_EQ(put("store-1", {5, "today"}, "seed of 1").value(), 2u);
  EXPECT_EQ(put("store-2", {5, "today"}, "seed of 2").value(), 3u);
  EXPECT_EQ(of("store-1"), (sync::Catalogue{{{1, ""}, "all"}, {{5, "today"}, "seed of 1"}}));
  EXPECT_EQ(of("store-3"), (sync::Catalogue{{{1, ""}, "all"}}));
}

TEST_F(CatalogueRows, WhatHasChangedSinceIsToldAndWhatIsGoneToo) {
  ASSERT_TRUE(put("", {1, "b"}, "1"));
  ASSERT_TRUE(put("", {1, "B"}, "2"));
  ASSERT_TRUE(put("", {1, "b"}, std::nullopt));
  EXPECT_EQ(put("", {1, "b"}, std::nullopt).value(), 3u) << "gone already";
  EXPECT_EQ(put("", {9, "never"}, std::nullopt).value(), 3u);
  EXPECT_EQ(after("store-1", 2),
            (std::vector<sync::CatalogueItem>{{.name = {1, "b"}, .body = std::nullopt}}));
  EXPECT_EQ(after("store-1", 0).front().name.id, "B") << "by rising names";
  EXPECT_EQ(of("store-1"), (sync::Catalogue{{{1, "B"}, "2"}}));
}

TEST_F(CatalogueRows, WhatNoFrameCouldHoldIsRefused) {
  const std::string half(200 * 1024, 'x');
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(put("", {1, std::to_string(i)}, half));
  const auto over = put("", {1, "5"}, half);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::validation_failed);
  EXPECT_EQ(of("store-1").size(), 5u);
  EXPECT_TRUE(put("", {1, "0"}, std::nullopt)) << "what is gone makes room";
  EXPECT_TRUE(put("", {1, "5"}, half));
}

}  // namespace
}  // namespace perkline::test
