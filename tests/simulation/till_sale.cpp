#include "shared/json/value.hpp"
#include "tests/simulation/tills.hpp"

namespace perkline::simulation {
namespace {

using edge::session::Status;

Money usd(std::int64_t minor) {
  return {minor, *find_currency("USD")};
}

std::string session_in(const std::string& body) {
  const auto document = json::parse(body);
  if (!document) return {};
  const json::Value* id = document->root().find("sessionId");
  return id == nullptr ? std::string() : std::string(id->text());
}

}  // namespace

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
  co_await enjoy(sale);
  if (sale.forgotten) co_return;
  if (sale.plan.meddles) co_await meddle(sale);
  co_await take_back(sale);
}

Task<bool> Tills::identify(TillSale& sale) {
  const Plan& plan = sale.plan;
  const Call call = [&sale](StoreLife& life) {
    return life.flows.identify({sale.plan.customer, sale.plan.channel, sale.transaction});
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
    const Call call = [request](StoreLife& life) { return life.flows.calculate_rewards(request); };
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
        till_of(sale), [request](StoreLife& life) { return life.flows.finalize(request, {}); });
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
      till_of(sale), [request](StoreLife& life) { return life.flows.finalize(request, {}); });
  if (sale.forgotten) co_return;
  if (heard) co_return heard_final(sale, *heard);
  trace_.violated("an acknowledged sale is never denied", sale.transaction.str() + " " + told_as(heard));
}

Task<void> Tills::give_up(TillSale& sale) {
  const edge::session::VoidRequest request{sale.session, "the customer has left"};
  const auto heard = co_await until_answered(
      till_of(sale), [request](StoreLife& life) { return life.flows.void_session(request); });
  if (sale.forgotten) co_return;
  sale.voided = heard.has_value();
  if (!heard) {
    expect(sale, heard, Errc::session_state, "void");
    co_return check_lapse(sale);
  }
  const edge::session::FinalizeRequest late{sale.session, sale.transaction, {.final_amount = usd(100)}};
  expect(sale,
         co_await until_answered(till_of(sale),
                                 [late](StoreLife& life) { return life.flows.finalize(late, {}); }),
         Errc::session_state, "finalize after void");
}

/// What a till must not be able to do once it was told of the sale.
Task<void> Tills::meddle(TillSale& sale) {
  edge::session::FinalizeRequest other{sale.session, sale.transaction, *sale.asked};
  other.sale.final_amount.minor += 1;
  expect(sale,
         co_await until_answered(till_of(sale),
                                 [other](StoreLife& life) { return life.flows.finalize(other, {}); }),
         Errc::transaction_reused, "another finalize");
  const edge::session::IdentifyRequest somebody{CustomerId("CUST-12345"), sale.plan.channel,
                                                sale.transaction};
  expect(sale,
         co_await until_answered(till_of(sale),
                                 [somebody](StoreLife& life) { return life.flows.identify(somebody); }),
         Errc::transaction_reused, "another identify");
  const edge::session::VoidRequest late{sale.session, "too late"};
  expect(sale,
         co_await until_answered(till_of(sale),
                                 [late](StoreLife& life) { return life.flows.void_session(late); }),
         Errc::session_state, "void after finalize");
}

Task<Result<edge::session::Answer>> Tills::return_goods(TillSale& sale, const TillReturn& goods) {
  edge::session::ReturnRequest request{
      .original_transaction = sale.transaction, .transaction = goods.transaction, .amount = usd(goods.minor)};
  if (goods.store != sale.plan.store) request.original_store = store_of(sale).id();
  return until_answered({goods.store, goods.transaction.str(), sale.plan.twice, sale},
                        [request](StoreLife& life) { return life.flows.return_goods(request, {}); });
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

}  // namespace perkline::simulation
