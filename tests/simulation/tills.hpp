#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/store.hpp"

namespace perkline::simulation {

/// What a till means to do with a sale.
struct Plan {
  enum class End : std::uint8_t { finalize, give_up, leave };

  std::size_t store = 0;
  CustomerId customer = {};
  ChannelId channel = {};
  std::vector<std::int64_t> baskets = {};  ///< Minor units; each is priced, the last one is sold.
  std::int64_t final_minor = 0;
  bool apply_rewards = true;
  std::optional<Points> redeem = std::nullopt;
  End end = End::finalize;
  bool twice = false;       ///< Its calls are made twice at the same time.
  bool meddles = false;     ///< Once answered it tries what must be refused.
  std::size_t repeats = 0;  ///< Of the finalize once it is answered.
  struct GoodsBack {
    std::size_t store = 0;  ///< Where they are taken back.
    std::int64_t minor = 0;
  };
  std::vector<GoodsBack> returns = {};  ///< Together at most what was paid.
  bool spins = false;                   ///< Turns the wheel once the sale is acknowledged.
  std::string client_seed = {};
  std::optional<std::size_t> claims = std::nullopt;  ///< A promotion: the how manieth of them all.
};
Plan plan_of(const Scenario& scenario, std::size_t sale);

/// Goods of a sale that came back, as the till that took them knows it.
struct TillReturn {
  std::size_t store = 0;
  TransactionId transaction;
  std::int64_t minor = 0;
  std::string body_200 = {};
  std::string body_202 = {};
};

/// A promotion claimed, as the till knows it.
struct TillClaim {
  TransactionId transaction;
  Uuid promotion;
  std::string body_200 = {};
  std::string body_202 = {};
  std::optional<Errc> refused = std::nullopt;  ///< The last word, where that was no.
};

/// A sale as its till knows it.
struct TillSale {
  Plan plan;
  TransactionId transaction;
  SessionId session;  ///< Empty: never opened, as far as the till knows.
  Timeline::Duration opened_at{};
  std::optional<Timeline::Duration> touched_at = {};  ///< When a call about it last reached its store.
  std::size_t opened_in = 0;  ///< The life of the store's daemon; 0: more than one may have.
  std::string identify_body = {};
  std::optional<edge::session::Sale> asked = std::nullopt;  ///< What finalize asked last.
  std::string body_200 = {};
  std::string body_400 = {};
  std::map<bool, std::string> bodies_202 = {};  ///< While pending, and (true) while in review.
  std::vector<TillReturn> returns = {};
  std::string spin_body = {};  ///< Empty: no spin was told of.
  std::optional<TillClaim> claim = std::nullopt;
  bool voided = false;
  bool discarded = false;  ///< A person has closed it.
  /// Its store may know nothing of it any more, or not all: a backup from before was restored. Or it was made
  /// at a clone. Nobody asks about it again.
  bool forgotten = false;
  bool acknowledged() const { return !body_200.empty() || !bodies_202.empty(); }
};

/// How a till's answer reads in a trace.
std::string told_as(const Result<edge::session::Answer>& heard);
/// Whether the till can only try again.
bool is_for_later(Errc code);

/// The tills of all stores: each makes its sales one after another, each call again and again under the same
/// ids until it is answered.
class Tills {
 public:
  Tills(const Scenario& scenario, Timeline& time, Trace& trace, std::vector<std::unique_ptr<Store>>& stores);

  void open();
  bool done() const { return working_ == 0; }
  /// Every acknowledged sale is asked for once more, and every return.
  void ask_again();
  /// Sessions that were left alone for their time to live must have lapsed.
  void ask_for_leftovers();
  /// Nothing is lost any more.
  void behave() { lost_ = 0; }
  /// That store is as it was at that time: what it was told since, or had not ended, is nobody's to ask for.
  void forget(std::size_t store, Timeline::Duration since);
  /// That one is gone for good.
  void forget_all(std::size_t store);

  test::SimWorld& world() { return world_; }
  test::VirtualTime& time() { return time_; }
  std::vector<TillSale>& sales() { return sales_; }
  /// What members have heard of, in the order of its making.
  std::vector<Uuid>& promotions() { return promotions_; }

 private:
  using Answer = edge::session::Answer;
  using Heard = std::optional<Result<Answer>>;
  using Call = std::function<Task<Result<Answer>>(StoreLife&)>;
  struct Slot;
  /// Who makes a call.
  struct Caller {
    std::size_t store;
    std::string name;
    bool twice;
    TillSale& sale;
    Millis slack = {};  ///< That its answer may take beyond a sale's.
    std::size_t tries_max = SIZE_MAX;
  };
  static Caller till_of(TillSale& sale) {
    return {sale.plan.store, sale.transaction.str(), sale.plan.twice, sale};
  }

  Task<void> work(std::size_t till);
  Task<void> work_at_clone(std::size_t clone);
  Task<void> sell(TillSale& sale);
  Task<bool> identify(TillSale& sale);
  Task<bool> calculate(TillSale& sale);
  Task<void> finalize(TillSale& sale);
  Task<void> give_up(TillSale& sale);
  Task<void> meddle(TillSale& sale);
  Task<void> finalize_again(TillSale& sale);
  Task<void> take_back(TillSale& sale);
  Task<void> take_back_once(TillSale& sale, TillReturn& goods);
  Task<Result<Answer>> return_goods(TillSale& sale, const TillReturn& goods);
  Task<void> ask_for_leftover(TillSale& sale);
  Task<void> enjoy(TillSale& sale);
  Task<void> enjoy_again(TillSale& sale);
  Task<void> spin(TillSale& sale);
  Task<void> spin_once_more(TillSale& sale);
  Task<void> claim(TillSale& sale);
  void heard_spin(TillSale& sale, const Result<Answer>& heard);
  void heard_claim(TillSale& sale, const Result<Answer>& heard);
  Task<void> finished(Task<void> work);

  Task<Result<Answer>> until_answered(Caller caller, Call call);
  Task<Heard> both(Caller caller, Call call);
  Task<Heard> once(Caller caller, Call call);
  Task<void> aside(Caller caller, Call call, std::shared_ptr<Slot> slot);
  static Task<void> serve(Tills& tills, Store& store, Task<Result<Answer>> call, std::shared_ptr<Slot> slot,
                          Millis slack);
  static Task<Result<void>> told(std::shared_ptr<Slot> slot);

  void heard_final(TillSale& sale, const Answer& answer);
  void expect(const TillSale& sale, const Result<Answer>& heard, Errc error, std::string_view what);
  void check_lapse(TillSale& sale);
  bool is_expired(TillSale& sale);
  bool lost() { return lost_ > 0 && rng_.unit() < lost_; }
  void heard_return(TillReturn& goods, const Answer& answer);
  Store& store_of(const TillSale& sale) { return *stores_[sale.plan.store]; }

  const Scenario& scenario_;
  Timeline& timeline_;
  Trace& trace_;
  std::vector<std::unique_ptr<Store>>& stores_;
  SeededRng rng_;
  double lost_;
  test::VirtualTime time_;
  test::SimWorld world_;
  std::vector<TillSale> sales_;  ///< Those at clones last.
  std::vector<Uuid> promotions_;
  std::size_t working_ = 0;
};

}  // namespace perkline::simulation
