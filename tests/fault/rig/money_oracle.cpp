#include "tests/fault/rig/money_oracle.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "bench/fleet/web.hpp"
#include "shared/json/value.hpp"
#include "tests/fault/rig/hub_books.hpp"

namespace perkline::test {
namespace {

constexpr std::size_t faults_shown = 20;
constexpr std::chrono::seconds replay_patience{60};

std::string id_in(const std::string& body) {
  const auto document = json::parse(body);
  return document ? bench::text_at(document->root(), "id") : std::string();
}

class MoneyJudge {
 public:
  MoneyJudge(const bench::Fleet& fleet, MoneyClients::Taken taken)
      : fleet_(fleet), members_(std::move(taken.members)), orders_(std::move(taken.orders)) {
    verdict_.faults = std::move(taken.complaints);
  }

  MoneyVerdict judge() {
    read_books();
    for (const MoneyOrder& order : orders_) look_at(order);
    ask_again();
    read_books();
    for (const MoneyOrder& order : orders_) hold_against_books(order);
    look_for_strangers();
    add_up();
    verify();
    return std::move(verdict_);
  }

 private:
  using Movements = std::vector<HubMoney::Movement>;

  void fault(std::string what) { verdict_.faults.push_back(std::move(what)); }
  void read_books() {
    books_ = read_hub_money(fleet_.hub_database_url());
    by_note_.clear();
    for (const auto& movement : books_.movements) by_note_[movement.note].push_back(movement);
  }
  const Movements& movements_of(const MoneyOrder& order) { return by_note_[order.key]; }

  void look_at(const MoneyOrder& order);
  void hold_against_books(const MoneyOrder& order);
  void hold_against(const MoneyOrder& order, const HubMoney::Movement& movement);
  void ask_again();
  void ask_again(MoneyLine& line, MoneyOrder& order, std::vector<std::string>& complaints);
  void look_for_strangers();
  void add_up();
  void verify();

  const bench::Fleet& fleet_;
  std::vector<MoneyMember> members_;
  std::vector<MoneyOrder> orders_;
  MoneyVerdict verdict_;
  HubMoney books_;
  std::unordered_map<std::string, Movements> by_note_;
};

/// Before anything is asked again.
void MoneyJudge::look_at(const MoneyOrder& order) {
  if (order.status != 0) {
    ++(order.status == 201 ? verdict_.booked : verdict_.refused);
    return hold_against_books(order);
  }
  ++verdict_.unanswered;
  const std::size_t times = movements_of(order).size();
  verdict_.unheard += times > 0 ? 1 : 0;
  if (times > 1) {
    ++verdict_.doubled;
    fault(fmt::format("{}: nobody heard of it, and it is there {} times", order.key, times));
  }
}

void MoneyJudge::hold_against_books(const MoneyOrder& order) {
  const Movements& movements = movements_of(order);
  const std::size_t wanted = order.status == 201 ? 1 : 0;
  if (movements.size() == wanted) {
    if (wanted == 1) hold_against(order, movements.front());
    return;
  }
  ++(movements.size() < wanted ? verdict_.lost : verdict_.doubled);
  fault(fmt::format("{}: answered {} and there {} times: {}", order.key, order.status, movements.size(),
                    order.body));
}

void MoneyJudge::hold_against(const MoneyOrder& order, const HubMoney::Movement& movement) {
  using Kind = MoneyOrder::Kind;
  const std::string& own = members_[order.client].id;
  const std::string payer = order.kind == Kind::credit ? "" : own;
  const std::string payee = order.kind == Kind::credit     ? own
                            : order.kind == Kind::transfer ? members_[order.payee].id
                                                           : "";
  const bool agrees = movement.id == id_in(order.body) && movement.state == "posted" &&
                      movement.amount == order.minor && (payer.empty() || movement.payer == payer) &&
                      (payee.empty() || movement.payee == payee) && movement.entries == 2 &&
                      movement.entries_sum == 0;
  if (agrees) return;
  fault(fmt::format("{}: the books say {} {} of {} from {} to {}, {} entries that come to {}; answer: {}",
                    order.key, movement.id, movement.state, movement.amount, movement.payer, movement.payee,
                    movement.entries, movement.entries_sum, order.body));
}

void MoneyJudge::ask_again() {
  std::mutex mutex;
  std::vector<std::jthread> clients;
  for (std::size_t client = 0; client < members_.size(); ++client) {
    clients.emplace_back([&, client] {
      MoneyLine line(fleet_, members_, client);
      std::vector<std::string> complaints;
      for (MoneyOrder& order : orders_) {
        if (order.client == client) ask_again(line, order, complaints);
      }
      const std::scoped_lock lock(mutex);
      std::ranges::move(complaints, std::back_inserter(verdict_.faults));
      std::ranges::move(line.take_complaints(), std::back_inserter(verdict_.faults));
    });
  }
  clients.clear();
  verdict_.replays = orders_.size();
}

void MoneyJudge::ask_again(MoneyLine& line, MoneyOrder& order, std::vector<std::string>& complaints) {
  if (order.status == 0) {
    const auto known = by_note_.find(order.key);
    const bool was_there = known != by_note_.end() && !known->second.empty();
    const MoneyAnswer first = line.settle(order, replay_patience);
    order.status = first.status;
    order.body = first.body;
    if (was_there && (!first.replayed || first.status != 201))
      complaints.push_back(order.key + " was there, and is answered as new: " + first.body);
  }
  const MoneyAnswer again = line.settle(order, replay_patience);
  if (again.status != order.status || again.body != order.body || !again.replayed) {
    complaints.push_back(fmt::format("{} was answered otherwise before: {} {}, now {} {}", order.key,
                                     order.status, order.body, again.status, again.body));
  }
}

void MoneyJudge::look_for_strangers() {
  std::set<std::string> known;
  for (const MoneyOrder& order : orders_) known.insert(order.key);
  for (const auto& movement : books_.movements) {
    if (!known.contains(movement.note))
      fault(fmt::format("{} of {} is in the books, and nobody ordered it", movement.id, movement.amount));
  }
}

/// By the orders alone what each wallet must hold, and by the entries alone what each account must.
void MoneyJudge::add_up() {
  std::vector<std::int64_t> wallets(members_.size(), 0);
  for (const MoneyOrder& order : orders_) {
    if (order.status != 201) continue;
    const bool in = order.kind == MoneyOrder::Kind::credit;
    wallets[order.client] += in ? order.minor : -order.minor;
    if (order.kind == MoneyOrder::Kind::transfer) wallets[order.payee] += order.minor;
  }
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::int64_t held = books_.wallets[members_[i].id];
    if (held != wallets[i])
      fault(fmt::format("{} has {}, and {} by the orders", members_[i].login, held, wallets[i]));
  }
  if (books_.accounts_off > 0)
    fault(fmt::format("{} balances are not the sums of their entries", books_.accounts_off));
  if (books_.units_off > 0) fault(fmt::format("debits are not credits in {} units", books_.units_off));
}

void MoneyJudge::verify() {
  const auto verified = fleet_.hub_command({"verify", "--json"});
  const auto document = json::parse(verified ? verified->out : "");
  const json::Value* ok = document ? document->root().find("ok") : nullptr;
  const bool sound = ok != nullptr && ok->boolean() && bench::integer_at(document->root(), "entries") > 0;
  if (!sound) fault("verify --json: " + (verified ? verified->out + verified->err : std::string()));
}

}  // namespace

std::string MoneyVerdict::to_text() const {
  std::string text = fmt::format(
      "{} orders booked and {} refused for want of funds; {} unanswered, {} of them booked; {} lost, {} "
      "doubled; {} made again under their keys",
      booked, refused, unanswered, unheard, lost, doubled, replays);
  if (ok()) return text + ", all answered as before; every balance is its entries, debits are credits";
  text += fmt::format("\n{} FAULTS:\n", faults.size());
  for (std::size_t i = 0; i < std::min(faults.size(), faults_shown); ++i) text += faults[i] + "\n";
  return text;
}

MoneyVerdict judge_money(const bench::Fleet& fleet, MoneyClients::Taken taken) {
  return MoneyJudge(fleet, std::move(taken)).judge();
}

}  // namespace perkline::test
