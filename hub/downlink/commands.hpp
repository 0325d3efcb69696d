#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/sync/down.hpp"

/// What somebody tells a store to do, until the store has answered. Inside a caller's transaction.
namespace perkline::hub::downlink {

struct NewCommand {
  Uuid id;
  StoreId store;
  sync::CommandKind kind = sync::CommandKind::log_level;  ///< log_level or rotate_key.
  std::string argument = {};                              ///< The level.
  WallTime at = {};
  std::string by;  ///< As the audit names them.
};
/// Errors: not_found (no such store), session_state (it is retired, or a rotation of its key is under way),
/// validation_failed (no level), the database's.
Result<void> give(db::Transaction& transaction, const NewCommand& command);

/// What the store is to be sent, the oldest first, at most so many. Errors: corrupt, the database's.
Result<std::vector<sync::Command>> open_commands(db::Transaction& transaction, const StoreId& store,
                                                 std::int64_t limit);

/// Who answers: a store, on a connection with that key.
struct Answering {
  StoreId store;
  std::string key;
  WallTime now = {};
  Uuid audit_id;
};
/// What the answer does: a key that is offered is let in beside the old one; the old ones go when the new one
/// is used. Answered again it does nothing more. What is to be sent in return; nullopt: nothing. Errors: the
/// database's.
Result<std::optional<sync::Command>> take_answer(db::Transaction& transaction, const Answering& from,
                                                 const sync::CommandAnswer& answer);

/// How the latest commands to a store stand, the newest first.
struct CommandStanding {
  std::string id;
  std::string kind;
  std::string argument;
  std::string state;  ///< waiting, key_let_in, done, refused
  std::string detail;
  WallTime created_at = {};
};
Result<std::vector<CommandStanding>> command_standings(db::Transaction& transaction, const StoreId& store,
                                                       std::int64_t limit);

}  // namespace perkline::hub::downlink
