#include "tests/simulation/tills.hpp"

#include <algorithm>

#include "shared/core/limits.hpp"
#include "shared/json/value.hpp"
#include "shared/net/deadline.hpp"

namespace perkline::simulation {
namespace {

using edge::session::Session;
using edge::session::Status;

constexpr Millis pause_first{200};
constexpr Millis pause_max{4000};
constexpr std::size_t sales_at_clone = 6;
/// What a till may wait beyond the stand-in's deadline: for another call of its session, and for the disk.
constexpr Millis wait_slack = limits::session_queue_wait + Millis{250};

Money usd(std::int64_t minor) {
  return {minor, *find_currency("USD")};
}

std::string session_in(const std::string& body) {
  const auto document = json::parse(body);
  if (!document) return {};
  const json::Value* id = document->root().find("sessionId");
  return id == nullptr ? std::string() : std::string(id->text());
}

std::string told_as(const Result<edge::session::Answer>& heard) {
  if (!heard) return std::string(name_of(heard.error().code));
  return std::to_string(heard->status) + (heard->replayed ? " again" : "");
}

/// Whether the till can only try again.
bool is_for_later(Errc code) {
  return code == Errc::session_busy || code == Errc::pdi_unavailable || code == Errc::overloaded ||
         code == Errc::storage_full;
}

bool is_our_fault(Errc code) {
  return code == Errc::internal || code == Errc::corrupt || code == Errc::io_failed ||
         code == Errc::newer_format || code == Errc::version_conflict || code == Errc::cancelled ||
         code == Errc::timed_out;
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
  return plan;
}

/// Where a till finds the answer to its call, if the daemon lives to give one.
struct Tills::Slot {
  Heard heard;
  bool over = false;
  net::Signal given;
  void give() {
    over = true;
    given.notify();
  }
};

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

Task<void> Tills::sell(TillSale& sale) {
  if (!co_await identify(sale)) co_return;
  if (sale.plan.end == Plan::End::leave && rng_.below(2) == 0) co_return;
  if (sale.plan.end == Plan::End::give_up && rng_.below(2) == 0) co_return co_await give_up(sale);
  if (!co_await calculate(sale) || sale.plan.end == Plan::End::leave) co_return;
  if (sale.plan.end == Plan::End::give_up) co_return co_await give_up(sale);
  co_await finalize(sale);
  for (std::size_t i = 0; i < sale.plan.repeats && sale.acknowledged(); ++i) {
    co_await world_.clock().sleep(Millis{static_cast<std::int64_t>(rng_.below(i == 0 ? 500 : 30'000))});
    co_await finalize_again(sale);
  }
  if (!sale.acknowledged() || sale.forgotten) co_return;
  if (sale.plan.meddles) co_await meddle(sale);
  co_await take_back(sale);
}

Task<bool> Tills::identify(TillSale& sale) {
  const Plan& plan = sale.plan;
  const Call call = [&sale](edge::session::Flows& flows) {
    return flows.identify({sale.plan.customer, sale.plan.channel, sale.transaction});
  };
  sale.opened_at = timeline_.now();
  const std::size_t life = store_of(sale).boots();
  for (int times = plan.twice ? 2 : 1; times > 0; --times) {
    const auto heard = co_await until_answered(till_of(sale), call);
    if (sale.forgotten) co_return false;
    if (!heard) {
      trace_.check(sale.session.empty() && heard.error().code == Errc::pdi_rejected,
                   "identify is answered, or refused by PDI", sale.transaction.str() + " " + told_as(heard));
      co_return false;
    }
    trace_.check(sale.identify_body.empty() || sale.identify_body == heard->body, "a 200 never changes",
                 sale.transaction.str() + " identify");
    if (sale.identify_body.empty() && store_of(sale).boots() == life) sale.opened_in = life;
    sale.identify_body = heard->body;
    sale.session = SessionId(session_in(heard->body));
  }
  co_return true;
}

Task<bool> Tills::calculate(TillSale& sale) {
  for (const std::int64_t minor : sale.plan.baskets) {
    const edge::session::CalculateRequest request{
        sale.session, {.amount = usd(minor), .items = {{"SKU-001", {2000}, {}, ""}}}};
    const Call call = [request](edge::session::Flows& flows) { return flows.calculate_rewards(request); };
    std::string body;
    for (int times = sale.plan.twice ? 2 : 1; times > 0; --times) {
      const auto heard = co_await until_answered(till_of(sale), call);
      if (sale.forgotten) co_return false;
      if (!heard) {
        if (heard.error().code != Errc::pdi_rejected) expect(sale, heard, Errc::session_state, "calculate");
        check_lapse(sale);
        co_return false;
      }
      trace_.check(body.empty() || body == heard->body, "a 200 never changes",
                   sale.transaction.str() + " calculateRewards");
      body = heard->body;
    }
  }
  co_return true;
}

Task<void> Tills::finalize(TillSale& sale) {
  const Plan& plan = sale.plan;
  sale.asked = edge::session::Sale{
      .final_amount = usd(plan.final_minor), .apply_rewards = plan.apply_rewards, .redeem = plan.redeem};
  while (true) {
    const edge::session::FinalizeRequest request{sale.session, sale.transaction, *sale.asked};
    const auto heard = co_await until_answered(
        till_of(sale), [request](edge::session::Flows& flows) { return flows.finalize(request, {}); });
    if (sale.forgotten) co_return;
    if (heard) co_return heard_final(sale, *heard);
    // Another copy of the first request has sold, with the points, after this one was refused.
    if (heard.error().code == Errc::transaction_reused && sale.asked->redeem != plan.redeem) {
      sale.asked->redeem = plan.redeem;
      continue;
    }
    if (heard.error().code != Errc::redemption_limit || !sale.asked->redeem) {
      expect(sale, heard, Errc::session_state, "finalize");
      co_return check_lapse(sale);
    }
    sale.asked->redeem.reset();
  }
}

Task<void> Tills::finalize_again(TillSale& sale) {
  const edge::session::FinalizeRequest request{sale.session, sale.transaction, *sale.asked};
  const auto heard = co_await until_answered(
      till_of(sale), [request](edge::session::Flows& flows) { return flows.finalize(request, {}); });
  if (sale.forgotten) co_return;
  if (heard) co_return heard_final(sale, *heard);
  trace_.violated("an acknowledged sale is never denied", sale.transaction.str() + " " + told_as(heard));
}

Task<void> Tills::give_up(TillSale& sale) {
  const edge::session::VoidRequest request{sale.session, "the customer has left"};
  const auto heard = co_await until_answered(
      till_of(sale), [request](edge::session::Flows& flows) { return flows.void_session(request); });
  if (sale.forgotten) co_return;
  sale.voided = heard.has_value();
  if (!heard) {
    expect(sale, heard, Errc::session_state, "void");
    co_return check_lapse(sale);
  }
  const edge::session::FinalizeRequest late{sale.session, sale.transaction, {.final_amount = usd(100)}};
  expect(sale,
         co_await until_answered(till_of(sale),
                                 [late](edge::session::Flows& flows) { return flows.finalize(late, {}); }),
         Errc::session_state, "finalize after void");
}

/// What a till must not be able to do once it was told of the sale.
Task<void> Tills::meddle(TillSale& sale) {
  edge::session::FinalizeRequest other{sale.session, sale.transaction, *sale.asked};
  other.sale.final_amount.minor += 1;
  expect(sale,
         co_await until_answered(till_of(sale),
                                 [other](edge::session::Flows& flows) { return flows.finalize(other, {}); }),
         Errc::transaction_reused, "another finalize");
  const edge::session::IdentifyRequest somebody{CustomerId("CUST-12345"), sale.plan.channel,
                                                sale.transaction};
  expect(sale,
         co_await until_answered(
             till_of(sale), [somebody](edge::session::Flows& flows) { return flows.identify(somebody); }),
         Errc::transaction_reused, "another identify");
  const edge::session::VoidRequest late{sale.session, "too late"};
  expect(sale,
         co_await until_answered(till_of(sale),
                                 [late](edge::session::Flows& flows) { return flows.void_session(late); }),
         Errc::session_state, "void after finalize");
}

Task<Result<edge::session::Answer>> Tills::return_goods(TillSale& sale, const TillReturn& goods) {
  edge::session::ReturnRequest request{
      .original_transaction = sale.transaction, .transaction = goods.transaction, .amount = usd(goods.minor)};
  if (goods.store != sale.plan.store) request.original_store = store_of(sale).id();
  return until_answered({goods.store, goods.transaction.str(), sale.plan.twice, sale},
                        [request](edge::session::Flows& flows) { return flows.return_goods(request, {}); });
}

Task<void> Tills::take_back(TillSale& sale) {
  for (const Plan::GoodsBack& back : sale.plan.returns) {
    co_await world_.clock().sleep(Millis{static_cast<std::int64_t>(rng_.below(20'000))});
    const TransactionId id(sale.transaction.str() + "-R" + std::to_string(sale.returns.size()));
    sale.returns.push_back({.store = back.store, .transaction = id, .minor = back.minor});
    co_await take_back_once(sale, sale.returns.back());
  }
  if (!sale.plan.meddles) co_return;
  const TillReturn too_much{.store = sale.plan.store,
                            .transaction = TransactionId(sale.transaction.str() + "-R-over"),
                            .minor = sale.plan.final_minor + 1};
  expect(sale, co_await return_goods(sale, too_much), Errc::return_exceeds_sale, "return of too much");
}

Task<void> Tills::take_back_once(TillSale& sale, TillReturn& goods) {
  const auto heard = co_await return_goods(sale, goods);
  if (heard) co_return heard_return(goods, *heard);
  trace_.violated("what was sold is taken back", goods.transaction.str() + " " + told_as(heard));
}

void Tills::heard_return(TillReturn& goods, const Answer& answer) {
  const std::string& id = goods.transaction.str();
  trace_.check(goods.body_200.empty() || (answer.status == 200 && goods.body_200 == answer.body),
               "a 200 never changes", id);
  std::string& known = answer.status == 200 ? goods.body_200 : goods.body_202;
  trace_.check(known.empty() || known == answer.body, "202 tells the same bytes while it is pending", id);
  known = answer.body;
}

void Tills::expect(const TillSale& sale, const Result<Answer>& heard, Errc error, std::string_view what) {
  if (sale.forgotten) return;
  if (heard || heard.error().code != error) {
    trace_.violated("what a till must not do is refused as it should be",
                    sale.transaction.str() + " " + std::string(what) + ": " + told_as(heard));
  }
}

void Tills::heard_final(TillSale& sale, const Answer& answer) {
  const std::string& id = sale.transaction.str();
  if (answer.status == 200) {
    trace_.check(sale.body_200.empty() || sale.body_200 == answer.body, "a 200 never changes", id);
    trace_.check(sale.body_400.empty(), "a refusal never changes", id);
    sale.body_200 = answer.body;
    return;
  }
  trace_.check(sale.body_200.empty(), "a 200 never changes", id + " " + std::to_string(answer.status));
  if (answer.status == 202) {
    trace_.check(sale.body_400.empty(), "a refusal never changes", id);
    std::string& known = sale.bodies_202[answer.body.find("\"status\":\"review\"") != std::string::npos];
    trace_.check(known.empty() || known == answer.body, "202 tells the same bytes while it is pending", id);
    known = answer.body;
    return;
  }
  trace_.check(answer.status == 400, "finalize is answered 200, 202 or 400", id);
  trace_.check(sale.bodies_202.empty() || sale.discarded, "a pending sale is refused only by a person", id);
  trace_.check(sale.body_400.empty() || sale.body_400 == answer.body, "a refusal never changes", id);
  sale.body_400 = answer.body;
}

bool Tills::is_expired(TillSale& sale) {
  StoreLife* life = store_of(sale).life();
  if (life == nullptr || store_of(sale).fate.dead()) return false;
  const auto session = life->sessions.find(sale.session);
  return session && *session && (*session)->status == Status::expired;
}

/// In the life of the daemon that opened it a session lapses by steady time; a new life trusts the wall
/// clock.
void Tills::check_lapse(TillSale& sale) {
  Store& store = store_of(sale);
  if (!is_expired(sale) || store.boots() != sale.opened_in) return;
  const Timeline::Duration slack = minutes{5} * static_cast<int>(store.clock_jumps);
  trace_.check(timeline_.now() - sale.opened_at + slack + seconds{1} >= scenario_.ttl,
               "no session expires before its time", sale.transaction.str());
}

// ---- calls

Task<Result<edge::session::Answer>> Tills::until_answered(Caller caller, Call call) {
  Millis pause = pause_first;
  while (true) {
    if (caller.sale.forgotten) co_return fail(Errc::cancelled);
    const bool twice = caller.twice && rng_.below(2) == 0;
    Heard heard = twice ? co_await both(caller, call) : co_await once(caller, call);
    if (caller.sale.forgotten) co_return fail(Errc::cancelled);
    trace_.note(caller.name, "hears", heard ? told_as(*heard) : "nothing");
    if (heard && (*heard || !is_for_later(heard->error().code))) {
      if (!*heard && is_our_fault(heard->error().code))
        trace_.violated("no till is told of a fault of ours", caller.name + " " + told_as(*heard));
      co_return std::move(*heard);
    }
    co_await world_.clock().sleep(pause);
    pause = std::min(pause_max, 2 * pause);
  }
}

/// The same call at the same time, as by an impatient finger.
Task<Tills::Heard> Tills::both(Caller caller, Call call) {
  const auto other = std::make_shared<Slot>();
  world_.spawn(aside(caller, call, other));
  Heard first = co_await once(caller, call);
  while (!other->over) co_await other->given.wait();
  const Heard& second = other->heard;
  if (first && second && *first && *second && (*first)->status == 200 && (*second)->status == 200 &&
      !caller.sale.forgotten)
    trace_.check((*first)->body == (*second)->body, "a 200 never changes", caller.name);
  const bool first_decides = first && (*first || !is_for_later(first->error().code));
  co_return first_decides ? std::move(first) : second;
}

Task<void> Tills::aside(Caller caller, Call call, std::shared_ptr<Slot> slot) {
  slot->heard = co_await once(std::move(caller), std::move(call));
  slot->give();
}

Task<Tills::Heard> Tills::once(Caller caller, Call call) {
  const Millis patience{4000 + static_cast<std::int64_t>(rng_.below(10'000))};
  const MonoTime give_up = world_.clock().mono_now() + patience;
  Store& store = *stores_[caller.store];
  if (lost()) {
    co_await world_.clock().sleep_until(give_up);
    co_return std::nullopt;
  }
  if (store.life() == nullptr || store.fate.dead() || !store.life()->serving()) co_return std::nullopt;
  caller.sale.touched_at = timeline_.now();
  const auto slot = std::make_shared<Slot>();
  store.life()->world->spawn(serve(*this, store, call(store.life()->flows), slot));
  (void)co_await net::with_deadline(world_.clock(), give_up, told(slot));
  if (lost()) {
    co_await world_.clock().sleep_until(give_up);
    co_return std::nullopt;
  }
  co_return slot->heard;
}

Task<void> Tills::serve(Tills& tills, Store& store, Task<Result<Answer>> call, std::shared_ptr<Slot> slot) {
  const Timeline::Duration began = tills.timeline_.now();
  // What has begun waits for room on the disk.
  const bool had_room = store.has_room();
  const std::size_t fills = store.fills;
  auto answer = co_await std::move(call);
  if (store.fate.dead()) co_return;
  const Timeline::Duration took = tills.timeline_.now() - began;
  const Timeline::Duration most = tills.scenario_.standin_deadline + wait_slack;
  tills.trace_.check(!tills.scenario_.standin || took <= most || !had_room || store.fills != fills,
                     "with a stand-in tills are answered in time", store.id().str());
  slot->heard = std::move(answer);
  slot->give();
}

Task<Result<void>> Tills::told(std::shared_ptr<Slot> slot) {
  co_await slot->given.wait();
  co_return Result<void>{};
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
    if (!sale.acknowledged() || sale.forgotten) continue;
    ++working_;
    world_.spawn(finished(finalize_again(sale)));
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
      co_await until_answered(till_of(sale), [id](edge::session::Flows& flows) { return flows.status(id); });
  trace_.check(heard.has_value(), "what was opened is there", sale.transaction.str());
  // A clock that was wrong when the session was opened, or when its daemon started, is trusted all the same.
  if (store_of(sale).clock_jumps == 0)
    trace_.check(is_expired(sale), "what is never finalized expires", sale.transaction.str());
}

}  // namespace perkline::simulation
