#include "hub/wheel/prizes.hpp"

#include <array>
#include <utility>

#include "hub/stores/awaited.hpp"
#include "hub/wheel/down.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/money.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::wheel {
namespace {

using db::Value;

constexpr std::array type_names{
    std::pair{PrizeType::cash, std::string_view("cash")},
    std::pair{PrizeType::coupon, std::string_view("coupon")},
    std::pair{PrizeType::points, std::string_view("points")},
    std::pair{PrizeType::lottery_ticket, std::string_view("lottery_ticket")},
    std::pair{PrizeType::none, std::string_view("none")},
};

constexpr std::string_view columns =
    "id, name, type, tickets, points, one_time, active, stock, leased, awarded";
/// Of which a spin may give one away.
const std::string can_be_drawn =
    "active = 1 AND tickets > 0 AND (stock IS NULL OR leased + awarded < stock)"
    " AND ((stock IS NULL AND one_time = 0) OR " +
    std::string(stores::nobody_is_awaited) + ")";

Value value_of(const std::optional<std::int64_t>& number) {
  return number ? Value(*number) : Value(nullptr);
}

Value value_of(bool flag) {
  return std::int64_t{flag ? 1 : 0};
}

Result<Prize> prize_in(const db::Row& row) {
  const auto type = find_prize_type(row.text(2));
  if (!type) return fail(Errc::corrupt, "a prize has a type that is none");
  return Prize{.id = row.text(0),
               .name = row.text(1),
               .type = *type,
               .tickets = row.integer(3),
               .points = row.optional_integer(4),
               .one_time = row.integer(5) == 1,
               .active = row.integer(6) == 1,
               .stock = row.optional_integer(7),
               .leased = row.integer(8),
               .awarded = row.integer(9)};
}

Result<std::vector<Prize>> find(db::Transaction& transaction, const std::string& condition,
                                std::vector<Value> parameters) {
  auto rows = transaction.query("SELECT " + std::string(columns) + " FROM prize WHERE " + condition,
                                std::move(parameters));
  if (!rows) return failure(rows);
  std::vector<Prize> prizes;
  for (const db::Row& row : *rows) {
    auto prize = prize_in(row);
    if (!prize) return failure(prize);
    prizes.push_back(std::move(*prize));
  }
  return prizes;
}

/// What a prize may not be, whoever made it so.
Result<void> check(db::Transaction& transaction, const Prize& prize, bool becomes_active) {
  std::vector<FieldFault> faults = faults_of(prize);
  if (becomes_active) {
    // Whoever switches one on waits here for the others: what is counted is all there is.
    auto turn = transaction.query("SELECT value FROM hub_meta WHERE name = 'hub_incarnation'" +
                                  std::string(transaction.for_update()));
    if (!turn) return failure(turn);
    auto active = transaction.query("SELECT COUNT(*) FROM prize WHERE active = 1");
    if (!active) return failure(active);
    if (active->front().integer(0) >= active_prizes_max)
      faults.push_back(
          {"active", "there are " + std::to_string(active_prizes_max) + " active prizes already"});
  }
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  return {};
}

void write(json::Writer& out, const std::optional<std::int64_t>& number) {
  number ? out.value(*number) : out.null();
}

/// As JSON values by the API's names.
std::vector<std::pair<std::string_view, std::string>> settings_of(const Prize& prize) {
  const auto text_of = [](auto&& put) {
    json::Writer out;
    put(out);
    return out.take();
  };
  return {{"name", text_of([&](json::Writer& out) { out.value(prize.name); })},
          {"type", text_of([&](json::Writer& out) { out.value(name_of(prize.type)); })},
          {"weight", loyalty::weight_text(prize.tickets)},
          {"points", text_of([&](json::Writer& out) { write(out, prize.points); })},
          {"oneTimePerUser", prize.one_time ? "true" : "false"},
          {"active", prize.active ? "true" : "false"},
          {"stock", text_of([&](json::Writer& out) { write(out, prize.stock); })}};
}

identity::AuditEntry audit_of(const PrizeCause& cause, std::string action, const std::string& prize,
                              std::string detail) {
  return {.id = cause.id,
          .at = cause.at,
          .actor = cause.actor,
          .action = std::move(action),
          .subject = "prize:" + prize,
          .detail = std::move(detail)};
}

/// `{"weight":{"old":1,"new":2}}` of all that differs; empty: nothing does.
std::string differences(const Prize& before, const Prize& after) {
  const auto old_settings = settings_of(before);
  const auto new_settings = settings_of(after);
  json::Writer out;
  out.begin_object();
  bool differ = false;
  for (std::size_t i = 0; i < old_settings.size(); ++i) {
    if (old_settings[i].second == new_settings[i].second) continue;
    differ = true;
    out.key(old_settings[i].first).begin_object();
    out.key("old").raw(old_settings[i].second).key("new").raw(new_settings[i].second).end_object();
  }
  out.end_object();
  return differ ? out.take() : std::string();
}

}  // namespace

std::string_view name_of(PrizeType type) {
  for (const auto& [known, name] : type_names) {
    if (known == type) return name;
  }
  PERKLINE_ASSERT(false);
  return {};
}

std::optional<PrizeType> find_prize_type(std::string_view name) {
  for (const auto& [type, known] : type_names) {
    if (known == name) return type;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Prize::free() const {
  if (!stock) return std::nullopt;
  return *stock - leased - awarded;
}

std::int64_t points_for(const Terms& terms, const Prize& prize) {
  if (prize.points) return *prize.points;
  switch (prize.type) {
    case PrizeType::cash:
      return terms.prize_points.cash;
    case PrizeType::coupon:
      return terms.prize_points.coupon;
    case PrizeType::points:
      return 0;  // Has its own, by a check of the table's.
    case PrizeType::lottery_ticket:
      return terms.prize_points.lottery_ticket;
    case PrizeType::none:
      return terms.prize_points.none;
  }
  return 0;
}

loyalty::Prize in_draw(const Prize& prize, bool withheld) {
  return {.id = prize.id,
          .tickets = prize.tickets,
          .active = prize.active,
          .units = prize.free(),
          .withheld = withheld};
}

Result<std::vector<Prize>> drawable(db::Transaction& transaction, const std::vector<std::string>& winners) {
  PERKLINE_ASSERT(winners.size() == 1 || winners.size() == 2);
  // One text for one name and for two.
  return find(transaction,
              can_be_drawn +
                  " AND (one_time = 0 OR NOT EXISTS (SELECT 1 FROM prize_one_time"
                  " WHERE prize_one_time.prize_id = prize.id AND winner IN ($1, $2))) ORDER BY id",
              {winners.front(), winners.back()});
}

Result<std::vector<Prize>> active_prizes(db::Transaction& transaction) {
  return find(transaction, "active = 1 ORDER BY id", {});
}

Result<std::int64_t> tickets_in_draw(db::Transaction& transaction) {
  auto rows =
      transaction.query("SELECT CAST(COALESCE(SUM(tickets), 0) AS BIGINT) FROM prize WHERE " + can_be_drawn);
  if (!rows) return failure(rows);
  return rows->front().integer(0);
}

Result<std::vector<Prize>> list_prizes(db::Transaction& transaction, std::int64_t count,
                                       const std::string& before) {
  if (before.empty()) return find(transaction, "id > '' ORDER BY id DESC LIMIT $1", {count});
  return find(transaction, "id < $2 ORDER BY id DESC LIMIT $1", {count, before});
}

Result<std::optional<Prize>> find_prize(db::Transaction& transaction, const std::string& id) {
  auto prizes = find(transaction, "id = $1", {id});
  if (!prizes) return failure(prizes);
  if (prizes->empty()) return std::nullopt;
  return std::move(prizes->front());
}

Result<bool> take_unit(db::Transaction& transaction, const std::string& id) {
  auto taken = transaction.execute(
      "UPDATE prize SET awarded = awarded + 1 WHERE id = $1 AND leased + awarded < stock", {id});
  if (!taken) return failure(taken);
  return *taken == 1;
}

Prize changed(Prize prize, const PrizeChange& change) {
  if (change.name) prize.name = *change.name;
  if (change.type) prize.type = *change.type;
  if (change.tickets) prize.tickets = *change.tickets;
  if (change.points) prize.points = *change.points;
  if (change.one_time) prize.one_time = *change.one_time;
  if (change.active) prize.active = *change.active;
  if (change.stock) prize.stock = *change.stock;
  return prize;
}

std::vector<FieldFault> faults_of(const Prize& prize) {
  std::vector<FieldFault> faults;
  if (prize.type == PrizeType::points && prize.points.value_or(0) <= 0)
    faults.push_back({"points", "must be more than 0 for a prize of type points"});
  const std::int64_t gone = prize.leased + prize.awarded;
  if (prize.stock && *prize.stock < gone) {
    faults.push_back(
        {"stock", "must be at least " + std::to_string(gone) + ": so many are awarded or leased"});
  }
  return faults;
}

Result<void> add_prize(db::Transaction& transaction, const PrizeCause& cause, const Prize& prize) {
  if (auto checked = check(transaction, prize, prize.active); !checked) return checked;
  auto added = transaction.execute(
      "INSERT INTO prize (id, name, type, tickets, points, one_time, active, stock)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      {prize.id, prize.name, std::string(name_of(prize.type)), prize.tickets, value_of(prize.points),
       value_of(prize.one_time), value_of(prize.active), value_of(prize.stock)});
  if (!added) return failure(added);
  json::Writer detail;
  detail.begin_object();
  for (const auto& [name, value] : settings_of(prize)) detail.key(name).raw(value);
  detail.end_object();
  auto audited = identity::append_audit(transaction, audit_of(cause, "prize.added", prize.id, detail.take()));
  if (!audited) return audited;
  return put_prize_down(transaction, prize);
}

Result<Prize> change_prize(db::Transaction& transaction, const PrizeCause& cause, const std::string& id,
                           const PrizeChange& change) {
  auto found = find(transaction, "id = $1" + std::string(transaction.for_update()), {id});
  if (!found) return failure(found);
  if (found->empty()) return fail(Errc::not_found, "no such prize");
  const Prize& before = found->front();
  Prize after = changed(before, change);
  const std::string detail = differences(before, after);
  if (detail.empty()) return after;
  if (auto checked = check(transaction, after, after.active && !before.active); !checked)
    return failure(checked);
  auto written = transaction.execute(
      "UPDATE prize SET name = $2, type = $3, tickets = $4, points = $5, one_time = $6, active = $7,"
      " stock = $8 WHERE id = $1",
      {after.id, after.name, std::string(name_of(after.type)), after.tickets, value_of(after.points),
       value_of(after.one_time), value_of(after.active), value_of(after.stock)});
  if (!written) return failure(written);
  auto audited = identity::append_audit(transaction, audit_of(cause, "prize.changed", id, detail));
  if (!audited) return failure(audited);
  if (auto put = put_prize_down(transaction, after); !put) return failure(put);
  return after;
}

}  // namespace perkline::hub::wheel
