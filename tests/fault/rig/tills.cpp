#include "tests/fault/rig/tills.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <httplib.h>

#include "bench/fleet/web.hpp"
#include "shared/core/money.hpp"
#include "shared/core/random.hpp"
#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"

namespace perkline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string member_of(const std::string& body, std::string_view name) {
  const auto document = json::parse(body);
  return document ? bench::text_at(document->root(), name) : std::string();
}

std::string amount_text(std::int64_t minor) {
  return format_amount({minor, *find_currency("USD")});
}

bool put_off(int status, const std::string& body) {
  if (status == 429 || status == 503 || status == 507) return true;
  return status == 409 && member_of(body, "code") == "SESSION_BUSY";
}

json::Writer of_session(const Sale& sale) {
  json::Writer body;
  body.begin_object().field("sessionId", sale.session);
  return body;
}

}  // namespace

struct TillLine::State {
  explicit State(Options given) : options(std::move(given)), client(options.url) {
    client.set_keep_alive(true);
    client.set_tcp_nodelay(true);
    client.set_connection_timeout(std::chrono::seconds(2));
    client.set_read_timeout(std::chrono::seconds(30));
    client.set_bearer_token_auth(options.key);
  }

  TillAnswer settle(const std::function<httplib::Result(httplib::Client&)>& send) {
    const auto give_up = steady_clock::now() + options.patience;
    while (true) {
      const auto result = send(client);
      if (result && !put_off(result->status, result->body))
        return {result->status, result->body, result->has_header("Idempotent-Replayed")};
      if (steady_clock::now() > give_up)
        return {0, result ? result->body : "no connection: " + httplib::to_string(result.error()), false};
      ++repeats;
      std::this_thread::sleep_for(options.repeat_after);
    }
  }

  const Options options;
  httplib::Client client;
  std::size_t repeats = 0;
};

TillLine::TillLine(Options options) : state_(std::make_unique<State>(std::move(options))) {}
TillLine::~TillLine() = default;
std::size_t TillLine::repeats() const {
  return state_->repeats;
}

TillAnswer TillLine::post(const std::string& call, const std::string& body) {
  const std::string path = "/v1/" + call;
  return state_->settle([&](httplib::Client& client) { return client.Post(path, body, "application/json"); });
}

TillAnswer TillLine::get(const std::string& call) {
  const std::string path = "/v1/" + call;
  return state_->settle([&](httplib::Client& client) { return client.Get(path); });
}

void SaleCalls::complain(const Sale& sale, const std::string& what, const TillAnswer& answer) {
  complaints_.push_back(fmt::format("{}: {}: {} {}", sale.transaction, what, answer.status, answer.body));
}

/// A 200 never changes.
bool SaleCalls::keep(const Sale& sale, const char* what, std::string& kept, const TillAnswer& answer) {
  if (answer.status != 200) return complain(sale, what, answer), false;
  if (!kept.empty() && kept != answer.body)
    complain(sale, std::string(what) + " was answered otherwise before: " + kept, answer);
  if (kept.empty()) kept = answer.body;
  return true;
}

bool SaleCalls::identify(Sale& sale) {
  json::Writer body;
  body.begin_object().field("customerId", sale.customer).field("channelId", "POS-001");
  body.field("transactionId", sale.transaction).end_object();
  if (!keep(sale, "identify", sale.identified, line_.post("identify", body.take()))) return false;
  sale.session = member_of(sale.identified, "sessionId");
  return true;
}

bool SaleCalls::price(Sale& sale) {
  auto body = of_session(sale);
  body.field("transactionAmount", amount_text(sale.minor)).key("items").begin_array().begin_object();
  body.field("sku", "SKU-00001").field("qty", 1).field("unitPrice", amount_text(sale.minor));
  body.end_object().end_array().end_object();
  return keep(sale, "calculateRewards", sale.priced, line_.post("calculateRewards", body.take()));
}

bool SaleCalls::finalize(Sale& sale) {
  auto body = of_session(sale);
  body.field("transactionId", sale.transaction).field("finalAmount", amount_text(sale.minor));
  body.field("applyRewards", true);
  if (sale.redeem > 0) body.field("redeemPoints", sale.redeem);
  const auto answer = line_.post("finalize", body.end_object().take());
  if (answer.status == 422 && sale.redeem > 0 && !sale.acknowledged() &&
      member_of(answer.body, "code") == "REDEMPTION_LIMIT") {
    sale.redeem = 0;
    return finalize(sale);
  }
  if (answer.status != 202) return keep(sale, "finalize", sale.finalized, answer);
  const bool in_review = member_of(answer.body, "status") == "review";
  if (!sale.finalized.empty() || (in_review && sale.pending.empty()))
    complain(sale, "finalize went back to 202", answer);
  if (in_review) return true;
  if (!sale.pending.empty() && sale.pending != answer.body)
    complain(sale, "finalize was answered otherwise before: " + sale.pending, answer);
  if (sale.pending.empty()) sale.pending = answer.body;
  return true;
}

bool SaleCalls::abandon(Sale& sale) {
  const auto answer =
      line_.post("void", of_session(sale).field("reason", "customer left").end_object().take());
  // The session as it is, with its version: what counts is that it says so.
  if (answer.status != 200 || member_of(answer.body, "status") != "voided")
    return complain(sale, "void", answer), false;
  sale.voided = answer.body;
  return true;
}

bool SaleCalls::give_back(Sale& sale) {
  json::Writer body;
  body.begin_object().field("originalTransactionId", sale.transaction);
  body.field("transactionId", sale.return_transaction);
  body.field("amount", amount_text(sale.return_minor)).end_object();
  const auto answer = line_.post("return", body.take());
  if (answer.status == 202) {
    // Of a sale that is pending; told again with its points later.
    if (sale.returned.empty()) sale.returned = answer.body;
    return true;
  }
  if (member_of(sale.returned, "status") == "pending") sale.returned.clear();
  return keep(sale, "return", sale.returned, answer);
}

Tills::Tills(const bench::Fleet& fleet, Options options) : options_(std::move(options)) {
  for (std::size_t number = 0; number < fleet.edges() * options_.tills_per_edge; ++number) {
    const std::size_t edge = number % fleet.edges();
    TillLine::Options line{
        .url = fleet.edge_url(edge), .key = fleet.terminal_key(edge), .patience = options_.patience};
    threads_.emplace_back([this, number, edge, line = std::move(line)] { run(number, edge, line); });
  }
}

Tills::~Tills() {
  stop_ = true;
}

Tills::Taken Tills::stop() {
  stop_ = true;
  threads_.clear();
  return std::move(taken_);
}

void Tills::run(std::size_t number, std::size_t edge, const TillLine::Options& options) {
  SeededRng rng(options_.seed * 1000 + number);
  TillLine line(options);
  Taken mine;
  SaleCalls calls(line, mine.complaints);
  const auto timed = [&](auto&& call) {
    const auto began = steady_clock::now();
    const bool done = call();
    if (options_.on_answer) options_.on_answer({edge, steady_clock::now() - began});
    return done;
  };
  for (std::size_t count = 1; !stop_; ++count) {
    Sale sale{.edge = edge,
              .transaction = fmt::format("{}{}-{}", options_.prefix, number, count),
              .customer = fmt::format("CUST-{:05}", 1 + rng.below(600)),
              .minor = static_cast<std::int64_t>(100 + rng.below(20'000))};
    if (rng.below(20) == 0) sale.redeem = static_cast<std::int64_t>(1 + rng.below(3));
    const bool abandons = rng.below(16) == 0;
    const bool gives_back = rng.below(16) == 0;
    const bool asks_again = rng.below(8) == 0;
    bool done = timed([&] { return calls.identify(sale); }) && timed([&] { return calls.price(sale); });
    if (done && abandons) {
      done = timed([&] { return calls.abandon(sale); });
    } else if (done) {
      done = timed([&] { return calls.finalize(sale); });
      acknowledged_ += done ? 1 : 0;
      if (done && asks_again) timed([&] { return calls.identify(sale) && calls.finalize(sale); });
      if (done && gives_back) {
        sale.return_transaction = sale.transaction + "-BACK";
        sale.return_minor = sale.minor / 2;
        timed([&] { return calls.give_back(sale); });
      }
    }
    mine.sales.push_back(std::move(sale));
    const auto twice_the_pause = static_cast<std::uint64_t>(options_.pause.count()) * 2;
    std::this_thread::sleep_for(milliseconds(rng.below(twice_the_pause + 1)));
  }
  const std::scoped_lock lock(mutex_);
  std::ranges::move(mine.sales, std::back_inserter(taken_.sales));
  std::ranges::move(mine.complaints, std::back_inserter(taken_.complaints));
  taken_.repeats += line.repeats();
}

}  // namespace perkline::test
