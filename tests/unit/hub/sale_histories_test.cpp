#include <algorithm>
#include <deque>
#include <set>

#include "tests/unit/hub/two_stores.hpp"

namespace perkline::hub::ingest {
namespace {

using sync::EventPayload;
using sync::SaleFinalized;
using sync::SalePending;
using sync::SaleRejected;
using sync::SaleReturned;
using sync::SaleSettled;

// ---- every order

class Orders : public test::TwoStores {
 protected:
  struct Told {
    char name;
    const StoreId& from;
    EventPayload payload;
  };
  /// Tells them in this order, each so many times.
  void tell_all(const std::vector<Told>& events, int times) {
    for (const Told& event : events) {
      for (int i = 0; i < times; ++i)
        event.from == store ? tell(event.payload) : tell_elsewhere(event.payload);
    }
  }
  static std::string names_of(const std::vector<Told>& events) {
    std::string names;
    for (const Told& event : events) names += event.name;
    return names;
  }
};

/// In what order the three come, and how often each.
class SettledOrders : public Orders, public testing::WithParamInterface<std::tuple<std::string, int>> {};

TEST_P(SettledOrders, ComeToTheSame) {
  const auto sale = history_.sale(450, 100);
  const auto [order, times] = GetParam();
  const std::map<char, Told> events{
      {'p', {'p', store, pending_of(sale, 300)}},
      {'s', {'s', store, SaleSettled{sale}}},
      {'f', {'f', store, sale}},
      {'r', {'r', other_store, as_of_another_store(return_of(sale, 500, std::nullopt))}}};
  std::vector<Told> told;
  for (const char name : order) told.push_back(events.at(name));
  tell_all(told, times);
  EXPECT_EQ(rewards(), 450 - 100 - 150 + 33);
  EXPECT_EQ(owed(), 150 - 33);
  EXPECT_EQ(pending(), 0);
  EXPECT_EQ(dead_letters(), 0);
  EXPECT_EQ(turnover_of(store).earned, 450);
  EXPECT_EQ(turnover_of(store).sales, 1);
  // One event of what happened, however often it is told; a sale that is settled is not told as pending.
  const auto told_types = told_on();
  EXPECT_EQ(std::ranges::count(told_types, "SALE_RETURNED"), 1);
  EXPECT_EQ(std::ranges::count(told_types, "SALE_SETTLED") + std::ranges::count(told_types, "SALE_FINALIZED"),
            1);
  EXPECT_EQ(told_types.size(), order.find('p') < order.find_first_of("sf") ? 3u : 2u);
}

INSTANTIATE_TEST_SUITE_P(Sale, SettledOrders,
                         testing::Combine(testing::Values("psr", "prs", "spr", "srp", "rps", "rsp", "pfr",
                                                          "prf", "fpr", "frp", "rpf", "rfp", "sr", "rs",
                                                          "pfsr", "psfr", "rsfp"),
                                          testing::Values(1, 2)));

class RejectedOrders : public Orders, public testing::WithParamInterface<std::tuple<std::string, int>> {};

TEST_P(RejectedOrders, ComeToTheSame) {
  const auto sale = history_.sale(450, 100);
  const auto [order, times] = GetParam();
  const std::map<char, Told> events{
      {'p', {'p', store, pending_of(sale, 300)}},
      {'x', {'x', store, rejected_of(sale)}},
      {'r', {'r', other_store, as_of_another_store(return_of(sale, 500, std::nullopt))}}};
  std::vector<Told> told;
  for (const char name : order) told.push_back(events.at(name));
  tell_all(told, times);
  EXPECT_EQ(rewards(), -100);
  EXPECT_EQ(owed(), 0);
  EXPECT_EQ(pending(), 0);
  EXPECT_EQ(turnover_of(store).standin_loss, 100);
  EXPECT_EQ(turnover_of(store).redeemed, 0);
  EXPECT_EQ(turnover_of(store).sales, 0);
  EXPECT_EQ(dead_letters(), 0);
}

INSTANTIATE_TEST_SUITE_P(Sale, RejectedOrders,
                         testing::Combine(testing::Values("pxr", "prx", "rpx"), testing::Values(1, 2)));

// ---- any history

/// What sales and returns come to, the slow way: no ledger, every sum from scratch.
class Model {
 public:
  struct Sums {
    std::int64_t earned = 0;
    std::int64_t redeemed = 0;
    std::int64_t clawed_back = 0;
    std::int64_t restored = 0;
    std::int64_t lost = 0;
    std::int64_t pending = 0;
    std::int64_t net() const { return earned - redeemed - clawed_back + restored - lost; }
  };
  using Pair = std::pair<std::int64_t, std::int64_t>;

  void take_in(const StoreId& from, const EventPayload& payload) {
    const auto fits = std::visit([&](const auto& known) { return on(from, known); }, payload);
    if (!fits) ++dead_letters;
  }

  template <class Wanted>
  Sums sums(Wanted wanted) const {
    Sums sums;
    for (const auto& [session, sale] : sales_) {
      if (!wanted(sale)) continue;
      if (sale.state == 'p') sums.pending += sale.earned - sale.redeemed;
      if (sale.state == 'x') sums.lost += sale.redeemed;
      if (sale.state != 'f') continue;
      sums.earned += sale.earned;
      sums.redeemed += sale.redeemed;
      const Pair back = points(sale, returned(sale));
      sums.clawed_back += back.first;
      sums.restored += back.second;
    }
    return sums;
  }
  Sums of_member(const CustomerId& member) const {
    return sums([&](const Sale& sale) { return sale.customer == member; });
  }
  Sums of_store(const StoreId& store) const {
    return sums([&](const Sale& sale) { return sale.store == store; });
  }

  /// What `minor` more comes to for whoever knows of the returns that `store` took, or of all.
  std::optional<Pair> points_for(const SessionId& session, std::int64_t minor,
                                 const std::optional<StoreId>& store) const {
    const auto found = sales_.find(session);
    if (found == sales_.end() || found->second.state != 'f') return std::nullopt;
    const Sale& sale = found->second;
    const std::int64_t before = returned(sale, store);
    if (before + minor > sale.amount) return std::nullopt;
    const Pair with = points(sale, before + minor);
    const Pair without = points(sale, before);
    return Pair{with.first - without.first, with.second - without.second};
  }

  std::int64_t dead_letters = 0;

 private:
  struct Sale {
    StoreId store;
    CustomerId customer;
    TransactionId transaction;
    char state = 'p';  ///< p pending, f finalized, x rejected
    std::int64_t amount = 0;
    std::int64_t earned = 0;
    std::int64_t redeemed = 0;
    std::vector<std::pair<StoreId, SaleReturned>> returns;
  };

  static std::int64_t returned(const Sale& sale, const std::optional<StoreId>& at = std::nullopt) {
    std::int64_t sum = 0;
    for (const auto& [store, back] : sale.returns)
      if (!at || store == *at) sum += back.amount.minor;
    return sum;
  }
  /// The least that is not less than the exact share, and the most that is not more.
  static Pair points(const Sale& sale, std::int64_t returned) {
    if (sale.amount == 0) return {};
    __extension__ using Wide = __int128;
    const Wide claw = Wide{sale.earned} * returned;
    auto up = static_cast<std::int64_t>(claw / sale.amount);
    if (Wide{up} * sale.amount != claw) ++up;
    return {up, static_cast<std::int64_t>(Wide{sale.redeemed} * returned / sale.amount)};
  }

  bool on(const StoreId& from, const SaleFinalized& told) {
    auto [at, is_new] = sales_.try_emplace(told.session);
    Sale& sale = at->second;
    if (is_new) sale = {from, told.customer, told.transaction, 'p', told.amount.minor, 0, 0, {}};
    if (sale.amount != told.amount.minor || sale.state == 'x') return false;
    if (sale.state == 'f') return sale.earned == told.earned.count && sale.redeemed == told.redeemed.count;
    sale.state = 'f';
    sale.earned = told.earned.count;
    sale.redeemed = told.redeemed.count;
    work_out_waiting(told.session);
    return true;
  }
  bool on(const StoreId& from, const SaleSettled& told) { return on(from, told.sale); }
  bool on(const StoreId& from, const SalePending& told) {
    auto [at, is_new] = sales_.try_emplace(told.session);
    Sale& sale = at->second;
    if (is_new) {
      sale = {from,
              told.customer,
              told.transaction,
              'p',
              told.amount.minor,
              told.earned.count,
              told.redeemed.count,
              {}};
      return true;
    }
    return sale.state != 'p' || (sale.earned == told.earned.count && sale.redeemed == told.redeemed.count);
  }
  bool on(const StoreId&, const SaleRejected& told) {
    const auto found = sales_.find(told.session);
    if (found == sales_.end() || found->second.state == 'f') return false;
    if (found->second.state == 'x') return true;
    found->second.state = 'x';
    work_out_waiting(told.session);
    return true;
  }
  bool on(const StoreId& from, const SaleReturned& told) {
    if (known_.contains(told.id)) return true;
    known_.insert(told.id);
    for (auto& [session, sale] : sales_) {
      if (sale.store != told.original_store || sale.transaction != told.original_transaction) continue;
      if (sale.state == 'p') break;
      return book(session, from, told);
    }
    waiting_.push_back({from, told});
    return true;
  }
  bool on(const StoreId&, const auto&) { return true; }

  bool book(const SessionId& session, const StoreId& from, const SaleReturned& told) {
    Sale& sale = sales_.at(session);
    if (sale.state == 'x') return true;
    const auto fits = [&](const std::optional<Pair>& points) {
      return points && (!told.figures ||
                        *points == Pair{told.figures->clawed_back.count, told.figures->restored.count});
    };
    const bool is_left = told.amount.minor <= sale.amount - returned(sale);
    if (is_left && (fits(points_for(session, told.amount.minor, std::nullopt)) ||
                    fits(points_for(session, told.amount.minor, from)))) {
      sale.returns.emplace_back(from, told);
      return true;
    }
    known_.erase(told.id);
    return false;
  }
  void work_out_waiting(const SessionId& session) {
    const Sale& sale = sales_.at(session);
    auto waiting = std::exchange(waiting_, {});
    std::ranges::sort(waiting, {}, [](const auto& each) { return each.second.id; });
    for (const auto& [from, told] : waiting) {
      if (told.original_store != sale.store || told.original_transaction != sale.transaction) {
        waiting_.push_back({from, told});
      } else if (!book(session, from, told)) {
        ++dead_letters;
      }
    }
  }

  std::map<SessionId, Sale> sales_;
  std::set<ReturnId> known_;
  std::vector<std::pair<StoreId, SaleReturned>> waiting_;
};

/// Two stores that tell anything about a few sales: each event in any order, again, with other figures.
class Histories : public test::TwoStores, public testing::WithParamInterface<std::uint64_t> {
 protected:
  std::int64_t pick(std::initializer_list<std::int64_t> from) {
    return *(from.begin() + static_cast<std::ptrdiff_t>(rng_.below(from.size())));
  }

  /// A new sale at either store.
  void open_sale() {
    const bool here = rng_.below(2) == 0;
    auto sale = history_.sale(pick({0, 1, 99, 450, 1'000'000'000'000}), pick({0, 0, 7, 100, 999'999'999'999}),
                              "CUST-" + std::to_string(rng_.below(3)));
    sale.transaction = TransactionId("P-" + std::to_string(sales_.size()));
    sale.amount.minor = pick({0, 1, 7, 1500, 99'999'999'999'998});
    sale.new_balance = Points{5000};
    sales_.push_back({here ? store : other_store, sale});
  }

  SaleReturned some_return(const StoreId& at, const StoreId& of, const SaleFinalized& sale) {
    const auto minor =
        static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(sale.amount.minor) + 1));
    SaleReturned back = return_of(sale, rng_.below(10) == 0 ? sale.amount.minor + 1 : minor, std::nullopt);
    back.original_store = of;
    if (at != of) return as_of_another_store(back);
    std::optional<Model::Pair> points;
    switch (rng_.below(5)) {
      case 0:
        points = Model::Pair{1, 1};
        break;
      case 1:
        points = model_.points_for(sale.session, back.amount.minor, std::nullopt);
        break;
      case 2:
      case 3:
        points = model_.points_for(sale.session, back.amount.minor, at);
        break;
      default:
        break;
    }
    if (points) back.figures = SaleReturned::Figures{Points{points->first}, Points{points->second}};
    return back;
  }

  void tell_something() {
    const auto& [of, sale] = sales_[rng_.below(sales_.size())];
    switch (rng_.below(10)) {
      case 0:
        return say(of, sale);
      case 1:
      case 2:
        return say(of, pending_of(sale, sale.earned.count / 2));
      case 3:
        return say(of, SaleSettled{sale});
      case 4:
        return rng_.below(2) == 0 ? say(of, rejected_of(sale)) : say(of, SaleSettled{sale});
      case 5: {
        auto other = sale;
        other.earned = Points{rng_.below(2) == 0 ? 5 : sale.earned.count};
        return rng_.below(2) == 0 ? say(of, SaleSettled{other}) : say(of, pending_of(other, 3));
      }
      case 6:
        if (said_.empty()) return;
        return say_again(said_[rng_.below(said_.size())]);
      default: {
        const StoreId at = rng_.below(2) == 0 ? store : other_store;
        return say(at, some_return(at, of, sale));
      }
    }
  }

  struct Said {
    StoreId from;
    EventPayload payload;
  };
  void say(const StoreId& from, EventPayload payload) {
    say_again(said_.emplace_back(from, std::move(payload)));
  }
  void say_again(const Said& said) {
    (said.from == store ? history_ : other_history_).add(said.payload);
    on_the_way_[said.from].push_back(said.payload);
  }

  void arrive(const StoreId& from) {
    auto& events = on_the_way_[from];
    if (events.empty()) return;
    for (const EventPayload& event : events) model_.take_in(from, event);
    events.clear();
    take_in(from == store ? history_ : other_history_, from);
  }

  void expect_agreement() {
    EXPECT_EQ(dead_letters(), model_.dead_letters);
    for (int i = 0; i < 3; ++i) {
      const CustomerId member("CUST-" + std::to_string(i));
      const Model::Sums expected = model_.of_member(member);
      EXPECT_EQ(rewards(member), expected.net()) << member.str();
      EXPECT_EQ(pending(member), expected.pending) << member.str();
      EXPECT_EQ(owed(member), expected.clawed_back - expected.restored) << member.str();
    }
    for (const StoreId& id : {store, other_store}) {
      const Model::Sums expected = model_.of_store(id);
      const stores::Turnover found = turnover_of(id);
      EXPECT_EQ(found.earned, expected.earned);
      EXPECT_EQ(found.redeemed, expected.redeemed);
      EXPECT_EQ(found.returns.clawed_back, expected.clawed_back);
      EXPECT_EQ(found.returns.restored, expected.restored);
      EXPECT_EQ(found.standin_loss, expected.lost);
      EXPECT_EQ(found.pending.earned - found.pending.redeemed, expected.pending);
    }
  }

  SeededRng rng_{GetParam()};
  Model model_;
  std::vector<std::pair<StoreId, SaleFinalized>> sales_;
  std::deque<Said> said_;
  std::map<StoreId, std::vector<EventPayload>> on_the_way_;
};

TEST_P(Histories, ComeToWhatTheModelSays) {
  for (int step = 0; step < 80 && !HasFailure(); ++step) {
    if (sales_.empty() || rng_.below(6) == 0) open_sale();
    tell_something();
    if (rng_.below(4) != 0) continue;
    arrive(rng_.below(2) == 0 ? store : other_store);
    expect_agreement();
  }
  for (const StoreId& id : {store, other_store}) arrive(id);
  expect_agreement();
}

INSTANTIATE_TEST_SUITE_P(Random, Histories, testing::Range<std::uint64_t>(1, 61));

}  // namespace
}  // namespace perkline::hub::ingest
