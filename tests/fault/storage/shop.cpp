#include "tests/fault/storage/shop.hpp"

#include <atomic>
#include <memory>
#include <optional>

#include "edge/journal/recovery.hpp"
#include "edge/journal/rocks_store.hpp"
#include "shared/core/assert.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::test {
namespace {

using edge::journal::Batch;
using edge::journal::Family;
using edge::journal::RocksStore;
using edge::session::Till;

/// How far the mark lags, in events: about a second's at a busy counter.
constexpr std::uint64_t mark_lag = 6;

std::uint64_t print_of_entry(const Content::value_type& entry) {
  const std::string all = std::to_string(static_cast<int>(entry.first.first)) + '/' +
                          std::to_string(entry.first.second.size()) + '/' + entry.first.second + entry.second;
  return std::hash<std::string>()(all);
}

/// What makes `after` of `before`.
Batch change(const Content& before, const Content& after) {
  Batch batch;
  for (const auto& [place, value] : after) {
    const auto was = before.find(place);
    if (was == before.end() || was->second != value) batch.put(place.first, place.second, value);
  }
  for (const auto& [place, value] : before) {
    if (!after.contains(place)) batch.erase(place.first, place.second);
  }
  return batch;
}

Task<bool> acknowledge(edge::journal::Outbox& outbox, std::uint64_t sequence) {
  co_await outbox.set_acked(sequence);
  co_return true;
}

/// The day, sale by sale; each one's changes go to the disk as a write of its own.
class Day {
 public:
  explicit Day(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    open();
    keep();
    for (int i = 0; i < 40; ++i)
      outside_.pdi.add({.id = customer(i), .name = "Jane Doe", .tier = "Silver", .balance = Points{2000}});
  }

  void sell(int number) {
    Till till;
    till.customer = customer(number);
    till.transaction = TransactionId("TXN-" + std::to_string(number));
    till.session = life_.identify(till);
    keep();
    if (number % 7 == 3) return;
    (void)life_.calculate(till);
    keep();
    if (number % 7 == 5) return;
    if (number % 11 == 6) {
      (void)life_.run(life_.flows.void_session({.session = till.session, .reason = "changed his mind"}));
      return keep();
    }
    (void)life_.finalize(till);
    keep();
    if (number % 9 != 4) return;
    (void)life_.run(
        life_.flows.return_goods({.original_transaction = till.transaction,
                                  .transaction = TransactionId("RETURN-" + std::to_string(number)),
                                  .amount = Money{5000, edge::session::usd()}},
                                 till.traceparent));
    keep();
  }

  void hub_acknowledges_half() {
    const std::uint64_t half = life_.outbox->tail() / 2;
    (void)life_.run(acknowledge(*life_.outbox, half));
    keep();
    PERKLINE_ASSERT(life_.run(life_.outbox->prune(edge::journal::Outbox::everything, 1)).value_or(0) > 0);
    keep();
  }

  /// Nothing gets there any more.
  void pdi_is_gone() {
    outside_.pdi.otherwise([](PdiCall) { return PdiFault{.lose_request = true}; });
  }
  /// It does all, and tells of nothing that was booked.
  void pdi_is_silent() {
    outside_.pdi.otherwise([](PdiCall call) {
      return PdiFault{.lose_answer = call == PdiCall::finalize || call == PdiCall::status};
    });
  }

  /// The tables of some families are written out while the log still has to hold the others' part.
  void flush(std::initializer_list<Family> families) {
    std::atomic<bool> cancelled = false;
    for (const Family family : families) PERKLINE_ASSERT(store_->compact(family, cancelled).has_value());
  }
  void restart() {
    store_.reset();
    open();
  }

  Shop close() {
    Shop shop{.folder = folder_, .content = content_, .mark = {}, .states = {}};
    const auto tail = edge::journal::tail_of(*store_->reader());
    PERKLINE_ASSERT(tail && tail->sequence > mark_lag);
    const std::uint64_t marked = tail->sequence - mark_lag;
    shop.mark = {.sequence = marked, .hash = life_.outbox->hash_at(marked).value().value()};
    PERKLINE_ASSERT(write_high_water(folder_ / "high_water", shop.mark).has_value());
    for (const auto& [sequence, print] : states_) {
      if (sequence >= marked) shop.states.push_back(print);
    }
    store_.reset();
    return shop;
  }

 private:
  static CustomerId customer(int number) { return CustomerId("CUST-" + std::to_string(number % 40)); }

  void open() {
    auto opened = RocksStore::open(folder_ / "db");
    PERKLINE_ASSERT(opened.has_value());
    store_ = std::move(*opened);
  }
  /// What the flows have written since goes to the disk.
  void keep() {
    auto now = content_of(life_.journal);
    PERKLINE_ASSERT(now.has_value());
    now->emplace(std::pair(Family::meta, "format"), "1");
    const Batch batch = change(content_, *now);
    if (!batch.empty()) PERKLINE_ASSERT(store_->write({&batch, 1}).has_value());
    content_ = std::move(*now);
    states_.emplace_back(life_.outbox->tail(), print_of(content_));
  }

  std::filesystem::path folder_;
  edge::session::Outside outside_;
  edge::session::Life life_{outside_, {.standin = {.enabled = true}}};
  std::unique_ptr<RocksStore> store_;
  Content content_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> states_;  ///< The outbox's end, and the print.
};

}  // namespace

Result<Content> content_of(const edge::journal::JournalReader& journal) {
  Content content;
  for (std::uint8_t i = 0; i < edge::journal::family_count; ++i) {
    const auto family = static_cast<Family>(i);
    const auto scanned = journal.scan(family, "", [&](std::string_view key, std::string_view value) {
      content.emplace(std::pair(family, std::string(key)), std::string(value));
      return true;
    });
    if (!scanned) return std::unexpected(scanned.error());
  }
  return content;
}

std::uint64_t print_of(const Content& content) {
  std::uint64_t print = 0;
  for (const auto& entry : content) print += print_of_entry(entry);
  return print;
}

Shop make_shop(const std::filesystem::path& folder, std::size_t sales) {
  Day day(folder);
  const int all = static_cast<int>(sales);
  int number = 0;
  const auto sell_until = [&](int end) {
    for (; number < end; ++number) day.sell(number);
  };
  sell_until(all * 4 / 10);
  day.flush({Family::sessions, Family::by_transaction, Family::outbox, Family::members});
  sell_until(all * 6 / 10);
  day.hub_acknowledges_half();
  day.restart();
  day.pdi_is_gone();
  sell_until(all * 8 / 10);
  day.flush({Family::outbox});
  day.pdi_is_silent();
  sell_until(all * 9 / 10);
  day.flush({Family::outbox, Family::due});
  sell_until(all);
  return day.close();
}

}  // namespace perkline::test
