#include "tests/fault/rig/money.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <httplib.h>

#include "bench/fleet/web.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/money.hpp"
#include "shared/json/value.hpp"
#include "shared/json/writer.hpp"

namespace perkline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* member_password = "a password of twelve";
constexpr milliseconds repeat_after{20};
/// What each member has to begin with: little enough that some calls find too little.
constexpr std::int64_t first_credit = 50'00;
constexpr std::uint64_t order_max = 12'00;

std::string member_of(const std::string& body, std::string_view name) {
  const auto document = json::parse(body);
  return document ? bench::text_at(document->root(), name) : std::string();
}

const char* path_of(MoneyOrder::Kind kind) {
  switch (kind) {
    case MoneyOrder::Kind::transfer:
      return "/api/v1/wallet/transfers";
    case MoneyOrder::Kind::credit:
      return "/api/v1/wallet/credits";
    case MoneyOrder::Kind::debit:
      return "/api/v1/wallet/debits";
  }
  return "";
}

MoneyMember registered(const bench::Fleet& fleet, std::size_t number) {
  MoneyMember member{.id = {}, .login = fmt::format("payer{}@example.com", number)};
  json::Writer body;
  body.begin_object().field("email", member.login).field("password", member_password).end_object();
  const auto answer = bench::call(
      {.method = "POST", .origin = fleet.hub_url(), .path = "/api/v1/auth/register", .body = body.take()});
  PERKLINE_ASSERT(answer && answer->status == 201);
  member.id = bench::text_at(*answer->json().root().find("user"), "id");
  return member;
}

}  // namespace

struct MoneyLine::State {
  State(const bench::Fleet& fleet, const std::vector<MoneyMember>& all, std::size_t number)
      : members(all),
        client(number),
        staff_login(fleet.admin_login()),
        staff_password(fleet.admin_password()),
        http(fleet.hub_url()) {
    http.set_keep_alive(true);
    http.set_tcp_nodelay(true);
    http.set_connection_timeout(std::chrono::seconds(2));
    http.set_read_timeout(std::chrono::seconds(30));
  }

  bool log_in(bool staff) {
    json::Writer body;
    body.begin_object().field("login", staff ? staff_login : members[client].login);
    body.field("password", staff ? staff_password : member_password).end_object();
    const auto result = http.Post("/api/v1/auth/login", body.take(), "application/json");
    if (!result || result->status != 200) {
      heard = result ? fmt::format("signing in: {} {}", result->status, result->body)
                     : "signing in: " + httplib::to_string(result.error());
      return false;
    }
    (staff ? staff_token : member_token) = member_of(result->body, "accessToken");
    return true;
  }

  std::string body_of(const MoneyOrder& order) const {
    json::Writer body;
    body.begin_object();
    if (order.kind == MoneyOrder::Kind::transfer) {
      body.field("to", members[order.payee].id).field("note", order.key);
    } else {
      body.field("userId", members[order.client].id).field("reason", order.key);
    }
    body.field("amount", format_amount({order.minor, *find_currency("USD")})).field("currency", "USD");
    return body.end_object().take();
  }

  httplib::Result post(const MoneyOrder& order) {
    const std::string& token = order.kind == MoneyOrder::Kind::transfer ? member_token : staff_token;
    return http.Post(path_of(order.kind),
                     {{"Authorization", "Bearer " + token}, {"Idempotency-Key", order.key}}, body_of(order),
                     "application/json");
  }

  MoneyAnswer taken(const MoneyOrder& order, const httplib::Response& response) {
    const std::string code = response.status == 409 ? member_of(response.body, "code") : "";
    if (response.status == 201 || code == "INSUFFICIENT_FUNDS")
      return {response.status, response.body, response.has_header("Idempotent-Replayed")};
    heard = fmt::format("{} {}", response.status, response.body);
    const bool for_later = response.status == 503 || code == "REQUEST_IN_PROGRESS";
    if (!for_later || !response.has_header("Retry-After"))
      complaints.push_back(fmt::format("{}: answered {}", order.key, heard));
    return {};
  }

  const std::vector<MoneyMember>& members;
  const std::size_t client;
  const std::string staff_login;
  const std::string staff_password;
  httplib::Client http;
  std::string member_token;
  std::string staff_token;
  std::string heard;  ///< The last word that was no answer yet.
  std::vector<std::string> complaints;
};

MoneyLine::MoneyLine(const bench::Fleet& fleet, const std::vector<MoneyMember>& members, std::size_t client)
    : state_(std::make_unique<State>(fleet, members, client)) {}
MoneyLine::~MoneyLine() = default;

void MoneyLine::sign_in() {
  (void)(state_->log_in(false) && state_->log_in(true));
}

MoneyAnswer MoneyLine::send(const MoneyOrder& order) {
  const bool staff = order.kind != MoneyOrder::Kind::transfer;
  const std::string& token = staff ? state_->staff_token : state_->member_token;
  if (token.empty() && !state_->log_in(staff)) return {};
  auto result = state_->post(order);
  if (result && result->status == 401) {
    if (!state_->log_in(staff)) return {};
    result = state_->post(order);
  }
  if (result) return state_->taken(order, *result);
  state_->heard = httplib::to_string(result.error());
  return {};
}

MoneyAnswer MoneyLine::settle(const MoneyOrder& order, std::chrono::seconds patience) {
  const auto give_up = steady_clock::now() + patience;
  while (true) {
    MoneyAnswer answer = send(order);
    if (answer.status != 0) return answer;
    if (steady_clock::now() > give_up) {
      state_->complaints.push_back(order.key + " is never answered; last heard: " + state_->heard);
      return {};
    }
    std::this_thread::sleep_for(repeat_after);
  }
}

std::vector<std::string> MoneyLine::take_complaints() {
  return std::exchange(state_->complaints, {});
}

MoneyClients::MoneyClients(const bench::Fleet& fleet, Options options)
    : fleet_(fleet), options_(options), signed_in_(static_cast<std::ptrdiff_t>(options.clients)) {
  for (std::size_t client = 0; client < options_.clients; ++client)
    members_.push_back(registered(fleet, client));
  for (std::size_t client = 0; client < options_.clients; ++client)
    threads_.emplace_back([this, client] { run(client); });
  signed_in_.wait();
}

MoneyClients::~MoneyClients() {
  stop_ = true;
}

MoneyClients::Taken MoneyClients::stop() {
  stop_ = true;
  threads_.clear();
  taken_.members = members_;
  return std::move(taken_);
}

MoneyOrder MoneyClients::draw(std::size_t client, std::size_t count, Rng& rng) const {
  MoneyOrder order{.client = client,
                   .payee = (client + 1 + rng.below(members_.size() - 1)) % members_.size(),
                   .minor = static_cast<std::int64_t>(1 + rng.below(order_max)),
                   .key = fmt::format("order-{}-{}", client, count)};
  const auto kind = rng.below(5);
  order.kind = kind == 0   ? MoneyOrder::Kind::credit
               : kind == 1 ? MoneyOrder::Kind::debit
                           : MoneyOrder::Kind::transfer;
  if (count > 1) return order;
  order.kind = MoneyOrder::Kind::credit;
  order.minor = first_credit;
  return order;
}

void MoneyClients::run(std::size_t client) {
  SeededRng rng(options_.seed * 1000 + 500 + client);
  MoneyLine line(fleet_, members_, client);
  line.sign_in();
  signed_in_.count_down();
  std::vector<MoneyOrder> mine;
  for (std::size_t count = 1; !stop_; ++count) {
    MoneyOrder order = draw(client, count, rng);
    MoneyAnswer answer = line.send(order);
    const bool goes_away = answer.status == 0 && count > 1 && rng.below(3) == 0;
    if (answer.status == 0 && !goes_away) answer = line.settle(order, options_.patience);
    order.status = answer.status;
    order.body = std::move(answer.body);
    acknowledged_ += order.status == 0 ? 0 : 1;
    mine.push_back(std::move(order));
    const auto twice_the_pause = static_cast<std::uint64_t>(options_.pause.count()) * 2;
    std::this_thread::sleep_for(milliseconds(rng.below(twice_the_pause + 1)));
  }
  const std::scoped_lock lock(mutex_);
  std::ranges::move(mine, std::back_inserter(taken_.orders));
  std::ranges::move(line.take_complaints(), std::back_inserter(taken_.complaints));
}

}  // namespace perkline::test
