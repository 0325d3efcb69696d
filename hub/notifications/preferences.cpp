#include "hub/notifications/preferences.hpp"

#include <algorithm>

#include "hub/db/bulk_statement.hpp"
#include "hub/notifications/kinds.hpp"

namespace perkline::hub::notifications {
namespace {

void write_channels(json::Writer& out, const Channels& channels) {
  out.begin_object().field("in_app", channels.in_app).field("email", channels.email).end_object();
}

void take_over(Preferences& into, const db::Row& row, std::size_t first) {
  const Channels channels{.in_app = row.integer(first + 1) != 0, .email = row.integer(first + 2) != 0};
  if (row.text(first).empty()) {
    into.channels = channels;
  } else {
    into.types.emplace(row.text(first), channels);
  }
}

/// One object of channels; names that are none are faults.
PreferenceChange::Part read_part(json::Fields& fields, const json::Value& value, const std::string& path) {
  json::Fields part = fields.nested(value, path);
  for (const json::Member& member : value.members()) {
    if (member.name != "in_app" && member.name != "email")
      part.fault(member.name, "must be in_app or email: there is no such channel");
  }
  return {.in_app = part.optional_bool("in_app"), .email = part.optional_bool("email")};
}

void apply(Channels& channels, const PreferenceChange::Part& part) {
  channels.in_app = part.in_app.value_or(channels.in_app);
  channels.email = part.email.value_or(channels.email);
}

}  // namespace

Channels Preferences::of(std::string_view type) const {
  const auto own = types.find(type);
  if (own == types.end()) return channels;
  return {.in_app = channels.in_app && own->second.in_app, .email = channels.email && own->second.email};
}

Result<Preferences> preferences_of(db::Transaction& transaction, const UserId& user) {
  auto rows = transaction.query("SELECT type, in_app, email FROM notification_preference WHERE user_id = $1",
                                {user.str()});
  if (!rows) return failure(rows);
  Preferences preferences;
  for (const db::Row& row : *rows) take_over(preferences, row, 0);
  return preferences;
}

Result<std::map<std::string, Preferences, std::less<>>> preferences_of(db::Transaction& transaction,
                                                                       std::span<const std::string> users) {
  static const db::BulkStatement find(
      "SELECT user_id, type, in_app, email FROM notification_preference WHERE user_id IN (", "?", ")");
  auto rows = find.run(transaction, {users.begin(), users.end()});
  if (!rows) return failure(rows);
  std::map<std::string, Preferences, std::less<>> found;
  for (const db::Row& row : *rows) take_over(found[row.text(0)], row, 1);
  return found;
}

Result<void> put_preferences(db::Transaction& transaction, const UserId& user, const Preferences& wanted) {
  static const db::BulkStatement insert(
      "INSERT INTO notification_preference (user_id, type, in_app, email) VALUES ", "(?, ?, ?, ?)",
      " ON CONFLICT (user_id, type) DO UPDATE SET in_app = excluded.in_app, email = excluded.email");
  std::vector<db::Value> values;
  const auto add = [&](const std::string& type, const Channels& channels) {
    db::append_row(values, user.str(), type, std::int64_t{channels.in_app}, std::int64_t{channels.email});
  };
  add("", wanted.channels);
  for (const auto& [type, channels] : wanted.types) add(type, channels);
  auto put = insert.run(transaction, std::move(values));
  if (!put) return failure(put);
  return {};
}

void write_preferences(json::Writer& out, const Preferences& preferences) {
  out.begin_object().key("channels");
  write_channels(out, preferences.channels);
  out.key("types").begin_object();
  for (const std::string_view type : types) {
    const auto own = preferences.types.find(type);
    out.key(type);
    write_channels(out, own == preferences.types.end() ? Channels{} : own->second);
  }
  out.end_object().end_object();
}

PreferenceChange read_preferences(json::Fields& fields, const json::Value& root) {
  PreferenceChange change;
  const json::Value* channels = root.find("channels");
  const json::Value* of_types = root.find("types");
  if (channels == nullptr && of_types == nullptr) {
    fields.fault("channels", "is required");
    return change;
  }
  if (channels != nullptr) {
    if (const json::Value* object = fields.required_object("channels"))
      change.channels = read_part(fields, *object, "channels");
  }
  if (of_types == nullptr) return change;
  const json::Value* object = fields.required_object("types");
  if (object == nullptr) return change;
  json::Fields named = fields.nested(*object, "types");
  for (const json::Member& member : object->members()) {
    if (std::ranges::find(types, member.name) == types.end()) {
      named.fault(member.name, "is no type of notification");
    } else if (!member.value.is(json::Value::Kind::object)) {
      named.fault(member.name, "must be an object");
    } else {
      change.types.emplace(member.name, read_part(fields, member.value, "types." + std::string(member.name)));
    }
  }
  return change;
}

Preferences changed(Preferences before, const PreferenceChange& change) {
  apply(before.channels, change.channels);
  for (const auto& [type, part] : change.types) apply(before.types[type], part);
  return before;
}

}  // namespace perkline::hub::notifications
