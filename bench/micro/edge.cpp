// What a till's call costs beside the network, the disk and PDI.
#include <benchmark/benchmark.h>

#include "edge/api/requests.hpp"
#include "edge/session/answers.hpp"
#include "edge/session/session_record.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/random.hpp"
#include "shared/loyalty/rewards.hpp"
#include "shared/sync/event.hpp"
#include "shared/sync/frame.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::bench {
namespace {

namespace session = edge::session;

constexpr int items_in_basket = 5;
constexpr std::size_t events_in_batch = 256;

Currency usd() {
  return find_currency("USD").value();
}

std::string calculate_body() {
  std::string items;
  for (int i = 0; i < items_in_basket; ++i) {
    items += i == 0 ? "" : ",";
    items +=
        R"({"sku":"SKU-0000)" + std::to_string(i) + R"(","qty":2,"unitPrice":"15.00","category":"food"})";
  }
  return R"({"sessionId":"sess_0190163d-8694-739b-aea5-966c26f8ad91","transactionAmount":"150.00","items":[)" +
         items + "]}";
}

/// One that was priced and is about to be finalized.
session::Session priced() {
  session::Session made{.currency = usd()};
  made.id = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91");
  made.store = StoreId("store-1");
  made.customer = CustomerId("CUST-12345");
  made.channel = ChannelId("POS-001");
  made.transaction = TransactionId("TXN-67890");
  made.provider_session = ProviderSessionId("sess_abc123");
  made.status = session::Status::calculated;
  made.customer_name = "John Doe";
  made.current_points = Points{5000};
  made.tier = "Gold";
  auto asked = edge::api::parse_calculate(calculate_body(), made.currency);
  PERKLINE_ASSERT(asked.has_value());
  made.basket = std::move(asked->basket);
  made.earned = Points{450};
  made.created_at = parse_time("2026-03-01T12:30:00.250Z").value();
  made.expires_at = made.created_at + hours{24};
  made.identify_answer = {.status = 200, .body = session::render_identified(made)};
  made.calculate_answer = session::Answer{.status = 200, .body = session::render_status(made)};
  return made;
}

sync::Batch batch_of_sales() {
  const StoreId store("store-1");
  SystemClock clock;
  SystemRng rng;
  UuidMaker ids(clock, rng);
  sync::Batch batch{
      .epoch = 1, .first_sequence = 1, .previous_hash = sync::chain_start(store, 1), .events = {}};
  batch.hash = batch.previous_hash;
  for (std::size_t i = 0; i < events_in_batch; ++i) {
    const std::string number = std::to_string(1'000'000 + i);
    batch.events.push_back(
        sync::encode({.store = store,
                      .epoch = 1,
                      .sequence = i + 1,
                      .id = ids.next(),
                      .time = WallTime{Millis{1'760'000'000'000}},
                      .traceparent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
                      .payload = sync::SaleFinalized{.session = ids.next_session_id(),
                                                     .transaction = TransactionId("T-" + number),
                                                     .customer = CustomerId("CUST-" + number),
                                                     .channel = ChannelId("POS-1"),
                                                     .amount = Money{1'500, usd()},
                                                     .earned = Points{30},
                                                     .redeemed = Points{0},
                                                     .new_balance = Points{5'030},
                                                     .tier = "Gold",
                                                     .receipt = ReceiptId("RCP-" + number),
                                                     .rules_version = "",
                                                     .finalized_at = WallTime{Millis{1'760'000'000'000}}}}));
    batch.hash = sync::chain_next(batch.hash, batch.events.back());
  }
  return batch;
}

void session_step(benchmark::State& state) {
  const session::Session before = priced();
  for ([[maybe_unused]] auto _ : state) {
    auto after = session::take_step(before, session::Step::finalize);
    benchmark::DoNotOptimize(after);
  }
}
BENCHMARK(session_step);

void rewards_of_a_sale(benchmark::State& state) {
  const loyalty::Line lines[] = {{"food", 7'500}, {"toys", 2'500}};
  const loyalty::Sale sale{.amount = {15'000, usd()}, .tier = "Gold", .lines = lines, .day = {}};
  for ([[maybe_unused]] auto _ : state) {
    auto rewards = loyalty::price(loyalty::default_rules(), sale);
    benchmark::DoNotOptimize(rewards);
  }
}
BENCHMARK(rewards_of_a_sale);

void json_till_request_parse(benchmark::State& state) {
  const std::string body = calculate_body();
  const Currency currency = usd();
  for ([[maybe_unused]] auto _ : state) {
    auto request = edge::api::parse_calculate(body, currency);
    PERKLINE_ASSERT(request.has_value());
    benchmark::DoNotOptimize(request);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(json_till_request_parse);

void json_answer_write(benchmark::State& state) {
  const session::Session shown = priced();
  for ([[maybe_unused]] auto _ : state) {
    auto body = session::render_status(shown);
    benchmark::DoNotOptimize(body);
  }
}
BENCHMARK(json_answer_write);

void journal_record_encode(benchmark::State& state) {
  const session::Session kept = priced();
  for ([[maybe_unused]] auto _ : state) {
    auto record = session::encode(kept);
    benchmark::DoNotOptimize(record);
  }
}
BENCHMARK(journal_record_encode);

void journal_record_decode(benchmark::State& state) {
  const std::string record = session::encode(priced());
  for ([[maybe_unused]] auto _ : state) {
    auto kept = session::decode(record);
    PERKLINE_ASSERT(kept.has_value());
    benchmark::DoNotOptimize(kept);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(record.size()));
}
BENCHMARK(journal_record_decode);

void sync_frame_encode(benchmark::State& state) {
  const sync::Frame frame = batch_of_sales();
  for ([[maybe_unused]] auto _ : state) {
    auto bytes = sync::encode(frame);
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events_in_batch));
}
BENCHMARK(sync_frame_encode)->Unit(benchmark::kMicrosecond);

void sync_frame_decode(benchmark::State& state) {
  const std::string bytes = sync::encode(sync::Frame(batch_of_sales()));
  for ([[maybe_unused]] auto _ : state) {
    auto frame = sync::decode_frame(bytes);
    PERKLINE_ASSERT(frame.has_value());
    for (const std::string& event : std::get<sync::Batch>(*frame).events) {
      auto read = sync::decode_event(event);
      PERKLINE_ASSERT(read.has_value());
      benchmark::DoNotOptimize(read);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events_in_batch));
}
BENCHMARK(sync_frame_decode)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace perkline::bench
