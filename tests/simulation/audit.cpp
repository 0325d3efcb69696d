#include "tests/simulation/audit.hpp"

#include <map>
#include <optional>
#include <set>

#include "hub/ledger/history.hpp"
#include "hub/stores/stores.hpp"
#include "shared/core/assert.hpp"
#include "shared/json/value.hpp"
#include "shared/loyalty/returns.hpp"

namespace perkline::simulation {
namespace {

using edge::session::Session;
using edge::session::Status;
using pdi::sandbox::Booking;

/// A sale as the hub has it.
struct HubSale {
  TransactionId transaction;
  StoreId store;
  std::string state;
  std::int64_t earned = 0;
  std::int64_t redeemed = 0;
  std::optional<std::int64_t> provisional_redeemed;
  std::int64_t returned = 0;
  loyalty::ReturnPoints points = {};
};

std::optional<std::int64_t> number_in(const std::string& body, std::string_view name) {
  const auto document = json::parse(body);
  const json::Value* value = document ? document->root().find(name) : nullptr;
  if (value == nullptr) return std::nullopt;
  return std::stoll(std::string(value->text()));
}

class Auditor {
 public:
  explicit Auditor(Books books) : books_(books) {}

  void run() {
    for (const Booking& booking : books_.provider.books().ledger())
      at_pdi_.emplace(booking.transaction, &booking);
    PERKLINE_ASSERT(books_.hub.database()
                        .read_now([this](hub::db::Transaction& transaction) -> Result<void> {
                          if (auto read = read_sales(transaction); !read) return read;
                          for (const TillSale& sale : books_.sales) look_at(sale);
                          if (auto read = look_at_ledger(transaction); !read) return read;
                          return look_at_stores(transaction);
                        })
                        .has_value());
    books_.figures.booked += at_pdi_.size();
    look_at_redemptions();
  }

 private:
  void check(bool holds, std::string_view invariant, std::string_view detail) {
    books_.trace.check(holds, invariant, detail);
  }

  Result<void> read_sales(hub::db::Transaction& transaction) {
    auto rows = transaction.query(
        "SELECT session_id, state, earned, redeemed, provisional_redeemed, returned, clawed_back, restored,"
        " transaction_id, store_id FROM sale");
    if (!rows) return failure(rows);
    for (const hub::db::Row& row : *rows) {
      at_hub_.emplace(SessionId(row.text(0)), HubSale{.transaction = TransactionId(row.text(8)),
                                                      .store = StoreId(row.text(9)),
                                                      .state = row.text(1),
                                                      .earned = row.integer(2),
                                                      .redeemed = row.integer(3),
                                                      .provisional_redeemed = row.optional_integer(4),
                                                      .returned = row.integer(5),
                                                      .points = {row.integer(6), row.integer(7)}});
    }
    return {};
  }

  std::optional<Session> session_of(const TillSale& sale) {
    return books_.stores[sale.plan.store]->life()->session_named(sale.transaction);
  }

  /// Of a sale that its store has forgotten, or a clone took along: it has no effect twice, and the hub has
  /// no figures but PDI's.
  void look_at_forgotten(const TillSale& sale) {
    const std::string& id = sale.transaction.str();
    ++books_.figures.forgotten;
    const auto booked = at_pdi_.find(sale.transaction);
    std::size_t rows = 0;
    for (const auto& [session, at_hub] : at_hub_) {
      if (at_hub.transaction != sale.transaction) continue;
      ++rows;
      forgotten_.push_back({&sale, &at_hub});
      if (at_hub.state != "finalized") continue;
      check(booked != at_pdi_.end() && at_hub.earned == booked->second->earned.count &&
                at_hub.redeemed == booked->second->redeemed.count,
            "the hub's points are PDI's", id);
    }
    check(rows <= 1, "a forgotten sale is at the hub at most once", id);
  }

  void look_at(const TillSale& sale) {
    if (sale.forgotten) return look_at_forgotten(sale);
    const std::string& id = sale.transaction.str();
    const auto session = session_of(sale);
    const auto booked = at_pdi_.find(sale.transaction);
    const Booking* booking = booked == at_pdi_.end() ? nullptr : booked->second;
    count(sale, session);
    if (!session) {
      check(sale.identify_body.empty() && booking == nullptr, "no acknowledged session is missing", id);
      return;
    }
    const auto hub = at_hub_.find(session->id);
    const HubSale* at_hub = hub == at_hub_.end() ? nullptr : &hub->second;
    if (session->status == Status::finalized) return look_at_booked(sale, *session, booking, at_hub);
    check(booking == nullptr, "PDI has booked only what is finalized",
          id + " is " + std::string(name_of(session->status)));
    check(!sale.acknowledged() || sale.discarded, "no acknowledged sale is missing",
          id + " is " + std::string(name_of(session->status)));
    if (sale.discarded) {
      check(session->status == Status::failed && at_hub != nullptr && at_hub->state == "rejected",
            "what a person has closed is rejected at the hub", id);
      check(at_hub == nullptr || at_hub->points == loyalty::ReturnPoints{},
            "returns of what was never booked take and give nothing", id);
    } else {
      check(at_hub == nullptr, "the hub knows no sale that is none", id);
    }
    const bool over = session->status == Status::failed || session->status == Status::voided ||
                      session->status == Status::expired;
    // One whose till never heard of it was never asked for again, and a wrong clock may outlast the run.
    check(over || sale.session.empty() || books_.stores[sale.plan.store]->clock_jumps > 0,
          "every session comes to an end", id + " is " + std::string(name_of(session->status)));
  }

  void look_at_booked(const TillSale& sale, const Session& session, const Booking* booking,
                      const HubSale* at_hub) {
    const std::string& id = sale.transaction.str();
    check(sale.asked.has_value() && !sale.body_200.empty(), "a sale's last word to its till is 200", id);
    check(booking != nullptr, "what is finalized is booked at PDI", id);
    check(at_hub != nullptr && at_hub->state == "finalized", "no sale is missing at the hub", id);
    if (booking == nullptr || at_hub == nullptr || sale.body_200.empty()) return;
    const std::int64_t earned = booking->earned.count;
    const std::int64_t redeemed = booking->redeemed.count;
    check(session.earned.count == earned && session.redeemed.count == redeemed,
          "the store's points are PDI's", id);
    check(at_hub->earned == earned && at_hub->redeemed == redeemed, "the hub's points are PDI's", id);
    check(number_in(sale.body_200, "earnedPoints") == earned &&
              number_in(sale.body_200, "redeemedPoints") == redeemed,
          "the till's points are PDI's", id);
    check(booking->customer == sale.plan.customer && sale.asked->redeem.value_or(Points{}).count == redeemed,
          "PDI has booked what the till asked", id);
    look_at_returns(sale, session, *at_hub);
  }

  /// What came back of a sale, by the one rule, at both ends.
  void look_at_returns(const TillSale& sale, const Session& session, const HubSale& at_hub) {
    const std::string& id = sale.transaction.str();
    const loyalty::SoldFor sold{.amount = sale.asked->final_amount.minor,
                                .earned = session.earned.count,
                                .redeemed = session.redeemed.count};
    std::int64_t all = 0;
    std::int64_t own = 0;
    for (const TillReturn& goods : sale.returns) {
      all += goods.minor;
      if (goods.store != sale.plan.store) continue;
      own += goods.minor;
      check(!goods.body_200.empty(), "a return's last word to its till is 200", goods.transaction.str());
    }
    check(
        at_hub.returned == all && at_hub.points == loyalty::return_points(sold, {.before = 0, .amount = all}),
        "what came back is what the rule says, at the hub", id);
    loyalty::ReturnPoints at_store;
    for (const edge::session::Return& goods : session.returns) {
      at_store.clawed_back += goods.points.value_or(loyalty::ReturnPoints{}).clawed_back;
      at_store.restored += goods.points.value_or(loyalty::ReturnPoints{}).restored;
    }
    check(at_store == loyalty::return_points(sold, {.before = 0, .amount = own}),
          "what came back is what the rule says, at the store", id);
  }

  void count(const TillSale& sale, const std::optional<Session>& session) {
    Figures& figures = books_.figures;
    if (sale.acknowledged()) ++figures.acknowledged;
    if (!sale.bodies_202.empty()) ++figures.pending;
    figures.returns += sale.returns.size();
    if (!session || !sale.body_400.empty()) ++figures.refused;
    if (session && session->status == Status::expired) ++figures.expired;
    if (session && session->status == Status::voided) ++figures.voided;
  }

  /// What each member's rewards came to, by PDI's ledger, less what stores bear themselves.
  Result<void> look_at_ledger(hub::db::Transaction& transaction) {
    auto verified = hub::ledger::verify(transaction);
    if (!verified) return failure(verified);
    check(verified->ok(), "the ledger's balances are the sums of their entries",
          verified->ok() ? "" : verified->mismatches.front());
    std::map<CustomerId, std::int64_t> members;
    for (const auto& [id, booking] : at_pdi_)
      members[booking->customer] += booking->earned.count - booking->redeemed.count;
    const std::set<CustomerId> left_pending = take_forgotten_into(members);
    for (const TillSale& sale : books_.sales) {
      if (sale.forgotten) continue;
      const auto hub = at_hub_.find(sale.session);
      if (hub == at_hub_.end()) continue;
      std::int64_t& net = members[sale.plan.customer];
      if (sale.discarded) net -= hub->second.provisional_redeemed.value_or(0);
      net += hub->second.points.restored - hub->second.points.clawed_back;
    }
    for (const auto& [member, net] : members) {
      if (left_pending.contains(member)) continue;
      const auto balance = hub::ledger::balance_of(transaction, hub::ledger::rewards_of(member));
      if (!balance) return std::unexpected(balance.error());
      check(*balance == net, "a member's rewards are what PDI has booked",
            member.str() + ": " + std::to_string(*balance) + " for " + std::to_string(net));
      const auto pending = hub::ledger::pending_of(transaction, hub::ledger::rewards_of(member));
      if (!pending) return std::unexpected(pending.error());
      check(*pending == 0, "nothing is pending at rest", member.str());
    }
    return {};
  }

  /// PDI's bookings that the hub has never heard of count for nothing there. Whose sale waits at the hub for
  /// an end that nobody knows any more.
  std::set<CustomerId> take_forgotten_into(std::map<CustomerId, std::int64_t>& members) {
    for (const TillSale& sale : books_.sales) {
      const auto booked = sale.forgotten ? at_pdi_.find(sale.transaction) : at_pdi_.end();
      if (booked != at_pdi_.end())
        members[sale.plan.customer] -= booked->second->earned.count - booked->second->redeemed.count;
    }
    std::set<CustomerId> left_pending;
    for (const auto& [sale, at_hub] : forgotten_) {
      std::int64_t& net = members[sale->plan.customer];
      if (at_hub->state == "finalized") net += at_hub->earned - at_hub->redeemed;
      if (at_hub->state == "rejected") net -= at_hub->provisional_redeemed.value_or(0);
      if (at_hub->state == "pending") left_pending.insert(sale->plan.customer);
    }
    return left_pending;
  }

  Result<void> look_at_stores(hub::db::Transaction& transaction) {
    auto dead = transaction.query("SELECT store_id, sequence, reason FROM dead_letter LIMIT 1");
    if (!dead) return failure(dead);
    check(dead->empty(), "no event becomes a dead letter",
          dead->empty() ? ""
                        : dead->front().text(0) + " at " + std::to_string(dead->front().integer(1)) + ": " +
                              dead->front().text(2));
    auto waiting = transaction.query("SELECT COUNT(*) FROM sale_return WHERE state = 'waiting'");
    if (!waiting) return failure(waiting);
    check(waiting->front().integer(0) == 0, "no return waits at rest", "");
    const auto known = hub::stores::list(transaction, "", 100);
    if (!known) return std::unexpected(known.error());
    for (const auto& store : books_.stores) {
      if (store->is_clone()) continue;
      const edge::journal::Outbox& outbox = *store->life()->outbox;
      for (const hub::stores::Store& at_hub : *known) {
        if (at_hub.id != store->id()) continue;
        check(at_hub.cursor.epoch == outbox.epoch(), "store and hub are in one epoch", store->id().str());
        check(at_hub.cursor.sequence == outbox.tail() && at_hub.cursor.hash == outbox.tail_hash(),
              "the hub has each store's whole history", store->id().str());
      }
    }
    return look_at_turnover(transaction);
  }

  Result<void> look_at_turnover(hub::db::Transaction& transaction) {
    const auto turnover = hub::stores::turnover(transaction);
    if (!turnover) return std::unexpected(turnover.error());
    for (const hub::stores::Turnover& told : *turnover) {
      hub::stores::Turnover own;
      for (const auto& [sale, at_hub] : forgotten_) {
        if (at_hub->store != told.store) continue;
        own.pending.sales += at_hub->state == "pending" ? 1 : 0;
        if (at_hub->state != "finalized") continue;
        ++own.sales;
        own.earned += at_hub->earned;
        own.redeemed += at_hub->redeemed;
      }
      for (const TillSale& sale : books_.sales) {
        if (books_.stores[sale.plan.store]->id() != told.store || sale.forgotten) continue;
        const auto booked = at_pdi_.find(sale.transaction);
        if (booked == at_pdi_.end()) continue;
        ++own.sales;
        own.earned += booked->second->earned.count;
        own.redeemed += booked->second->redeemed.count;
      }
      check(told.sales == own.sales && told.earned == own.earned && told.redeemed == own.redeemed &&
                told.pending.sales == own.pending.sales,
            "a store's turnover at the hub is PDI's", told.store.str());
    }
    return {};
  }

  /// Limits are by the store's own days, which a clock that jumps does not have.
  void look_at_redemptions() {
    for (const auto& store : books_.stores) {
      if (store->clock_jumps > 0 || store->restores > 0) continue;
      for (const auto& [day, points] : store->redemptions.days()) {
        const std::int64_t most = day.member.empty() ? books_.scenario.store_day : books_.scenario.member_day;
        check(points <= most, "no more is redeemed offline than the limits allow",
              store->id().str() + " " + day.member + ": " + std::to_string(points));
      }
    }
  }

  Books books_;
  std::map<TransactionId, const Booking*> at_pdi_;
  std::map<SessionId, HubSale> at_hub_;
  struct Forgotten {
    const TillSale* sale;
    const HubSale* at_hub;
  };
  std::vector<Forgotten> forgotten_;
};

}  // namespace

void audit(Books books) {
  Auditor(books).run();
  audit_programme(books);
}

}  // namespace perkline::simulation
