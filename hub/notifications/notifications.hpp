#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/writer.hpp"

/// What members have been told in the app.
namespace perkline::hub::notifications {

struct Notification {
  std::int64_t id = 0;  ///< Rises in the order in which they became visible.
  std::string type;
  std::string event_type;
  std::string content;  ///< A JSON object.
  bool read = false;
  WallTime created_at;
};

/// Ids as members see them: 16 digits, so that they sort as texts too.
std::string id_text(std::int64_t id);
/// nullopt: cannot be one.
std::optional<std::int64_t> id_in(std::string_view text);
/// `{id, type, eventType, content, read, createdAt}`
void write_notification(json::Writer& out, const Notification& notification);

struct Filter {
  bool unread = false;  ///< Those alone.
  std::optional<std::string> type = std::nullopt;
};
/// The member's with ids below `before`, the newest first. Errors: the database's.
Result<std::vector<Notification>> newest(db::Transaction& transaction, const UserId& user,
                                         const Filter& filter, std::int64_t before, std::int64_t limit);
/// The member's with ids above `after`, in their order. Errors: the database's.
Result<std::vector<Notification>> following(db::Transaction& transaction, const UserId& user,
                                            std::int64_t after, std::int64_t limit);
/// The newest id there is, of whoever; whoever goes on behind it misses none. Errors: the database's.
Result<std::int64_t> last_id(db::Transaction& transaction);
/// Goes on with ids that no hub of before a backup can have come to: whoever goes on behind one of those
/// hears what comes now. Errors: the database's.
Result<void> skip_ids(db::Transaction& transaction);

/// False: the member has none of that id. Errors: the database's.
Result<bool> mark_read(db::Transaction& transaction, const UserId& user, std::int64_t id);
/// Errors: the database's.
Result<void> mark_all_read(db::Transaction& transaction, const UserId& user);

}  // namespace perkline::hub::notifications
