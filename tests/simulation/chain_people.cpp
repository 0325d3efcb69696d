#include <algorithm>
#include <set>

#include "hub/stores/stores.hpp"
#include "shared/core/assert.hpp"
#include "tests/simulation/chain.hpp"

namespace perkline::simulation {
namespace {

using edge::session::Status;

constexpr std::string_view operator_name = "the simulation";

Task<void> into(Task<Result<void>> work, std::shared_ptr<std::size_t> waiting) {
  (void)co_await std::move(work);
  --*waiting;
}

}  // namespace

/// Somebody who reads the alarms does what hub/README.md says about them.
void Chain::look_after_stores() {
  time_.after(look_every, [this] { look_after_stores(); });
  for (const auto& store : stores_) {
    if (!store->is_clone() && operator_rng_.below(2) == 0) look_after(*store);
  }
}

void Chain::look_after(Store& store) {
  std::optional<hub::stores::Store> at_hub;
  PERKLINE_ASSERT(hub_.database()
                      .read_now([&](hub::db::Transaction& transaction) -> Result<void> {
                        auto found = hub::stores::find(transaction, store.id());
                        if (!found) return failure(found);
                        at_hub = std::move(*found);
                        return {};
                      })
                      .has_value());
  const bool cloned = scenario_.clones > 0 && at_hub->fork && at_hub->fork->reason == hub::stores::cloned;
  if (cloned) stop_clones();
  StoreLife* life = store.life();
  if (life == nullptr || store.fate.dead() || !life->serving()) return;
  if (life->uplink.standing().kind != edge::uplink::Standing::Kind::stopped) return;
  // Which of the two is the right one has been found out by now.
  if (scenario_.clones > 0) stop_clones();
  std::uint64_t epoch = at_hub->cursor.epoch;
  if (epoch <= life->outbox->epoch()) {
    PERKLINE_ASSERT(
        hub_.database()
            .write_now([&](hub::db::Transaction& transaction) -> Result<void> {
              auto begun = hub::stores::begin_epoch(
                  transaction, store.id(),
                  {.by = std::string(operator_name), .reason = "restored", .now = hub_.time.wall});
              if (!begun) return failure(begun);
              epoch = begun->store.cursor.epoch;
              return {};
            })
            .has_value());
    ++figures_.epochs;
    trace_.note(store.name(), "is granted an epoch", std::to_string(epoch));
  }
  life->world->spawn(adopt(*life, epoch));
}

/// Where that fails it is tried again at the next look.
Task<void> Chain::adopt(StoreLife& life, std::uint64_t epoch) {
  if (!co_await life.uplink.adopt(epoch)) co_return;
  PERKLINE_ASSERT((co_await life.programme.renew_holder()).has_value());
  life.uplink.tell_status();
}

std::vector<SessionId> Chain::reviews(Store& store) {
  if (store.is_clone()) return {};
  const auto page = store.life()->sessions.reviews("", 10'000);
  PERKLINE_ASSERT(page.has_value());
  return page->ids;
}

template <class Decide>
void Chain::decide_all(Decide decide) {
  const auto waiting = std::make_shared<std::size_t>(0);
  for (const auto& store : stores_) {
    for (const SessionId& id : reviews(*store)) {
      ++*waiting;
      store->life()->world->spawn(into(decide(*store, id), waiting));
    }
  }
  (void)run_until([waiting] { return *waiting == 0; }, time_.now() + minutes{1});
}

/// A sale is left to a person only for a reason that calls for one; then every one is tried again, and
/// closed if PDI still says no. What came out of a backup may have been settled since: PDI's own people are
/// asked first.
void Chain::let_people_decide() {
  if (!trace_.violations().empty()) return;
  std::set<SessionId> settled_since;
  for (const auto& store : stores_) {
    for (const SessionId& id : reviews(*store)) {
      const auto session = store->life()->sessions.find(id);
      PERKLINE_ASSERT(session && *session);
      ++figures_.reviews;
      if (store->restores > 0 && provider_.has_booked((*session)->transaction)) settled_since.insert(id);
      trace_.check(
          store->restores > 0 || provider_.has_refused((*session)->transaction) || (*session)->attempts > 5,
          "a sale goes to a person only if PDI has refused it or never booked it",
          (*session)->transaction.str() + ": " + (*session)->reason);
    }
  }
  for (TillSale& sale : tills_.sales())
    sale.forgotten = sale.forgotten || settled_since.contains(sale.session);
  decide_all([&](Store& store, const SessionId& id) {
    return settled_since.contains(id)
               ? store.life()->queue.discard(id, "PDI has booked it", std::string(operator_name))
               : store.life()->queue.retry(id, std::string(operator_name));
  });
  settle("after people have tried again");
  tills_.ask_again();
  settle("after every till has asked again");
  if (!trace_.violations().empty()) return;
  for (TillSale& sale : tills_.sales()) {
    if (stores_[sale.plan.store]->is_clone()) continue;
    const auto session = stores_[sale.plan.store]->life()->sessions.find(sale.session);
    sale.discarded = session && *session && (*session)->status == Status::review;
    if (sale.discarded) ++figures_.discarded;
  }
  decide_all([](Store& store, const SessionId& id) {
    return store.life()->queue.discard(id, "PDI does not want it", std::string(operator_name));
  });
  settle("after people have closed what is left");
}

}  // namespace perkline::simulation
