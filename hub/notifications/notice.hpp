#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/events/event_log.hpp"
#include "hub/notifications/words.hpp"
#include "shared/core/ids.hpp"

namespace perkline::hub::notifications {

/// What one event means for one member, before anybody has asked whether they want to hear of it. Pure.
struct Notice {
  const Kind* kind = nullptr;
  std::string event;  ///< Its id.
  UserId user;
  WallTime occurred_at;
  Facts facts = {};  ///< Of the event's data, what templates may use.
  /// The event's data as it came, name and JSON of each.
  std::vector<std::pair<std::string, std::string>> data = {};
};

/// nullopt: nobody is to be told, because nobody ever is of such events, or because it names no user.
/// Errors: validation_failed (data that is no object, or whose `userId` is no text).
Result<std::optional<Notice>> notice_of(const events::DomainEvent& event);

/// The notification's content: `{title, body, …the event's data}`. What the event itself calls `title` or
/// `body` gives way.
std::string content_of(const Notice& notice, const Words& words);

}  // namespace perkline::hub::notifications
