#include "bench/load/till.hpp"

#include <algorithm>
#include <optional>
#include <thread>

#include <httplib.h>

#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"

namespace perkline::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds repeat_after{100};
constexpr std::int64_t plenty_of_points = 1000;

bool worth_repeating(int status) {
  return status == 429 || status == 503 || status == 507;
}

std::string code_of(const std::string& body) {
  const auto problem = json::parse(body);
  if (!problem) return {};
  const json::Value* code = problem->root().find("code");
  return code == nullptr ? std::string() : std::string(code->text());
}

std::int64_t count_of(const json::Value& answer, std::string_view name) {
  const json::Value* value = answer.find(name);
  return value == nullptr || !value->is(json::Value::Kind::number) ? 0
                                                                   : std::stoll(std::string(value->text()));
}

std::string text_of(const json::Value& answer, std::string_view name) {
  const json::Value* value = answer.find(name);
  return value == nullptr || !value->is(json::Value::Kind::string) ? std::string()
                                                                   : std::string(value->text());
}

std::string identify_body(const Basket& basket, const std::string& channel) {
  json::Writer body;
  body.begin_object().field("customerId", basket.customer.str()).field("channelId", channel);
  body.field("transactionId", basket.transaction.str()).end_object();
  return body.take();
}

std::string calculate_body(const Basket& basket, const std::string& session) {
  json::Writer body;
  body.begin_object().field("sessionId", session).field("transactionAmount", format_amount(basket.total()));
  body.key("items").begin_array();
  for (const BasketLine& line : basket.lines) {
    body.begin_object().field("sku", line.sku).field("qty", format_quantity(line.quantity));
    if (line.unit_price) body.field("unitPrice", format_amount(*line.unit_price));
    body.end_object();
  }
  body.end_array().end_object();
  return body.take();
}

std::string finalize_body(const Basket& basket, const std::string& session, Points redeem) {
  json::Writer body;
  body.begin_object().field("sessionId", session).field("transactionId", basket.transaction.str());
  body.field("finalAmount", format_amount(basket.total())).field("applyRewards", true);
  if (redeem.count > 0) body.field("redeemPoints", redeem.count);
  return body.end_object().take();
}

std::string return_body(const Basket& basket, const GoodsBack& back) {
  json::Writer body;
  body.begin_object().field("originalTransactionId", basket.transaction.str());
  body.field("transactionId", back.transaction.str()).field("amount", format_amount(back.amount));
  return body.end_object().take();
}

/// What a member redeems of what they wish to: those with few points keep them, so that no other store can
/// have spent them meanwhile.
Points redeemable(Points wish, const json::Value& identified, const json::Value& priced) {
  if (wish.count == 0 || count_of(identified, "currentPoints") < plenty_of_points) return {};
  const json::Value* redeemable = priced.find("redeemable");
  return Points{std::min(wish.count, redeemable == nullptr ? 0 : count_of(*redeemable, "maxPoints"))};
}

}  // namespace

struct Till::State {
  explicit State(Options given) : options(std::move(given)), client(options.edge_url) {
    client.set_keep_alive(true);
    client.set_tcp_nodelay(true);
    client.set_connection_timeout(std::chrono::seconds(2));
    client.set_read_timeout(std::chrono::seconds(30));
    if (!options.key.empty()) client.set_bearer_token_auth(options.key);
  }

  struct Answer {
    int status = 0;
    std::string body;
  };

  struct Asked {
    TillCall call;
    const char* path;
    Histogram& times;
  };

  /// The first answer that settles the call, told with how long it took since it was due.
  std::optional<Answer> call(const Asked& asked, const std::string& body, const std::atomic<bool>& stop,
                             std::string& reason) {
    const auto begun = steady_clock::now();
    auto answer = settle(asked, body, stop, reason);
    const auto answered = steady_clock::now();
    if (options.on_call)
      options.on_call({asked.call, due, answered - due, begun - due, answer ? answer->status : 0});
    due = answered;
    return answer;
  }

  /// nullopt when patience ended, `reason` then says why.
  std::optional<Answer> settle(const Asked& asked, const std::string& body, const std::atomic<bool>& stop,
                               std::string& reason) {
    const auto give_up = steady_clock::now() + options.patience;
    while (true) {
      const auto begin = steady_clock::now();
      auto result = client.Post(asked.path, body, "application/json");
      milliseconds pause = repeat_after;
      if (result) {
        const std::string code = result->status >= 400 ? code_of(result->body) : std::string();
        const bool busy = result->status == 409 && code == "SESSION_BUSY";
        if (!busy && !worth_repeating(result->status)) {
          asked.times.add(steady_clock::now() - begin);
          return Answer{result->status, std::move(result->body)};
        }
        reason = code;
      } else {
        reason = "no connection";
      }
      if (stop || steady_clock::now() + pause > give_up) return std::nullopt;
      ++times.repeats;
      std::this_thread::sleep_for(pause);
    }
  }

  /// A call's answer, if it is a success; else `outcome` says why not.
  std::optional<json::Document> step(const Asked& asked, const std::string& body,
                                     const std::atomic<bool>& stop, SaleOutcome& outcome) {
    const auto answer = call(asked, body, stop, outcome.reason);
    if (!answer) return std::nullopt;
    if (answer->status != 200 && answer->status != 202) {
      outcome.kind = SaleOutcome::Kind::refused;
      outcome.reason = code_of(answer->body);
      return std::nullopt;
    }
    auto document = json::parse(answer->body);
    if (!document) {
      outcome.reason = "answer is not JSON";
      return std::nullopt;
    }
    return std::move(*document);
  }

  void sell(const Basket& basket, const Wishes& wishes, const std::atomic<bool>& stop, SaleOutcome& outcome);
  void take_back(const Basket& basket, const Money& amount, const std::atomic<bool>& stop,
                 SaleOutcome& outcome);

  Options options;
  httplib::Client client;
  TillTimes times;
  steady_clock::time_point due;  ///< When the next call is.
};

Till::Till(Options options) : state_(std::make_unique<State>(std::move(options))) {}
Till::~Till() = default;
const TillTimes& Till::times() const {
  return state_->times;
}

void Till::State::sell(const Basket& basket, const Wishes& wishes, const std::atomic<bool>& stop,
                       SaleOutcome& outcome) {
  const auto identified = step({TillCall::identify, "/v1/identify", times.identify},
                               identify_body(basket, options.channel), stop, outcome);
  if (!identified) return;
  const std::string session = text_of(identified->root(), "sessionId");
  const auto priced = step({TillCall::calculate, "/v1/calculateRewards", times.calculate},
                           calculate_body(basket, session), stop, outcome);
  if (!priced) return;
  const Asked asked{TillCall::finalize, "/v1/finalize", times.finalize};
  const Points redeem = redeemable(wishes.redeem, identified->root(), priced->root());
  auto finalized = step(asked, finalize_body(basket, session, redeem), stop, outcome);
  if (!finalized && outcome.reason == "REDEMPTION_LIMIT")
    finalized = step(asked, finalize_body(basket, session, {}), stop, outcome);
  if (!finalized) return;

  const bool done = text_of(finalized->root(), "status") == "finalized";
  outcome = {.kind = done ? SaleOutcome::Kind::finalized : SaleOutcome::Kind::pending,
             .session = session,
             .earned = Points{count_of(finalized->root(), "earnedPoints")},
             .redeemed = Points{count_of(finalized->root(), "redeemedPoints")},
             .reason = {}};
}

/// Goods of a sale come back.
void Till::State::take_back(const Basket& basket, const Money& amount, const std::atomic<bool>& stop,
                            SaleOutcome& outcome) {
  GoodsBack back{.transaction = TransactionId(basket.transaction.str() + "-R"),
                 .amount = amount,
                 .clawed_back = {},
                 .restored = {}};
  SaleOutcome of_return;
  const auto told =
      step({TillCall::give_back, "/v1/return", times.give_back}, return_body(basket, back), stop, of_return);
  if (!told) {
    outcome.back_reason = of_return.reason;
    return;
  }
  back.clawed_back = Points{count_of(told->root(), "clawedBackPoints")};
  back.restored = Points{count_of(told->root(), "restoredPoints")};
  back.pending = text_of(told->root(), "status") == "pending";
  outcome.back = std::move(back);
}

SaleOutcome Till::sell(const Basket& basket, const Wishes& wishes, const std::atomic<bool>& stop,
                       steady_clock::time_point due) {
  SaleOutcome outcome;
  state_->due = due;
  state_->sell(basket, wishes, stop, outcome);
  const bool sold =
      outcome.kind == SaleOutcome::Kind::finalized || outcome.kind == SaleOutcome::Kind::pending;
  if (sold && wishes.refund) state_->take_back(basket, *wishes.refund, stop, outcome);
  return outcome;
}

}  // namespace perkline::bench
