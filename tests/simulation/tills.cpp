#include "tests/simulation/tills.hpp"

#include <algorithm>

namespace perkline::simulation {
namespace {

constexpr std::size_t sales_at_clone = 6;

/// By randomness of its own, so that the sale itself is as without.
void plan_programme(Plan& plan, const Scenario& scenario, std::size_t sale) {
  if (scenario.promotions == 0) return;
  SeededRng rng(derived_seed(scenario.seed, "programme plan", sale));
  plan.spins = scenario.clones == 0 && rng.below(4) != 0;
  if (rng.below(2) == 0) plan.client_seed = "seed-" + std::to_string(sale);
  if (rng.below(3) == 0) plan.claims = rng.below(scenario.promotions);
}

}  // namespace

Plan plan_of(const Scenario& scenario, std::size_t sale) {
  SeededRng rng(derived_seed(scenario.seed, "plan", sale));
  Plan plan{.store = sale % scenario.stores};
  const std::size_t member = rng.below(scenario.members) + 1;
  plan.customer = CustomerId(rng.below(50) == 0 ? "CUST-99999" : "CUST-0000" + std::to_string(member));
  plan.channel = ChannelId("POS-" + std::to_string(sale / scenario.stores % scenario.tills));
  for (std::size_t baskets = rng.below(4) == 0 ? 2 : 1; baskets > 0; --baskets)
    plan.baskets.push_back(static_cast<std::int64_t>(rng.below(30'000)));
  const std::int64_t last = plan.baskets.back();
  plan.final_minor = rng.below(4) == 0 ? last * 9 / 10 : last;
  plan.apply_rewards = rng.below(10) != 0;
  if (plan.apply_rewards && rng.below(4) == 0)
    plan.redeem = Points{1 + static_cast<std::int64_t>(rng.below(250))};
  const std::uint64_t end = rng.below(20);
  plan.end = end == 0 ? Plan::End::give_up : end <= 2 ? Plan::End::leave : Plan::End::finalize;
  plan.twice = rng.below(5) == 0;
  plan.meddles = rng.below(8) == 0;
  plan.repeats = rng.below(3);
  std::int64_t left = plan.final_minor;
  for (std::uint64_t back = rng.below(3) == 0 ? 1 + rng.below(3) : 0; back > 0; --back) {
    const std::size_t store = rng.below(4) == 0 ? rng.below(scenario.stores) : plan.store;
    const std::int64_t minor =
        rng.below(4) == 0 ? left : static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(left) + 1));
    plan.returns.push_back({.store = store, .minor = minor});
    left -= minor;
  }
  if (scenario.restores > 0) plan.returns.clear();
  plan_programme(plan, scenario, sale);
  return plan;
}

Tills::Tills(const Scenario& scenario, Timeline& time, Trace& trace,
             std::vector<std::unique_ptr<Store>>& stores)
    : scenario_(scenario),
      timeline_(time),
      trace_(trace),
      stores_(stores),
      rng_(derived_seed(scenario.seed, "tills")),
      lost_(scenario.till_lost),
      world_(time_) {
  for (std::size_t number = 0; number < scenario.sales; ++number) {
    Plan plan = plan_of(scenario, number);
    const std::string store = stores[plan.store]->id().str();
    sales_.push_back({.plan = std::move(plan),
                      .transaction = TransactionId(store + "-T-" + std::to_string(number)),
                      .session = {}});
  }
  for (std::size_t clone = scenario.stores; clone < stores.size(); ++clone) {
    for (std::size_t number = 0; number < sales_at_clone; ++number) {
      Plan plan = plan_of(scenario, scenario.sales + number);
      plan.store = clone;
      plan.returns.clear();
      plan.spins = false;
      plan.claims.reset();
      sales_.push_back({.plan = std::move(plan),
                        .transaction = TransactionId(stores[clone]->name() + "-T-" + std::to_string(number)),
                        .session = {}});
    }
  }
}

void Tills::open() {
  // What coroutines refer to stays where it is.
  for (TillSale& sale : sales_) sale.returns.reserve(sale.plan.returns.size());
  for (std::size_t till = 0; till < scenario_.stores * scenario_.tills; ++till) {
    ++working_;
    world_.spawn(finished(work(till)));
  }
  for (std::size_t clone = scenario_.stores; clone < stores_.size(); ++clone) {
    ++working_;
    world_.spawn(finished(work_at_clone(clone)));
  }
}

Task<void> Tills::finished(Task<void> work) {
  co_await std::move(work);
  --working_;
}

/// A till's share of the sales, spread over the time of the faults and a little beyond.
Task<void> Tills::work(std::size_t till) {
  const std::size_t all = scenario_.stores * scenario_.tills;
  const std::size_t share = scenario_.sales / all + 1;
  const auto gap = static_cast<std::uint64_t>(2 * scenario_.fault_time.count()) / share + 1;
  for (std::size_t number = till; number < scenario_.sales; number += all) {
    co_await world_.clock().sleep(Millis{static_cast<std::int64_t>(rng_.below(gap))});
    co_await sell(sales_[number]);
  }
}

/// From when it first serves until it is gone.
Task<void> Tills::work_at_clone(std::size_t clone) {
  Store& store = *stores_[clone];
  while (store.boots() == 0 && !store.gone) co_await world_.clock().sleep(seconds{5});
  for (TillSale& sale : sales_) {
    if (sale.plan.store != clone || sale.forgotten) continue;
    co_await world_.clock().sleep(Millis{static_cast<std::int64_t>(rng_.below(30'000))});
    if (!sale.forgotten) co_await sell(sale);
  }
}

void Tills::forget(std::size_t store, Timeline::Duration since) {
  for (TillSale& sale : sales_) {
    if (sale.plan.store != store || !sale.touched_at) continue;
    const bool ended = sale.acknowledged() || sale.voided || !sale.body_400.empty();
    if (!ended || *sale.touched_at >= since) sale.forgotten = true;
  }
}

void Tills::forget_all(std::size_t store) {
  for (TillSale& sale : sales_) sale.forgotten = sale.forgotten || sale.plan.store == store;
}

// ---- at rest

void Tills::ask_again() {
  for (TillSale& sale : sales_) {
    if (sale.forgotten && !sale.spin_body.empty()) {
      ++working_;
      world_.spawn(finished(spin_once_more(sale)));
    }
    if (!sale.acknowledged() || sale.forgotten) continue;
    ++working_;
    world_.spawn(finished(finalize_again(sale)));
    ++working_;
    world_.spawn(finished(enjoy_again(sale)));
    for (TillReturn& goods : sale.returns) {
      ++working_;
      world_.spawn(finished(take_back_once(sale, goods)));
    }
  }
}

void Tills::ask_for_leftovers() {
  for (TillSale& sale : sales_) {
    if (sale.session.empty() || sale.acknowledged() || sale.voided || !sale.body_400.empty()) continue;
    if (sale.forgotten) continue;
    ++working_;
    world_.spawn(finished(ask_for_leftover(sale)));
  }
}

Task<void> Tills::ask_for_leftover(TillSale& sale) {
  const SessionId id = sale.session;
  const auto heard =
      co_await until_answered(till_of(sale), [id](StoreLife& life) { return life.flows.status(id); });
  trace_.check(heard.has_value(), "what was opened is there", sale.transaction.str());
  // A clock that was wrong when the session was opened, or when its daemon started, is trusted all the same.
  if (store_of(sale).clock_jumps == 0)
    trace_.check(is_expired(sale), "what is never finalized expires", sale.transaction.str());
}

}  // namespace perkline::simulation
