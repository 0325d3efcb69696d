#include "tests/simulation/chain_sim.hpp"

#include <algorithm>
#include <vector>

#include "hub/db/migrate.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/stores/stores.hpp"
#include "shared/core/assert.hpp"
#include "shared/net/deadline.hpp"

namespace perkline::simulation {
namespace {

using edge::session::Answer;
using edge::session::Life;

const StoreId store_id{"store-1"};
constexpr Millis till_patience{5000};
constexpr Millis till_pause{250};
constexpr Millis reboot{2000};
constexpr Millis run_max = hours{2};

/// Where a till finds the answer to its call, if the daemon lives to give one.
struct Slot {
  std::optional<Result<Answer>> answer;
  net::Signal given;
};

Task<void> answer_into(Task<Result<Answer>> call, std::shared_ptr<Slot> slot) {
  slot->answer = co_await std::move(call);
  slot->given.notify();
}

Task<Result<void>> given(std::shared_ptr<Slot> slot) {
  co_await slot->given.wait();
  co_return Result<void>{};
}

class Chain {
 public:
  explicit Chain(const ChainOptions& options)
      : options_(options),
        rng_(options.seed),
        tills_(outside_.time),
        hub_(outside_.time),
        hub_uuids_(hub_.clock(), rng_) {
    outside_.disk.sync_time = Millis{2};
    for (std::size_t i = 0; i < 10; ++i)
      outside_.pdi.add({.id = customer(i),
                        .name = "A Member",
                        .tier = i % 2 == 0 ? "Base" : "Gold",
                        .balance = Points{100}});
    outside_.pdi.otherwise([this](test::PdiCall) { return pdi_fault(); });
    database_ = std::move(hub::db::SqliteInline::open(":memory:").value());
    PERKLINE_ASSERT(test::run_task(hub_, hub::db::migrate(*database_, hub_.clock(), hub_uuids_)).has_value());
    PERKLINE_ASSERT(database_
                        ->write_now([&](hub::db::Transaction& t) {
                          return hub::stores::add(t, store_id, std::string(64, 'a'), outside_.time.wall);
                        })
                        .has_value());
    ingest_.emplace(*database_, hub_.clock(), rng_);
    boot();
    for (std::size_t i = 0; i < options.crashes; ++i)
      crash_steps_.push_back(200 + rng_.below(20 * options.sales));
    std::ranges::sort(crash_steps_);
  }

  ~Chain() {
    if (life_) power_off();
  }

  ChainOutcome run() {
    for (std::size_t i = 0; i < options_.tills; ++i) tills_.spawn(sell(*this, i));
    const MonoTime end = outside_.time.mono + run_max;
    while (!done() && outside_.time.mono < end && step()) {
    }
    outcome_.finished = done();
    look();
    return outcome_;
  }

 private:
  static CustomerId customer(std::size_t number) { return CustomerId("CUST-9000" + std::to_string(number)); }

  test::PdiFault pdi_fault() {
    return {.there = Millis{1 + static_cast<std::int64_t>(rng_.below(60))},
            .back = Millis{1 + static_cast<std::int64_t>(rng_.below(60))},
            .lose_request = rng_.unit() < options_.pdi_loss,
            .lose_answer = rng_.unit() < options_.pdi_loss};
  }

  void boot() {
    life_ = std::make_unique<Life>(
        outside_, edge::session::LifeOptions{
                      .quiet = Millis{3000}, .standin = {.enabled = options_.standin}, .breaker = true});
    link_ = std::make_unique<test::SimLink>(
        *life_->world, hub_, rng_, options_.line,
        [this](std::string frame) { return ingest_->handle(store_id, std::move(frame)); });
    uplink_ = std::make_unique<edge::uplink::Uplink>(
        *link_, *life_->outbox, life_->world->clock(),
        edge::uplink::UplinkOptions{
            .store = store_id, .boot_id = life_->uuids.next(), .status = [] { return sync::Status{}; }});
    life_->world->spawn(uplink_->run());
  }

  void power_off() {
    life_->crash(rng_.next());
    life_.reset();
    uplink_.reset();
    link_.reset();
  }

  /// One till's sales, each call repeated under the same ids until it is answered.
  static Task<void> sell(Chain& chain, std::size_t till) {
    for (std::size_t number = till; number < chain.options_.sales; number += chain.options_.tills) {
      edge::session::Till sale{
          .customer = customer(number % 10),
          .channel = ChannelId("POS-" + std::to_string(till)),
          .transaction = TransactionId("T-" + std::to_string(number)),
          .session = {},
          .amount = Money{static_cast<std::int64_t>(100 + number * 37), edge::session::usd()},
          .final_amount = Money{static_cast<std::int64_t>(100 + number * 37), edge::session::usd()},
          .redeem = std::nullopt};
      const auto identified = co_await chain.until_answered(
          [sale](Life& life) { return life.flows.identify(sale.identify_request()); });
      sale.session = edge::session::session_id_in(identified.body);
      co_await chain.until_answered(
          [sale](Life& life) { return life.flows.calculate_rewards(sale.calculate_request()); });
      const auto finalize = [sale](Life& life) {
        return life.flows.finalize(sale.finalize_request(), sale.traceparent);
      };
      const auto first = co_await chain.until_answered(finalize);
      const auto again = co_await chain.until_answered(finalize);
      ++chain.outcome_.acknowledged;
      if (again.body != first.body || !again.replayed) ++chain.outcome_.changed_answers;
      co_await chain.tills_.clock().sleep(Millis{static_cast<std::int64_t>(chain.rng_.below(500))});
    }
    ++chain.tills_done_;
  }

  Task<Answer> until_answered(std::function<Task<Result<Answer>>(Life&)> call) {
    while (true) {
      auto slot = std::make_shared<Slot>();
      if (life_) {
        life_->world->spawn(answer_into(call(*life_), slot));
        [[maybe_unused]] const auto waited = co_await net::with_deadline(
            tills_.clock(), tills_.clock().mono_now() + till_patience, given(slot));
        if (slot->answer && *slot->answer && (*slot->answer)->status == 200)
          co_return std::move(**slot->answer);
      }
      outcome_.last_obstacle = obstacle(slot->answer);
      co_await tills_.clock().sleep(till_pause);
    }
  }

  static std::string obstacle(const std::optional<Result<Answer>>& answer) {
    if (!answer) return "no answer";
    if (!*answer) return std::string(name_of(answer->error().code)) + ": " + answer->error().detail;
    return (*answer)->body;
  }

  bool done() {
    return tills_done_ == options_.tills && life_ && life_->queue.depth() == 0 &&
           life_->outbox->tail() == life_->outbox->acked() && life_->outbox->tail() >= options_.sales;
  }

  /// Runs what is ready, or moves time to whatever is next. False when nothing will ever happen again.
  bool step() {
    ++steps_;
    note(static_cast<std::uint64_t>(outside_.time.mono.time_since_epoch().count()));
    note(outcome_.acknowledged);
    if (!crash_steps_.empty() && steps_ >= crash_steps_.front() && life_) {
      crash_steps_.erase(crash_steps_.begin());
      ++outcome_.crashes;
      power_off();
      boot_at_ = outside_.time.mono + reboot;
    }
    bool ran = life_ && life_->world->run_ready();
    ran = hub_.run_ready() || ran;
    ran = tills_.run_ready() || ran;
    return ran || advance();
  }

  bool advance() {
    std::optional<MonoTime> next = boot_at_;
    const auto sooner = [&](std::optional<MonoTime> due) {
      if (due && (!next || *due < *next)) next = due;
    };
    if (life_) sooner(life_->world->next_due());
    sooner(hub_.next_due());
    sooner(tills_.next_due());
    if (!next) return false;
    if (*next > outside_.time.mono) {
      outside_.time.wall += std::chrono::duration_cast<Millis>(*next - outside_.time.mono);
      outside_.time.mono = *next;
    }
    outside_.pdi.run_until(outside_.time.mono);
    if (boot_at_ && *boot_at_ <= outside_.time.mono) {
      boot_at_.reset();
      boot();
    }
    if (life_) life_->world->wake_due();
    hub_.wake_due();
    tills_.wake_due();
    return true;
  }

  void note(std::uint64_t value) { outcome_.trace_hash = (outcome_.trace_hash ^ value) * 1099511628211ULL; }

  /// What PDI and the hub have come to.
  void look() {
    for (const auto& booking : outside_.pdi.ledger()) {
      ++outcome_.booked_at_pdi[booking.transaction.str()];
      outcome_.earned_at_pdi += booking.earned.count;
    }
    PERKLINE_ASSERT(database_
                        ->read_now([&](hub::db::Transaction& t) -> Result<void> {
                          const auto turnover = hub::stores::turnover(t);
                          if (!turnover) return std::unexpected(turnover.error());
                          outcome_.sales_at_hub = turnover->front().sales;
                          outcome_.earned_at_hub = turnover->front().earned;
                          const auto verified = hub::ledger::verify(t);
                          outcome_.ledger_sound = verified && verified->ok();
                          auto dead = t.query("SELECT COUNT(*) FROM dead_letter");
                          if (!dead) return std::unexpected(dead.error());
                          outcome_.dead_letters = dead->front().integer(0);
                          return {};
                        })
                        .has_value());
  }

  const ChainOptions& options_;
  SeededRng rng_;
  edge::session::Outside outside_;
  test::SimWorld tills_;
  test::SimWorld hub_;
  UuidMaker hub_uuids_;
  std::unique_ptr<hub::db::SqliteInline> database_;
  std::optional<hub::ingest::Ingest> ingest_;
  std::unique_ptr<Life> life_;
  std::unique_ptr<test::SimLink> link_;
  std::unique_ptr<edge::uplink::Uplink> uplink_;
  std::vector<std::uint64_t> crash_steps_;
  std::optional<MonoTime> boot_at_;
  std::uint64_t steps_ = 0;
  std::size_t tills_done_ = 0;
  ChainOutcome outcome_;
};

}  // namespace

ChainOutcome run_chain(const ChainOptions& options) {
  return Chain(options).run();
}

}  // namespace perkline::simulation
