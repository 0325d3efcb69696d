#include "tests/simulation/planted_parts.hpp"

#include <string>
#include <vector>

#include "edge/standin/members.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::simulation {
namespace {

using edge::journal::Batch;
using hub::db::Rows;
using hub::db::Transaction;
using hub::db::Value;

struct Statement {
  std::string sql;
  std::vector<Value> parameters;
};

/// Notes every statement that is not taken back.
class Recorder final : public Transaction {
 public:
  explicit Recorder(Transaction& inner) : inner_(inner) {}

  Result<Rows> query(std::string_view sql, std::vector<Value> parameters) override {
    said_.push_back({std::string(sql), parameters});
    return inner_.query(sql, std::move(parameters));
  }
  Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters) override {
    said_.push_back({std::string(sql), parameters});
    return inner_.execute(sql, std::move(parameters));
  }
  std::string_view for_update() const override { return inner_.for_update(); }
  Result<void> attempt(const std::function<Result<void>()>& work) override {
    const std::size_t before = said_.size();
    auto done = inner_.attempt(work);
    if (!done) said_.resize(before);
    return done;
  }
  std::vector<Statement>& said() { return said_; }

 private:
  Transaction& inner_;
  std::vector<Statement> said_;
};

Result<void> say(hub::db::SqliteInline& database, const std::vector<Statement>& statements) {
  return database.write_now([&statements](Transaction& transaction) -> Result<void> {
    for (const Statement& statement : statements) {
      auto said = transaction.query(statement.sql, statement.parameters);
      if (!said) return failure(said);
    }
    return {};
  });
}

}  // namespace

Task<void> HastyJournal::commit(Batch batch) {
  Batch later = batch;
  co_await net::spawn_child(synced_.commit(std::move(later)));
  co_await seen_.commit(std::move(batch));
}

Batch without_redemptions(const Batch& batch) {
  Batch rest;
  for (const Batch::Change& change : batch.changes()) {
    if (!change.value) {
      rest.erase(change.family, change.key);
      continue;
    }
    auto member = change.family == edge::journal::Family::members
                      ? edge::standin::decode_member(*change.value)
                      : Result<edge::standin::Member>(fail(Errc::not_found));
    if (member) member->redeemed_on_day = member->unsettled = Points{};
    rest.put(change.family, change.key, member ? edge::standin::encode(*member) : *change.value);
  }
  return rest;
}

Batch without_wheel_records(const Batch& batch, std::string_view begin) {
  Batch rest;
  for (const Batch::Change& change : batch.changes()) {
    if (!change.value) {
      rest.erase(change.family, change.key);
    } else if (change.family != edge::journal::Family::prizes_leased || !change.key.starts_with(begin)) {
      rest.put(change.family, change.key, *change.value);
    }
  }
  return rest;
}

Result<void> write_cursor_first(hub::db::SqliteInline& database, Fate& fate,
                                const std::function<Result<void>(Transaction&)>& work) {
  std::vector<Statement> events;
  Result<void> outcome;
  // Only to learn what is to be said: an error takes all of it back.
  (void)database.write_now([&](Transaction& transaction) -> Result<void> {
    Recorder recorder(transaction);
    outcome = work(recorder);
    events = std::move(recorder.said());
    return fail(Errc::cancelled);
  });
  if (!outcome) return outcome;
  std::vector<Statement> cursor;
  std::erase_if(events, [&cursor](const Statement& statement) {
    if (statement.sql.find("SET cursor_sequence") == std::string::npos) return false;
    cursor.push_back(statement);
    return true;
  });
  if (auto moved = say(database, cursor); !moved) return moved;
  if (!cursor.empty() && fate.strikes("between two writes")) return outcome;
  return say(database, events);
}

}  // namespace perkline::simulation
