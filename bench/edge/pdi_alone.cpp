#include "bench/edge/pdi_alone.hpp"

#include <fmt/format.h>

#include "bench/edge/till_turn.hpp"
#include "bench/measure/process.hpp"
#include "pdi_client/pdi_http.hpp"
#include "shared/net/async_clock.hpp"

namespace perkline::bench {
namespace {

constexpr Millis patience{10'000};
constexpr int members = 100;  ///< Of the sandbox's, as the tills sell to.

/// Sales until `end`; those count that began at `begin` or later.
struct Sales {
  net::AsyncClock& clock;
  pdi::Pdi& pdi;
  MonoTime begin;
  MonoTime end;
  std::string run;
  std::uint64_t begun = 0;
  std::uint64_t sold = 0;
  std::string complaint = {};

  MonoTime deadline() const { return clock.mono_now() + patience; }

  Task<void> sell() {
    const MonoTime now = clock.mono_now();
    const std::uint64_t number = ++begun;
    const TransactionId transaction(fmt::format("{}-{}", run, number));
    const auto known =
        co_await pdi.identify({.customer = CustomerId(fmt::format("CUST-{:05}", number % members + 1)),
                               .channel = ChannelId("POS-001"),
                               .transaction = transaction},
                              deadline());
    if (!known) co_return complain("identify", known.error());
    const Money amount{15'000, *find_currency("USD")};
    const auto rewards = co_await pdi.calculate(
        {.session = known->session,
         .transaction_amount = amount,
         .items = {{.sku = "SKU-001", .quantity = {2000}, .unit_price = std::nullopt, .category = ""}}},
        deadline());
    if (!rewards) co_return complain("calculateRewards", rewards.error());
    const auto done = co_await pdi.finalize({.session = known->session,
                                             .transaction = transaction,
                                             .final_amount = amount,
                                             .redeem = std::nullopt},
                                            deadline());
    if (!done) co_return complain("finalize", done.error());
    if (now >= begin) ++sold;
  }

  void complain(std::string_view call, const pdi::Failure& failed) {
    complaint = fmt::format("PDI alone: {}: {}", call, failed.error.detail);
  }
};

Task<void> sell_on(Sales& sales, net::Reactor& reactor, std::size_t& under_way) {
  while (sales.complaint.empty() && sales.clock.mono_now() < sales.end) co_await sales.sell();
  if (--under_way == 0) reactor.stop();
}

/// What the sandbox has used by the time that the warm-up is over.
Task<void> note_use(const Sales& sales, pid_t sandbox, std::chrono::nanoseconds& used) {
  co_await sales.clock.sleep_until(sales.begin);
  if (const auto use = use_of(sandbox); use) used = use->cpu;
}

}  // namespace

Result<Figures> run_pdi_alone(const LoneStore& store, std::size_t places, const MeasureOptions& options) {
  const OnCore on(store.cores().server);
  net::Reactor reactor;
  auto pdi = pdi::PdiHttp::make(reactor, {.url = store.sandbox_url(),
                                          .token_url = store.sandbox_url() + "/oauth/token",
                                          .client_id = "perkline",
                                          .client_secret = store.client_secret(),
                                          .ca_file = store.sandbox_ca().string()});
  if (!pdi) return failure(pdi);
  const MonoTime begin = reactor.clock().mono_now() + options.warm_up;
  Sales sales{.clock = reactor.clock(),
              .pdi = **pdi,
              .begin = begin,
              .end = begin + options.time,
              .run = next_run_name()};
  std::size_t under_way = places;
  for (std::size_t i = 0; i < places; ++i) reactor.spawn(sell_on(sales, reactor, under_way));
  std::chrono::nanoseconds before{};
  reactor.spawn(note_use(sales, store.sandbox_pid(), before));
  reactor.run();
  if (!sales.complaint.empty()) return fail(Errc::io_failed, sales.complaint);
  const auto use = use_of(store.sandbox_pid());
  if (!use) return std::unexpected(use.error());
  return Figures{.operations = sales.sold,
                 .seconds = std::chrono::duration<double>(reactor.clock().mono_now() - begin).count(),
                 .load_cpu_seconds = std::chrono::duration<double>(use->cpu - before).count()};
}

}  // namespace perkline::bench
