#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hub/api/hub_api.hpp"
#include "hub/identity/user.hpp"
#include "hub/notifications/notifier.hpp"
#include "shared/json/value.hpp"
#include "shared/net/http_server.hpp"
#include "shared/net/signal.hpp"
#include "shared/ops/health.hpp"
#include "tests/support/raw_http.hpp"
#include "tests/support/running_reactor.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::test {

/// The fields that an answer says are at fault.
std::set<std::string> faults_of(const RawAnswer& answer);

/// What the daemon takes from its configuration.
struct HubWeb {
  std::int64_t member_per_second = 0;
  hub::points::Terms terms = {};
  hub::wheel::Terms wheel = {};
  bool top_ups = true;
  hub::notifications::Feed::Bounds sockets = {};
  hub::api::WheelRoutes::Watch on_spin = {};
  net::HttpServerOptions server = {.listen = "0", .body_bytes_max = limits::hub_body_bytes_max};
};

/// The hub's API as the daemon puts it together, on a real server over a real database; only passwords are
/// cheap.
class ServedHub {
 public:
  static constexpr const char* password = "correct horse 42";

  explicit ServedHub(hub::api::Attempts::Limits limits = {.login_per_minute = 0,
                                                          .auth_per_address_minute = 0},
                     HubWeb web = {});
  ~ServedHub();

  /// `path` with its query; `token` empty: none is sent.
  RawAnswer get(const std::string& path, const std::string& token = "") const;
  /// `headers`: more of them, each with its line's end.
  RawAnswer send(const std::string& method, const std::string& path, const std::string& token,
                 const std::string& body, const std::string& headers = "") const;
  /// On a connection of its own.
  RawHttp connect() const { return RawHttp(port()); }
  std::uint16_t port() const { return server_->port(); }
  RawAnswer log_in(const std::string& login, const std::string& secret = password) const;

  /// A user that logs in as `name`@example.com with `password`; the card's receipt was shown.
  hub::identity::User add_user(const std::string& name, hub::identity::Role role,
                               std::optional<CustomerId> loyalty_id = std::nullopt);
  std::string token_of(const hub::identity::User& user);
  /// A new user's token.
  std::string token_for(hub::identity::Role role);

  /// Works in one write transaction; the test fails with it.
  void write(const std::function<Result<void>(hub::db::Transaction&)>& work);
  void execute(const std::string& sql, std::vector<hub::db::Value> parameters = {});
  /// The texts in the first column.
  std::vector<std::string> column(const std::string& sql);

  RunningReactor& reactor() { return reactor_; }
  hub::db::Database& database() { return *database_; }
  /// Has members told of every event there is, as the outbox's consumer does, in one transaction; again and
  /// again the same. `mail`: mails are made, too.
  void tell_events(bool mail = false);
  hub::identity::Tokens& tokens() { return *tokens_; }
  const std::vector<hub::identity::SigningKey>& keys() const { return keys_; }
  const hub::api::HubApi& api() const { return *api_; }
  UuidMaker& ids() { return ids_; }
  SystemRng& rng() { return rng_; }

 private:
  TempDir folder_;
  DatabasePlace place_{folder_.file("hub.db")};
  SystemClock clock_;
  SystemRng rng_;
  UuidMaker ids_{clock_, rng_};
  ops::Health health_{clock_};
  std::string password_hash_;
  std::vector<hub::identity::SigningKey> keys_;
  int users_ = 0;
  RunningReactor reactor_;
  // Made and destroyed on the reactor's thread.
  std::unique_ptr<hub::db::Database> database_;
  std::optional<hub::identity::Tokens> tokens_;
  std::optional<hub::identity::PasswordHasher> hasher_;
  std::optional<hub::api::HubApi> api_;
  std::optional<net::HttpServer> server_;
  /// The feed's run, ended before what it uses goes.
  std::optional<net::Signal> end_feed_;
  std::promise<void> feed_ended_;
};

/// The member of a JSON object, as it is written; empty when there is none.
std::string member_of(const std::string& json, const std::string& name);

}  // namespace perkline::test
