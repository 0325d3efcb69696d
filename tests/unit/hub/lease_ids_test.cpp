#include <array>

#include "hub/wheel/lease_id.hpp"
#include "tests/unit/hub/tills_fixture.hpp"

namespace perkline::test {
namespace {

using sync::ItemKind;

/// What leases' ids tell a hub that has forgotten them.
class LeaseIds : public Tills {};

TEST_F(LeaseIds, AUnitOfALeaseThatAStoreHasMadeUpIsADeadLetterAndLeavesWhatIsFree) {
  const std::string prize = add_prize(80);
  FakeStore store = open_store("store-1");
  store.look();
  const std::string mine = store.items(ItemKind::prize_lease).begin()->first;
  hub_.execute("DELETE FROM prize_lease");
  hub_.execute("UPDATE prize SET leased = 0");
  const auto tell = [&](const std::string& lease, std::uint32_t ordinal) {
    auto drawn = store.draw(store.sale(card), hub_.uuids.next()).value();
    drawn.lease = lease;
    drawn.ordinal = ordinal;
    store.history().add(drawn);
    store.sync();
  };
  const auto id_of = [&](const std::string& whose, const std::string& of) {
    std::string id;
    write([&](hub::db::Transaction& t) -> Result<void> {
      auto made = hub::wheel::make_lease_id(t, hub_.uuids.next(),
                                            {.store = StoreId(whose), .prize = of, .units = 20});
      if (!made) return failure(made);
      id = std::move(*made);
      return {};
    });
    return id;
  };
  tell(hub_.uuids.next().str(), 1);
  ASSERT_EQ(dead_letters(), 1);
  EXPECT_EQ(reason(), "the store was never given this lease");
  std::string larger = mine;
  constexpr std::size_t units_at = 15;
  ASSERT_EQ(larger.substr(units_at, 3), "014") << "20 units";
  larger.replace(units_at, 3, "fff");
  std::int64_t letters = 1;
  for (const std::string& lease :
       {larger, id_of("store-2", prize), id_of("store-1", "another"), std::string("lease-1")}) {
    tell(lease, 1);
    EXPECT_EQ(dead_letters(), ++letters) << lease;
  }
  tell(mine, 21);
  EXPECT_EQ(dead_letters(), ++letters) << "it had 20";
  EXPECT_EQ(units(prize), "80/0/0");
  tell(mine, 20);
  EXPECT_EQ(dead_letters(), letters);
  EXPECT_EQ(units(prize), "79/0/1") << "a restored hub has forgotten this one, and knows it by its id";
}

}  // namespace
}  // namespace perkline::test
