#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "hub/db/database.hpp"
#include "hub/events/consumer.hpp"
#include "shared/core/ids.hpp"

namespace perkline::hub::notifications {

inline constexpr std::string_view consumer_name = "notifications";

/// Turns events into notifications and mails: the outbox's consumer `notifications`. A member that is active
/// gets one of each event and channel, by the preferences and words of that moment; nobody else gets any.
class Notifier {
 public:
  struct Options {
    bool mail = false;  ///< Mails are made; without a server nobody would send them.
    /// Called on the reactor's thread when something is about to be written, so that sockets and the mail's
    /// worker look soon.
    std::function<void()> about_to_tell = {};
  };
  /// Both must outlive this.
  Notifier(const Clock& clock, UuidMaker& ids, Options options)
      : clock_(clock), ids_(ids), options_(std::move(options)) {}

  using Work = std::function<Result<void>(db::Transaction&)>;
  /// On the reactor's thread; the work belongs into the transaction that moves the consumer's offset, and may
  /// run any number of times: what is there already stays as it is. The work's errors: validation_failed (an
  /// event's data is not what it should be), the database's.
  Work take(std::span<const events::DomainEvent> events);
  /// What a dispatcher takes; this must outlive it.
  events::Consumer consumer() {
    return {.name = consumer_name,
            .take = [this](std::span<const events::DomainEvent> events) { return take(events); }};
  }

 private:
  const Clock& clock_;
  UuidMaker& ids_;
  Options options_;
};

/// So many mails are made for a member within an hour; of what comes beyond that the app alone tells.
inline constexpr std::int64_t mails_an_hour_max = 20;

/// Of events older than that when they are first seen no mail is made: it would be news no more.
inline constexpr days mail_age_max{7};

}  // namespace perkline::hub::notifications
