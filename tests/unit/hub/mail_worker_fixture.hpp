#pragma once

#include <map>
#include <set>

#include "hub/notifications/mail_worker.hpp"
#include "shared/net/either.hpp"
#include "tests/support/eventually.hpp"
#include "tests/unit/hub/live_hub.hpp"

namespace perkline::test {

using hub::notifications::MailFate;
using hub::notifications::MailOutcome;
using hub::notifications::MailWorker;

/// A mail server that does as it is told. Reactor's thread, but for `sent`.
class FakeMail final : public hub::notifications::MailPort {
 public:
  Task<MailOutcome> send(hub::notifications::Mail mail) override {
    ++tries[mail.to];
    if (hangs) co_await released_.wait();
    MailOutcome outcome{.fate = MailFate::sent};
    if (down) {
      outcome = {.fate = MailFate::unreachable, .reason = "nobody there"};
    } else if (nobodys.contains(mail.to)) {
      outcome = {.fate = MailFate::refused, .reason = "550 ***", .is_of_address = true, .status = "550"};
    } else if (const auto told = fates.find(mail.to); told != fates.end() && !told->second.empty()) {
      outcome = {.fate = told->second.front(), .reason = "because"};
      told->second.erase(told->second.begin());
    } else if (breaks.contains(mail.to)) {
      outcome = {.fate = MailFate::put_off, .reason = "a timeout", .broke_the_line = true};
    } else if (unreached.contains(mail.to)) {
      outcome = {.fate = MailFate::unreachable, .reason = "gone"};
    }
    if (outcome.fate == MailFate::sent) sent.push_back(std::move(mail));
    co_return outcome;
  }

  void release() {
    hangs = false;
    released_.notify();
  }

  bool down = false;
  bool hangs = false;  ///< Says nothing until release().
  std::map<std::string, std::vector<MailFate>> fates;
  std::set<std::string> nobodys;    ///< Addresses that are.
  std::set<std::string> breaks;     ///< At which the line breaks.
  std::set<std::string> unreached;  ///< Whose mails never get to a server.
  std::map<std::string, int> tries;
  std::vector<hub::notifications::Mail> sent;

 private:
  net::Signal released_;
};

/// Mails that wait in a hub's database, and workers that send them.
class Mails : public ::testing::Test {
 protected:
  /// A worker of its own, as a replica's, ended before what it uses goes.
  class Running {
   public:
    Running(LiveHub& live, FakeMail& port, MailWorker::Options options) : live_(live) {
      live_.reactor().run([&] {
        worker_.emplace(MailWorker::Parts{live.port(), live.reactor()->clock(), live.ids(), port},
                        std::move(options));
        live.reactor()->spawn(until(worker_->run(), end_, ended_));
      });
    }
    ~Running() {
      live_.reactor().run([&] { end_.notify(); });
      ended_.get_future().wait();
    }

   private:
    static Task<void> until(Task<void> task, net::Signal& end, std::promise<void>& ended) {
      co_await net::either(std::move(task), end.wait());
      ended.set_value();
    }
    LiveHub& live_;
    std::optional<MailWorker> worker_;
    net::Signal end_;
    std::promise<void> ended_;
  };

  static MailWorker::Options quick() {
    return {.look_every = Millis{10},
            .unreachable_base = Millis{10},
            .unreachable_max = Millis{40},
            .put_off_base = Millis{20},
            .put_off_max = Millis{80}};
  }

  void execute(const std::string& sql, std::vector<hub::db::Value> parameters = {}) {
    EXPECT_TRUE(live_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto done = transaction.execute(sql, parameters);
      if (!done) return failure(done);
      return {};
    })) << sql;
  }
  /// One of those that thousands get, put off by the server once.
  void mail_to_many(const std::string& name, Millis ago) {
    mail(name, ago);
    execute(
        "UPDATE notification_mail SET template = 'promotion_assigned', in_masses = 1, attempts = 1 WHERE"
        " user_id = $1",
        {name});
  }
  /// A mail that waits for `name`@example.com.
  void mail(const std::string& name, Millis ago = Millis{0}) {
    const std::int64_t at = (live_.clock().wall_now() - ago).time_since_epoch().count();
    execute(
        "INSERT INTO users (id, email, email_key, name, role, active, password_hash, created_at)"
        " VALUES ($1, $2, $2, 'n', 'member', 1, 'x', 1) ON CONFLICT (id) DO NOTHING",
        {name, name + "@example.com"});
    execute(
        "INSERT INTO notification_mail (id, event_id, user_id, template, subject, body, state, next_at,"
        " created_at) VALUES ($1, $1, $2, 'welcome', 'Hello', 'You', 'waiting', $3, $3)",
        {live_.ids().next().str(), name, at});
  }
  std::int64_t in_state(const std::string& state) {
    return live_.number("SELECT COUNT(*) FROM notification_mail WHERE state = $1", {state});
  }
  bool becomes(const std::string& state, std::int64_t count) {
    return eventually([&] { return in_state(state) == count; });
  }

  LiveHub live_;
  FakeMail port_;
};

}  // namespace perkline::test
