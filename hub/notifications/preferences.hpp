#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/fields.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::notifications {

struct Channels {
  bool in_app = true;
  bool email = true;
  bool operator==(const Channels&) const = default;
};

/// What a member wants to be told, and where. A channel carries what both the member's `channels` and the
/// type's own allow; whoever has never said anything gets everything.
struct Preferences {
  Channels channels;
  std::map<std::string, Channels, std::less<>> types;  ///< Those that differ from "all".
  Channels of(std::string_view type) const;
  bool operator==(const Preferences&) const = default;
};

/// Errors: the database's.
Result<Preferences> preferences_of(db::Transaction& transaction, const UserId& user);
/// Of those that have said anything. Errors: the database's.
Result<std::map<std::string, Preferences, std::less<>>> preferences_of(db::Transaction& transaction,
                                                                       std::span<const std::string> users);
/// Errors: the database's.
Result<void> put_preferences(db::Transaction& transaction, const UserId& user, const Preferences& wanted);

/// `{channels: {in_app, email}, types: {wallet: {in_app, email}, …}}`, every type named.
void write_preferences(json::Writer& out, const Preferences& preferences);
/// What a body changes: channels and types that it does not name stay as they are.
struct PreferenceChange {
  struct Part {
    std::optional<bool> in_app;
    std::optional<bool> email;
  };
  Part channels;
  std::map<std::string, Part, std::less<>> types;
};
PreferenceChange read_preferences(json::Fields& fields, const json::Value& root);
Preferences changed(Preferences before, const PreferenceChange& change);

}  // namespace perkline::hub::notifications
