#include "tests/fault/rig/oracle.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "bench/fleet/web.hpp"
#include "shared/core/money.hpp"
#include "shared/json/value.hpp"
#include "tests/fault/rig/hub_books.hpp"

namespace perkline::test {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t faults_shown = 20;
constexpr std::size_t replaying_tills = 4;
/// By then all must have come to rest, however much there was to settle.
constexpr std::chrono::minutes rest_max{60};

struct Booking {
  std::string amount;
  std::int64_t earned = 0;
  std::int64_t redeemed = 0;
  std::int64_t balance = 0;
  std::string receipt;
};

class Judge {
 public:
  Judge(bench::Fleet& fleet, Tills::Taken taken) : fleet_(fleet), sales_(std::move(taken.sales)) {
    verdict_.faults = std::move(taken.complaints);
  }

  Verdict judge(std::chrono::seconds patience) {
    if (!settle(patience)) return std::move(verdict_);
    ask_again();
    read_pdi();
    read_hub();
    for (const Sale& sale : sales_) look_at(sale);
    look_for_strangers();
    verify();
    return std::move(verdict_);
  }

 private:
  void fault(std::string what) { verdict_.faults.push_back(std::move(what)); }
  json::Document ask_edge(std::size_t edge, std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const auto output = fleet_.edge_command(edge, std::move(arguments));
    auto document = json::parse(output ? output->out : "");
    return document ? std::move(*document) : json::Document();
  }

  bool settle(std::chrono::seconds patience);
  bool is_up(std::size_t edge) const;
  std::optional<std::int64_t> left_to_settle(std::size_t edge);
  void decide(std::size_t edge);
  void ask_again();
  void ask_again(TillLine& line, Sale& sale, std::vector<std::string>& complaints, std::size_t& replays);
  void read_pdi();
  void read_hub();
  void look_at(const Sale& sale);
  void look_at_booked(const Sale& sale);
  void hold_against(const Sale& sale, const Booking& booking, const HubBooks::Sale& hub);
  void look_at_return(const Sale& sale);
  void look_for_strangers();
  void verify();

  bench::Fleet& fleet_;
  std::vector<Sale> sales_;
  Verdict verdict_;
  std::unordered_map<std::string, std::vector<Booking>> pdi_;  ///< By transaction, as the next two.
  std::unordered_map<std::string, std::vector<HubBooks::Sale>> hub_;
  std::unordered_map<std::string, std::vector<HubBooks::Return>> returns_;
  std::multiset<std::string> voided_;
};

bool Judge::settle(std::chrono::seconds patience) {
  const auto all_over = steady_clock::now() + rest_max;
  for (std::size_t edge = 0; edge < fleet_.edges(); ++edge) {
    auto give_up = steady_clock::now() + patience;
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    // A command that finds no daemon would open the data itself, and be in the way of one that starts.
    while (true) {
      const auto left = is_up(edge) ? left_to_settle(edge) : std::nullopt;
      if (left == 0) break;
      if (left && *left < least) {
        least = *left;
        give_up = steady_clock::now() + patience;
      }
      if (steady_clock::now() > std::min(give_up, all_over)) {
        const auto status = fleet_.edge_command(edge, {"status", "--json"});
        const auto queue = fleet_.edge_command(edge, {"queue", "list"});
        fault(fmt::format("{} has not settled: {}\n{}", fleet_.store_id(edge), status ? status->out : "",
                          queue ? queue->out.substr(0, 2000) : ""));
        return false;
      }
      if (is_up(edge)) decide(edge);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  return true;
}

bool Judge::is_up(std::size_t edge) const {
  return bench::call({.origin = fleet_.edge_url(edge), .path = "/health"}).has_value();
}

/// Sales and events; nullopt when nobody says.
std::optional<std::int64_t> Judge::left_to_settle(std::size_t edge) {
  const auto status = ask_edge(edge, {"status"});
  const json::Value* outbox = status.root().find("outbox");
  if (outbox == nullptr) return std::nullopt;
  return bench::integer_at(*outbox, "lag") + bench::integer_at(status.root(), "queueDepth") +
         bench::integer_at(status.root(), "inReview");
}

/// What the system may not decide, a person does.
void Judge::decide(std::size_t edge) {
  const auto queue = ask_edge(edge, {"queue", "list"});
  const json::Value* items = queue.root().find("items");
  if (items == nullptr) return;
  for (const json::Value& item : items->items()) {
    if (bench::text_at(item, "status") != "review") continue;
    (void)fleet_.edge_command(edge, {"queue", "retry", bench::text_at(item, "sessionId")});
    ++verdict_.decided;
  }
}

void Judge::ask_again() {
  std::mutex mutex;
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> tills;
  for (std::size_t till = 0; till < replaying_tills; ++till) {
    tills.emplace_back([&] {
      std::vector<std::unique_ptr<TillLine>> lines;
      for (std::size_t edge = 0; edge < fleet_.edges(); ++edge) {
        lines.push_back(std::make_unique<TillLine>(
            TillLine::Options{.url = fleet_.edge_url(edge), .key = fleet_.terminal_key(edge)}));
      }
      std::vector<std::string> complaints;
      std::size_t replays = 0;
      for (std::size_t at = next++; at < sales_.size(); at = next++)
        ask_again(*lines[sales_[at].edge], sales_[at], complaints, replays);
      const std::scoped_lock lock(mutex);
      std::ranges::move(complaints, std::back_inserter(verdict_.faults));
      verdict_.replays += replays;
    });
  }
}

void Judge::ask_again(TillLine& line, Sale& sale, std::vector<std::string>& complaints,
                      std::size_t& replays) {
  SaleCalls calls(line, complaints);
  if (sale.session.empty()) return;
  replays += calls.identify(sale) ? 1 : 0;
  if (!sale.priced.empty()) replays += calls.price(sale) ? 1 : 0;
  if (!sale.acknowledged()) return;
  // What was pending learns PDI's figures, and then hears them for good.
  for (int i = 0; i < 2; ++i) replays += calls.finalize(sale) ? 1 : 0;
  if (sale.finalized.empty()) complaints.push_back(sale.transaction + ": no 200 at last");
  for (int i = 0; i < 2 && !sale.returned.empty(); ++i) replays += calls.give_back(sale) ? 1 : 0;
}

void Judge::read_pdi() {
  const auto answer =
      bench::call({.origin = fleet_.sandbox_url(), .path = "/sandbox/ledger", .ca_file = fleet_.ca_file()});
  const auto document = json::parse(answer ? answer->body : "");
  const json::Value* items = document ? document->root().find("items") : nullptr;
  if (items == nullptr) return fault("PDI's ledger cannot be read");
  for (const json::Value& item : items->items()) {
    pdi_[bench::text_at(item, "transactionId")].push_back(
        {.amount = bench::text_at(item, "finalAmount"),
         .earned = bench::integer_at(item, "earnedPoints"),
         .redeemed = bench::integer_at(item, "redeemedPoints"),
         .balance = bench::integer_at(item, "newBalance"),
         .receipt = bench::text_at(item, "receiptId")});
  }
}

void Judge::read_hub() {
  HubBooks books = read_hub_books(fleet_.hub_database_url());
  for (auto& sale : books.sales) hub_[sale.transaction].push_back(std::move(sale));
  for (auto& goods : books.returns) returns_[goods.transaction].push_back(std::move(goods));
  voided_ = {books.voided.begin(), books.voided.end()};
  if (books.dead_letters > 0) fault(fmt::format("the hub has {} dead letters", books.dead_letters));
}

void Judge::look_at(const Sale& sale) {
  if (sale.acknowledged()) return look_at_booked(sale);
  const std::size_t booked = pdi_[sale.transaction].size() + hub_[sale.transaction].size();
  if (booked > 0) fault(sale.transaction + " was never sold, and is booked");
  if (sale.voided.empty()) return fault(sale.transaction + " was left open by its till");
  ++verdict_.voided;
  const std::size_t told = voided_.count(sale.session);
  if (told != 1) fault(fmt::format("{}: the hub knows its void {} times", sale.transaction, told));
}

void Judge::look_at_booked(const Sale& sale) {
  ++verdict_.sales;
  verdict_.pending += sale.pending.empty() ? 0 : 1;
  const auto& bookings = pdi_[sale.transaction];
  const auto& hub = hub_[sale.transaction];
  if (bookings.empty() || hub.empty()) ++verdict_.lost;
  if (bookings.size() > 1 || hub.size() > 1) ++verdict_.doubled;
  if (bookings.size() == 1 && hub.size() == 1) {
    hold_against(sale, bookings.front(), hub.front());
  } else {
    fault(fmt::format("{}: {} times at PDI, {} times at the hub; till: {}", sale.transaction, bookings.size(),
                      hub.size(), sale.finalized.empty() ? sale.pending : sale.finalized));
  }
  if (!sale.return_transaction.empty()) look_at_return(sale);
}

void Judge::hold_against(const Sale& sale, const Booking& booking, const HubBooks::Sale& hub) {
  const auto document = json::parse(sale.finalized);
  if (!document) return;  // has been told already
  const json::Value& till = document->root();
  const bool till_agrees = bench::integer_at(till, "earnedPoints") == booking.earned &&
                           bench::integer_at(till, "redeemedPoints") == booking.redeemed &&
                           bench::integer_at(till, "newBalance") == booking.balance &&
                           bench::text_at(till, "receiptId") == booking.receipt;
  const bool hub_agrees = hub.store == fleet_.store_id(sale.edge) && hub.session == sale.session &&
                          hub.state == "finalized" && hub.amount == sale.minor &&
                          hub.earned == booking.earned && hub.redeemed == booking.redeemed &&
                          hub.receipt == booking.receipt;
  const bool pdi_agrees =
      booking.redeemed == sale.redeem && booking.amount == format_amount({sale.minor, *find_currency("USD")});
  if (till_agrees && hub_agrees && pdi_agrees) return;
  fault(fmt::format("{}: figures differ: till {}; PDI {} {} {} {}; hub {} {} {} {} {}", sale.transaction,
                    sale.finalized, booking.amount, booking.earned, booking.redeemed, booking.receipt,
                    hub.state, hub.amount, hub.earned, hub.redeemed, hub.receipt));
}

void Judge::look_at_return(const Sale& sale) {
  const auto& told = returns_[sale.return_transaction];
  if (told.empty()) ++verdict_.lost;
  if (told.size() > 1) ++verdict_.doubled;
  ++verdict_.returned;
  const auto document = json::parse(sale.returned);
  const bool agrees = told.size() == 1 && document && told.front().state == "booked" &&
                      told.front().clawed_back == bench::integer_at(document->root(), "clawedBackPoints") &&
                      told.front().restored == bench::integer_at(document->root(), "restoredPoints");
  if (!agrees) {
    fault(fmt::format("{}: {} times at the hub; till: {}", sale.return_transaction, told.size(),
                      sale.returned));
  }
}

/// Of each session that a till opened it knows the transaction: what has another was made up.
void Judge::look_for_strangers() {
  std::set<std::string> known;
  for (const Sale& sale : sales_) known.insert(sale.transaction);
  for (const auto& [transaction, bookings] : pdi_) {
    if (!bookings.empty() && !known.contains(transaction))
      fault(transaction + " is booked at PDI, and no till knows of it");
  }
  for (const auto& [transaction, sales] : hub_) {
    if (!sales.empty() && !known.contains(transaction))
      fault(transaction + " is at the hub, and no till knows of it");
  }
}

void Judge::verify() {
  const auto hub = fleet_.hub_command({"verify"});
  if (!hub || hub->status != 0) fault("the hub's verify: " + (hub ? hub->out + hub->err : std::string()));
  for (std::size_t edge = 0; edge < fleet_.edges(); ++edge) {
    const auto verified = fleet_.edge_command(edge, {"verify"});
    if (!verified || verified->status != 0)
      fault(fleet_.store_id(edge) + "'s verify: " + (verified ? verified->out + verified->err : ""));
  }
}

}  // namespace

std::string Verdict::to_text() const {
  std::string text = fmt::format(
      "{} sales acknowledged ({} of them pending first, {} decided by a person), {} voided, {} returned; "
      "{} lost, {} doubled; {} calls made again",
      sales, pending, decided, voided, returned, lost, doubled, replays);
  if (ok()) return text + ", all as before";
  text += fmt::format("\n{} FAULTS:\n", faults.size());
  for (std::size_t i = 0; i < std::min(faults.size(), faults_shown); ++i) text += faults[i] + "\n";
  return text;
}

Verdict judge(bench::Fleet& fleet, Tills::Taken taken, std::chrono::seconds patience) {
  return Judge(fleet, std::move(taken)).judge(patience);
}

}  // namespace perkline::test
