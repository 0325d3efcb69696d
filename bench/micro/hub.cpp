// What the hub's hot paths cost beside the network and the disk.
#include <benchmark/benchmark.h>

#include "hub/db/migrate.hpp"
#include "hub/db/sqlite_inline.hpp"
#include "hub/identity/tokens.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/run_task.hpp"
#include "shared/core/assert.hpp"
#include "shared/loyalty/wheel.hpp"

namespace perkline::bench {
namespace {

using namespace hub;

constexpr std::int64_t members = 1'000;

/// Transfers from a system account to members in turn.
std::vector<ledger::Transfer> transfers_of(UuidMaker& ids, WallTime now, std::int64_t count) {
  std::vector<ledger::Transfer> transfers;
  const std::string unit(ledger::rewards_unit);
  for (std::int64_t i = 0; i < count; ++i) {
    const Uuid id = ids.next();
    transfers.push_back({.id = id,
                         .external_id = "sale:" + id.str(),
                         .debit = ledger::system_account("issued", unit),
                         .credit = ledger::rewards_of(CustomerId("CUST-" + std::to_string(i * 37 % members))),
                         .amount = 30,
                         .code = "sale.earned",
                         .created_at = now});
  }
  return transfers;
}

/// SQLite in memory: statements and their rows, no file.
void ledger_batch(benchmark::State& state) {
  SystemClock clock;
  SystemRng rng;
  UuidMaker ids(clock, rng);
  net::Reactor reactor;
  auto database = db::SqliteInline::open(":memory:");
  PERKLINE_ASSERT(database.has_value());
  PERKLINE_ASSERT(run_task(reactor, db::migrate(**database, clock, ids)).has_value());
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    const auto transfers = transfers_of(ids, clock.wall_now(), state.range(0));
    state.ResumeTiming();
    const auto posted = (*database)->write_now(
        [&transfers](db::Transaction& transaction) { return ledger::post_all(transaction, transfers); });
    PERKLINE_ASSERT(posted.has_value());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ledger_batch)->Arg(1)->Arg(256)->Unit(benchmark::kMicrosecond);

void wheel_draw(benchmark::State& state) {
  std::vector<loyalty::Prize> prizes;
  for (char id = 'a'; id < 'g'; ++id) prizes.push_back({.id = std::string(8, id), .tickets = 10'000});
  const loyalty::PrizeTable table = loyalty::table_of(prizes);
  loyalty::ServerSeed seed;
  loyalty::Draw draw{.member = "0190163d-8694-739b-aea5-966c26f8ad91", .client_seed = "mine", .nonce = 0};
  for ([[maybe_unused]] auto _ : state) {
    ++draw.nonce;
    benchmark::DoNotOptimize(loyalty::draw_prize(seed, draw, table));
  }
}
BENCHMARK(wheel_draw);

/// `cached_max` 0: the signature is worked out for each call.
void check_token(benchmark::State& state, std::size_t cached_max) {
  SystemClock clock;
  SystemRng rng;
  identity::Tokens tokens({{identity::Es256Key::generate(), clock.wall_now()}},
                          {.terms = {.issuer = "perkline"}, .ttl = hours{1}, .cached_max = cached_max}, clock,
                          rng);
  identity::User user;
  user.id = UserId("0190163d-8694-739b-aea5-966c26f8ad91");
  const std::string token = tokens.issue(user);
  for ([[maybe_unused]] auto _ : state) {
    auto claims = tokens.verify(token);
    PERKLINE_ASSERT(claims.has_value());
    benchmark::DoNotOptimize(claims);
  }
}
BENCHMARK_CAPTURE(check_token, first_call, 0)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(check_token, known, 100)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace perkline::bench
