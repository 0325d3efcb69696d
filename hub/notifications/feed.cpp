#include "hub/notifications/feed.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/notifications/notifications.hpp"
#include "shared/net/either.hpp"

namespace perkline::hub::notifications {
namespace {

constexpr Millis look_every{400};
constexpr Millis look_promptly{40};
constexpr seconds prompt_for{2};
constexpr seconds ask_who_may_every{2};
constexpr seconds between_tries{1};
constexpr std::int64_t page = 100;
/// When whoever has too many sockets may have closed some.
constexpr seconds socket_retry{5};
/// More than that at once, and every socket looks for itself.
constexpr std::int64_t news_told_apart_max = 10'000;

struct News {
  std::int64_t last = 0;
  bool of_many = false;  ///< Too many to be told apart.
  std::set<std::string, std::less<>> users = {};
};

Result<News> news_since(db::Transaction& transaction, std::optional<std::int64_t> seen) {
  auto last = last_id(transaction);
  if (!last) return failure(last);
  News news{.last = *last, .of_many = !seen || *last - *seen > news_told_apart_max};
  if (news.of_many || *last == *seen) return news;
  auto rows = transaction.query("SELECT DISTINCT user_id FROM notification WHERE id > $1 AND id <= $2",
                                {*seen, *last});
  if (!rows) return failure(rows);
  for (const db::Row& row : *rows) news.users.insert(row.text(0));
  return news;
}

struct WhoMay {
  std::set<std::string, std::less<>> users;
  std::set<std::string, std::less<>> sessions;
};

Result<WhoMay> who_may(db::Transaction& transaction, const std::vector<db::Value>& users,
                       const std::vector<db::Value>& sessions) {
  static const db::BulkStatement active(
      "SELECT id FROM users WHERE role = 'member' AND active = 1 AND id IN (", "?", ")");
  static const db::BulkStatement going_on(
      "SELECT id FROM refresh_family WHERE revoked_at IS NULL AND id IN (", "?", ")");
  WhoMay may;
  auto found = active.run(transaction, users);
  if (!found) return failure(found);
  for (const db::Row& row : *found) may.users.insert(row.text(0));
  found = going_on.run(transaction, sessions);
  if (!found) return failure(found);
  for (const db::Row& row : *found) may.sessions.insert(row.text(0));
  return may;
}

std::string frame_of(const Notification& notification) {
  json::Writer out;
  write_notification(out, notification);
  return out.take();
}

}  // namespace

/// A place in the list of sockets, for as long as its coroutine lives.
class Feed::Registered {
 public:
  Registered(Feed& feed, Listener listener, net::WebSocket& socket)
      : feed_(feed), at_(feed.open_.insert(feed.open_.end(), Open{std::move(listener), socket})) {}
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;
  ~Registered() { feed_.open_.erase(at_); }
  Open& operator*() { return *at_; }

 private:
  Feed& feed_;
  std::list<Open>::iterator at_;
};

Task<void> Feed::serve(Listener listener, net::WebSocket& socket) {
  Registered registered(*this, std::move(listener), socket);
  Open& open = *registered;
  hurry_.notify();
  while (true) {
    auto found = co_await db::read_for<std::vector<Notification>>(
        database_, [user = open.listener.user, after = open.listener.after](db::Transaction& transaction) {
          return following(transaction, user, after, page);
        });
    if (!found) {
      co_await clock_.sleep(between_tries);
      continue;
    }
    for (const Notification& notification : *found) {
      if (!co_await socket.send(frame_of(notification))) co_return;
      open.listener.after = notification.id;
    }
    if (std::ssize(*found) < page) co_await open.news.wait();
  }
}

class Feed::Place {
 public:
  Place(Feed& feed, const UserId& user, const std::string& network)
      : feed_(feed), user_(user.str()), network_(network) {
    ++feed_.places_;
    ++feed_.places_of_[user_];
    ++feed_.places_from_[network_];
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    --feed_.places_;
    leave(feed_.places_of_, user_);
    leave(feed_.places_from_, network_);
  }

 private:
  static void leave(std::map<std::string, std::size_t>& places, const std::string& whose) {
    const auto mine = places.find(whose);
    if (--mine->second == 0) places.erase(mine);
  }

  Feed& feed_;
  std::string user_;
  std::string network_;
};

Result<std::shared_ptr<Feed::Place>> Feed::take_place(const UserId& user, const std::string& network) {
  const auto is_full = [](const std::map<std::string, std::size_t>& places, const std::string& whose,
                          std::size_t most) {
    const auto taken = places.find(whose);
    return most > 0 && taken != places.end() && taken->second >= most;
  };
  const auto refused = [](Errc code, const char* why) {
    return fail(Error{.code = code, .detail = why, .retry_after = socket_retry});
  };
  if (is_full(places_of_, user.str(), sockets_per_member_max))
    return refused(Errc::rate_limited, "this member has too many sockets open");
  if (is_full(places_from_, network, bounds_.per_address))
    return refused(Errc::rate_limited, "this address has too many sockets open");
  if (bounds_.all > 0 && places_ >= bounds_.all)
    return refused(Errc::overloaded, "too many sockets are open");
  return std::make_shared<Place>(*this, user, network);
}

void Feed::expect_news() {
  if (open_.empty()) return;
  prompt_until_ = clock_.mono_now() + prompt_for;
  hurry_.notify();
}

void Feed::wake_all() {
  for (Open& each : open_) each.news.notify();
}

Task<void> Feed::run() {
  MonoTime asked;
  while (true) {
    if (open_.empty()) {
      // Nobody to look for; what comes meanwhile the next socket reads itself.
      seen_.reset();
      co_await hurry_.wait();
      continue;
    }
    co_await look_for_news();
    const MonoTime now = clock_.mono_now();
    if (now - asked >= ask_who_may_every) {
      asked = now;
      co_await look_who_may_listen();
    }
    if (now < prompt_until_) {
      co_await clock_.sleep(look_promptly);
    } else {
      co_await net::either(clock_.sleep(look_every), hurry_.wait());
    }
  }
}

Task<void> Feed::look_for_news() {
  const auto news = co_await db::read_for<News>(
      database_, [seen = seen_](db::Transaction& transaction) { return news_since(transaction, seen); });
  // A database that is away is told elsewhere, and looked into again soon.
  if (!news) co_return;
  seen_ = news->last;
  if (news->of_many) co_return wake_all();
  if (news->users.empty()) co_return;
  for (Open& each : open_) {
    if (news->users.contains(each.listener.user.str())) each.news.notify();
  }
}

Task<void> Feed::look_who_may_listen() {
  std::vector<db::Value> users;
  std::vector<db::Value> sessions;
  for (Open& each : open_) {
    each.asked_about = true;
    users.emplace_back(each.listener.user.str());
    if (each.listener.session) sessions.emplace_back(each.listener.session->str());
  }
  const auto may = co_await db::read_for<WhoMay>(
      database_,
      [&users, &sessions](db::Transaction& transaction) { return who_may(transaction, users, sessions); });
  const WallTime now = clock_.wall_now();
  for (Open& each : open_) {
    const Listener& listener = each.listener;
    if (listener.expires_at <= now) each.socket.close(net::CloseCode::token_expired);
    // One that came meanwhile was let in a moment ago.
    if (!may || !each.asked_about) continue;
    const bool active = may->users.contains(listener.user.str()) &&
                        (!listener.session || may->sessions.contains(listener.session->str()));
    if (!active) each.socket.close(net::CloseCode::account_inactive);
  }
}

}  // namespace perkline::hub::notifications
