#include "hub/downlink/commands.hpp"

#include <algorithm>
#include <array>

#include "hub/identity/audit.hpp"
#include "hub/stores/stores.hpp"
#include "shared/core/stamp.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::downlink {
namespace {

constexpr std::array<std::string_view, 4> levels{"debug", "info", "warn", "error"};

std::string_view name_of(sync::CommandKind kind) {
  return kind == sync::CommandKind::log_level ? "log_level" : "rotate_key";
}

/// A command as it stands.
struct Row {
  std::string kind;
  std::string state;
  std::string detail;
};

Result<std::optional<Row>> hold_command(db::Transaction& transaction, const Answering& from,
                                        const sync::CommandAnswer& answer) {
  auto rows =
      transaction.query("SELECT kind, state, detail FROM store_command WHERE id = $1 AND store_id = $2" +
                            std::string(transaction.for_update()),
                        {answer.id.str(), from.store.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return Row{rows->front().text(0), rows->front().text(1), rows->front().text(2)};
}

Result<void> move(db::Transaction& transaction, const Answering& from, const Uuid& id,
                  const std::string& state, const std::string& detail) {
  auto moved =
      transaction.execute("UPDATE store_command SET state = $2, detail = $3, answered_at = $4 WHERE id = $1",
                          {id.str(), state, detail, stamp(from.now)});
  if (!moved) return failure(moved);
  return {};
}

Result<void> audit(db::Transaction& transaction, const Answering& from, const std::string& key) {
  json::Writer detail;
  detail.begin_object().field("publicKey", key).end_object();
  const std::string who = "store:" + from.store.str();
  return identity::append_audit(transaction, {.id = from.audit_id,
                                              .at = from.now,
                                              .actor = who,
                                              .action = "store.key_rotated",
                                              .subject = who,
                                              .detail = detail.take()});
}

/// Lets the offered key in. One that was let in before and never used has been lost by the store.
Result<std::optional<sync::Command>> let_in(db::Transaction& transaction, const Answering& from,
                                            const Row& row, const sync::CommandAnswer& answer) {
  const sync::Command reply{
      .id = answer.id, .kind = sync::CommandKind::key_let_in, .argument = answer.detail};
  if (row.state == "key_let_in" && row.detail == answer.detail) return reply;
  if (row.state != "key_let_in" && row.state != "waiting") return std::nullopt;
  if (row.state == "key_let_in") {
    auto gone = transaction.execute(
        "UPDATE store_key SET revoked_at = $3 WHERE store_id = $1 AND public_key = $2 AND revoked_at IS NULL",
        {from.store.str(), row.detail, stamp(from.now)});
    if (!gone) return failure(gone);
  }
  auto added =
      transaction.attempt([&] { return stores::add(transaction, from.store, answer.detail, from.now); });
  if (!added &&
      (added.error().code == Errc::already_registered || added.error().code == Errc::session_state)) {
    auto refused = move(transaction, from, answer.id, "refused", added.error().detail);
    if (!refused) return failure(refused);
    return std::nullopt;
  }
  if (!added) return failure(added);
  if (auto moved = move(transaction, from, answer.id, "key_let_in", answer.detail); !moved)
    return failure(moved);
  return reply;
}

/// The new key speaks: the others have had their time.
Result<void> finish_rotation(db::Transaction& transaction, const Answering& from, const Row& row,
                             const sync::CommandAnswer& answer) {
  // Who has the old key may say what it likes: the connection has to be the new one's.
  if (row.state != "key_let_in" || row.detail != answer.detail || from.key != answer.detail) return {};
  auto revoked = transaction.execute(
      "UPDATE store_key SET revoked_at = $3 WHERE store_id = $1 AND public_key <> $2 AND revoked_at IS NULL",
      {from.store.str(), answer.detail, stamp(from.now)});
  if (!revoked) return failure(revoked);
  if (auto moved = move(transaction, from, answer.id, "done", answer.detail); !moved) return moved;
  return audit(transaction, from, answer.detail);
}

}  // namespace

Result<void> give(db::Transaction& transaction, const NewCommand& command) {
  if (command.kind == sync::CommandKind::log_level &&
      std::ranges::find(levels, command.argument) == levels.end())
    return fail(Error{.code = Errc::validation_failed,
                      .detail = "the command cannot be given",
                      .faults = {{"level", "must be debug, info, warn or error"}}});
  const auto store = stores::find(transaction, command.store);
  if (!store) return std::unexpected(store.error());
  if (store->retired) return fail(Errc::session_state, "store " + command.store.str() + " is retired");
  if (command.kind == sync::CommandKind::rotate_key) {
    auto open = transaction.query(
        "SELECT 1 FROM store_command WHERE store_id = $1 AND kind = 'rotate_key'"
        " AND state IN ('waiting', 'key_let_in') LIMIT 1",
        {command.store.str()});
    if (!open) return failure(open);
    if (!open->empty()) return fail(Errc::session_state, "a rotation of its key is under way");
  }
  auto given = transaction.execute(
      "INSERT INTO store_command (id, store_id, kind, argument, state, detail, created_at, created_by)"
      " VALUES ($1, $2, $3, $4, 'waiting', '', $5, $6)",
      {command.id.str(), command.store.str(), std::string(name_of(command.kind)), command.argument,
       stamp(command.at), command.by});
  if (!given) return failure(given);
  return {};
}

Result<std::vector<sync::Command>> open_commands(db::Transaction& transaction, const StoreId& store,
                                                 std::int64_t limit) {
  auto rows = transaction.query(
      "SELECT id, kind, argument, state, detail FROM store_command"
      " WHERE store_id = $1 AND state IN ('waiting', 'key_let_in') ORDER BY id LIMIT $2",
      {store.str(), limit});
  if (!rows) return failure(rows);
  std::vector<sync::Command> open;
  for (const db::Row& row : *rows) {
    const auto id = parse_uuid(row.text(0));
    if (!id) return fail(Errc::corrupt, "a command's id does not decode");
    sync::Command command{.id = *id, .kind = sync::CommandKind::log_level, .argument = row.text(2)};
    if (row.text(1) == "rotate_key") command.kind = sync::CommandKind::rotate_key;
    if (row.text(3) == "key_let_in") {
      command.kind = sync::CommandKind::key_let_in;
      command.argument = row.text(4);
    }
    open.push_back(std::move(command));
  }
  return open;
}

Result<std::optional<sync::Command>> take_answer(db::Transaction& transaction, const Answering& from,
                                                 const sync::CommandAnswer& answer) {
  const auto row = hold_command(transaction, from, answer);
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  Result<void> done;
  switch (answer.outcome) {
    case sync::CommandOutcome::key_offered:
      if ((*row)->kind != "rotate_key") return std::nullopt;
      return let_in(transaction, from, **row, answer);
    case sync::CommandOutcome::key_in_use:
      done = finish_rotation(transaction, from, **row, answer);
      break;
    case sync::CommandOutcome::done:
      if ((*row)->state == "waiting" && (*row)->kind == "log_level")
        done = move(transaction, from, answer.id, "done", "");
      break;
    case sync::CommandOutcome::refused:
      if ((*row)->state == "waiting") done = move(transaction, from, answer.id, "refused", answer.detail);
      break;
  }
  if (!done) return failure(done);
  return std::nullopt;
}

Result<std::vector<CommandStanding>> command_standings(db::Transaction& transaction, const StoreId& store,
                                                       std::int64_t limit) {
  auto rows = transaction.query(
      "SELECT id, kind, argument, state, detail, created_at FROM store_command WHERE store_id = $1"
      " ORDER BY id DESC LIMIT $2",
      {store.str(), limit});
  if (!rows) return failure(rows);
  std::vector<CommandStanding> standings;
  for (const db::Row& row : *rows) {
    standings.push_back({.id = row.text(0),
                         .kind = row.text(1),
                         .argument = row.text(2),
                         .state = row.text(3),
                         .detail = row.text(4),
                         .created_at = WallTime{Millis{row.integer(5)}}});
  }
  return standings;
}

}  // namespace perkline::hub::downlink
