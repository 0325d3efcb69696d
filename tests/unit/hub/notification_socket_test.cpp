#include <algorithm>
#include <set>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/web_socket_client.hpp"
#include "tests/unit/hub/notifications_fixture.hpp"

namespace perkline::test {
namespace {

class NotificationSocket : public Notifications {
 protected:
  static constexpr const char* path = "/api/v1/notifications/ws";
  static constexpr const char* tier = R"("tier":"Gold")";

  WebSocketClient listen(const Someone& who, const std::string& query = "", const std::string& fields = "") {
    return WebSocketClient(hub_.port(), path + query, socket_token(who.token) + fields);
  }
  static std::string id_of(const std::optional<std::string>& frame) {
    return frame ? member_of(*frame, "id") : "(none)";
  }
  /// All of the member's, the oldest first.
  std::vector<std::string> ids_of(const Someone& who) {
    auto ids = texts(listed(who, "?limit=200"), "id");
    std::ranges::reverse(ids);
    return ids;
  }
  void happen(const Someone& whose, int times) {
    std::vector<hub::events::DomainEvent> events;
    for (int i = 0; i < times; ++i) events.push_back(event("TIER_CHANGED", whose, tier));
    append(events);
    hub_.tell_events();
  }
};

TEST_F(NotificationSocket, SaysWhatTheListShowsAsItComes) {
  const Someone jo = someone("jo");
  const Someone al = someone("al");
  happen(jo, 1);
  WebSocketClient socket = listen(jo);
  ASSERT_TRUE(socket.is_open()) << socket.answer().body;
  EXPECT_EQ(socket.answer().field("Sec-WebSocket-Protocol"), "perkline");
  happen(al, 2);
  happen(jo, 1);
  const auto frame = socket.next_text();
  const RawAnswer list = hub_.get(std::string(base) + "?limit=1", jo.token);
  ASSERT_TRUE(frame);
  EXPECT_EQ(list.body, R"({"items":[)" + *frame + R"(],"nextCursor":)" +
                           list.body.substr(list.body.find("nextCursor") + 12));
  happen(jo, 3);
  const auto ids = ids_of(jo);
  for (std::size_t i = 2; i < 5; ++i) EXPECT_EQ(id_of(socket.next_text()), ids[i]);
}

TEST_F(NotificationSocket, LostAndResumedSeesEachOnceAndInOrder) {
  const Someone jo = someone("jo");
  happen(jo, 3);
  std::vector<std::string> seen;
  std::atomic<bool> stop = false;
  std::jthread happening([&] {
    for (int i = 0; i < 12; ++i) happen(jo, 10);
    stop = true;
  });
  std::string after = "0";
  while (seen.size() < 123) {
    WebSocketClient socket = listen(jo, "?after=" + after);
    ASSERT_TRUE(socket.is_open());
    // Torn off in the middle of whatever comes.
    for (int i = 0; i < 7 && seen.size() < 123; ++i) {
      auto frame = socket.next_text();
      ASSERT_TRUE(frame);
      seen.push_back(id_of(frame));
      after = seen.back();
    }
    socket.connection().reset();
  }
  happening.join();
  EXPECT_EQ(seen, ids_of(jo));
  WebSocketClient socket = listen(jo, "?after=" + after);
  happen(jo, 1);
  EXPECT_EQ(id_of(socket.next_text()), ids_of(jo).back()) << "and nothing besides";
}

TEST_F(NotificationSocket, BehindAnIdThatNoNotificationHasYetHearsWhatComes) {
  const Someone jo = someone("jo");
  happen(jo, 1);
  WebSocketClient socket = listen(jo, "?after=9999999");
  ASSERT_TRUE(socket.is_open()) << socket.answer().body;
  happen(jo, 1);
  const auto frame = socket.next_text();
  ASSERT_TRUE(frame);
  EXPECT_EQ(id_of(frame), ids_of(jo).back());
}

TEST_F(NotificationSocket, IsOpenedByWhoMayAlone) {
  const Someone jo = someone("jo");
  const Someone staff = someone("sam", hub::identity::Role::staff);
  const auto status = [&](const std::string& fields, const std::string& query = "") {
    return WebSocketClient(hub_.port(), path + query, fields).answer();
  };
  EXPECT_EQ(status("").status, 401);
  EXPECT_EQ(status("Authorization: Bearer " + jo.token + "\r\n").status, 401) << "not where it belongs";
  EXPECT_EQ(status(socket_token("x")).code(), "UNAUTHENTICATED");
  EXPECT_EQ(status(socket_token(jo.token + "x")).code(), "UNAUTHENTICATED");
  EXPECT_EQ(status(socket_token(staff.token)).code(), "FORBIDDEN");
  EXPECT_EQ(status(socket_token(jo.token) + "Origin: https://evil.example\r\n").code(), "FORBIDDEN");
  EXPECT_EQ(status(socket_token("x") + "Origin: https://evil.example\r\n").status, 401);
  EXPECT_EQ(status("Sec-WebSocket-Protocol: bearer." + jo.token + "\r\n").code(), "BAD_REQUEST")
      << "nothing to answer with";
  EXPECT_EQ(status(socket_token(jo.token), "?after=x").code(), "NOT_FOUND") << "as any id that cannot be one";
  EXPECT_EQ(status(socket_token(jo.token), "?after=-1").code(), "NOT_FOUND");
  EXPECT_EQ(hub_.get(path, jo.token).status, 401) << "a plain call has its token elsewhere";
  EXPECT_EQ(status("Sec-WebSocket-Protocol: perkline\r\nSec-WebSocket-Protocol: bearer." + jo.token + "\r\n")
                .status,
            101);
}

TEST_F(NotificationSocket, ClosesWhenTheAccountIsDeactivated) {
  const Someone jo = someone("jo");
  const Someone al = someone("al");
  WebSocketClient of_jo = listen(jo);
  WebSocketClient of_al = listen(al);
  ASSERT_TRUE(of_jo.is_open());
  hub_.execute("UPDATE users SET active = 0 WHERE id = $1", {jo.id()});
  EXPECT_EQ(of_jo.close_code(), 4403);
  happen(al, 1);
  EXPECT_TRUE(of_al.next_text()) << "others stay";
}

TEST_F(NotificationSocket, ClosesWhenItsSessionEnds) {
  someone("jo");
  const std::string token = member_of(hub_.log_in("jo@example.com").body, "accessToken");
  WebSocketClient socket(hub_.port(), path, socket_token(token));
  ASSERT_TRUE(socket.is_open());
  EXPECT_EQ(hub_.send("POST", "/api/v1/auth/logout", token, "").status, 204);
  EXPECT_EQ(socket.close_code(), 4403);
}

TEST_F(NotificationSocket, ClosesWhenTheTokenExpires) {
  const Someone jo = someone("jo");
  std::string token;
  hub_.reactor().run([&] {
    hub::identity::Tokens brief(hub_.keys(), {.terms = {.issuer = "perkline"}, .ttl = seconds{1}},
                                hub_.reactor()->clock(), hub_.rng());
    token = brief.issue(jo.user);
  });
  WebSocketClient socket(hub_.port(), path, socket_token(token));
  ASSERT_TRUE(socket.is_open()) << socket.answer().body;
  EXPECT_EQ(socket.close_code(), 4401);
}

TEST_F(NotificationSocket, AreOnlySoManyToAMember) {
  const Someone jo = someone("jo");
  std::vector<WebSocketClient> sockets;
  for (std::size_t i = 0; i < hub::notifications::sockets_per_member_max; ++i) {
    sockets.push_back(listen(jo));
    ASSERT_TRUE(sockets.back().is_open());
  }
  EXPECT_EQ(listen(jo).answer().code(), "RATE_LIMITED");
  EXPECT_TRUE(listen(someone("al")).is_open());
  sockets.front().close();
  EXPECT_TRUE(eventually([&] { return listen(jo).is_open(); }));
}

TEST_F(NotificationSocket, AreOnlySoManyToAMemberAlsoAtOnce) {
  const Someone jo = someone("jo");
  constexpr std::size_t asked = hub::notifications::sockets_per_member_max + 40;
  std::vector<std::optional<WebSocketClient>> sockets(asked);
  std::atomic<std::size_t> next = 0;
  {
    std::vector<std::jthread> asking;
    for (int i = 0; i < 26; ++i) {
      asking.emplace_back([&] {
        for (std::size_t mine = next++; mine < asked; mine = next++) sockets[mine].emplace(listen(jo));
      });
    }
  }
  const auto open = std::ranges::count_if(sockets, [](const auto& each) { return each->is_open(); });
  EXPECT_EQ(static_cast<std::size_t>(open), hub::notifications::sockets_per_member_max);
  sockets.clear();
  EXPECT_TRUE(eventually([&] { return listen(jo).is_open(); })) << "their places are free again";
}

TEST_F(NotificationSocket, AreOnlySoManyToAnAddressAndInAllAndCallsGoOn) {
  HubWeb web = this->web();
  web.server.trusted_proxies = {"127.0.0.1"};
  web.sockets = {.all = 5, .per_address = 3};
  ServedHub hub({.login_per_minute = 0, .auth_per_address_minute = 0}, web);
  int members = 0;
  const auto open_from = [&](const std::string& address) {
    const auto user = hub.add_user("m" + std::to_string(members++), hub::identity::Role::member);
    return WebSocketClient(hub.port(), path,
                           socket_token(hub.token_of(user)) + "X-Forwarded-For: " + address + "\r\n");
  };
  std::vector<WebSocketClient> sockets;
  for (const char* address : {"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.1"}) {
    sockets.push_back(open_from(address));
    ASSERT_TRUE(sockets.back().is_open()) << sockets.back().answer().body;
  }
  EXPECT_EQ(open_from("2001:db8::4").answer().code(), "RATE_LIMITED") << "somebody else, from the same /64";
  const WebSocketClient too_many = open_from("192.0.2.2");
  EXPECT_EQ(too_many.answer().code(), "OVERLOADED");
  EXPECT_TRUE(too_many.answer().field("Retry-After"));
  EXPECT_EQ(hub.get("/api/v1/prizes").status, 200) << "and everybody is served";
  sockets.front().close();
  EXPECT_TRUE(eventually([&] { return open_from("2001:db8::4").is_open(); })) << "its place is free again";
}

TEST_F(NotificationSocket, ThatIsTooSlowIsDroppedAndResumesBehindWhatItRead) {
  const Someone jo = someone("jo");
  // More than the buffers between the two take.
  hub_.send("PUT", std::string(base) + "/preferences", jo.token, R"({"channels":{"email":false}})");
  constexpr int many = 400;
  std::vector<hub::events::DomainEvent> events;
  for (int i = 0; i < many; ++i)
    events.push_back(
        event("TIER_CHANGED", jo, R"("tier":"Gold","padding":")" + std::string(32 * 1024, 'x') + '"'));
  for (std::size_t i = 0; i < events.size(); i += 50)
    append({events.begin() + static_cast<std::ptrdiff_t>(i),
            events.begin() + static_cast<std::ptrdiff_t>(i) + 50});
  hub_.tell_events();

  std::vector<std::string> seen;
  {
    WebSocketClient slow = listen(jo, "?after=0");
    ASSERT_TRUE(slow.is_open());
    // Says something now and then, and reads nothing, until nobody is there any more.
    while (slow.send(WebSocketClient::Opcode::pong, "")) std::this_thread::sleep_for(Millis{5});
    while (const auto frame = slow.next_text()) seen.push_back(id_of(frame));
  }
  EXPECT_LT(seen.size(), many);
  ASSERT_FALSE(seen.empty());
  WebSocketClient resumed = listen(jo, "?after=" + seen.back());
  while (seen.size() < many) seen.push_back(id_of(resumed.next_text()));
  EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), many);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

}  // namespace
}  // namespace perkline::test
