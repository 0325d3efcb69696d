#include <thread>

#include <gtest/gtest.h>

#include "hub/api/refresh_cookie.hpp"
#include "hub/identity/refresh_families.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::hub::identity {
namespace {

const std::string key(32, 'k');
const Uuid family_id = parse_uuid("0190163d-8694-739b-aea5-966c26f8ad91").value();
constexpr WallTime start = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};

TEST(RefreshToken, IsReadAsWritten) {
  const RefreshToken token{.family = family_id, .n = 41};
  const std::string text = write_refresh_token(key, token);
  EXPECT_EQ(read_refresh_token(key, text), token);
  EXPECT_EQ(write_refresh_token(key, token), text) << "the same number is the same token";
  // What goes into a cookie (RFC 6265 §4.1.1).
  EXPECT_EQ(text.find_first_of(" \",;\\"), std::string::npos);
}

TEST(RefreshToken, IsNotReadWhenAnythingIsOtherwise) {
  const std::string text = write_refresh_token(key, {.family = family_id, .n = 41});
  const std::string mac = text.substr(text.rfind('.'));
  for (const std::string& wrong :
       {std::string(), std::string("x"), std::string(".."), text + "A", text + ".", text.substr(1),
        family_id.str() + ".42" + mac, family_id.str() + ".041" + mac, family_id.str() + ".+41" + mac,
        family_id.str() + ".-41" + mac, family_id.str() + ".41.", family_id.str() + ".41",
        "0190163d-8694-739b-aea5-966c26f8ad92.41" + mac, "0190163D-8694-739b-aea5-966c26f8ad91.41" + mac,
        family_id.str() + ".99999999999999999999" + mac, text + std::string(5'000, 'A')}) {
    EXPECT_FALSE(read_refresh_token(key, wrong)) << wrong;
  }
  EXPECT_FALSE(read_refresh_token(std::string(32, 'o'), text)) << "another hub's key";
}

/// At token 5, made at `start`.
RefreshFamily fifth() {
  return {.id = family_id,
          .user = UserId("u"),
          .n = 5,
          .rotated_at = start,
          .expires_at = start + days{30},
          .revoked = false};
}

TEST(RefreshRules, RotateTheNewestAndRepeatTheOneBeforeForTenSeconds) {
  const RefreshTerms terms;
  const auto judged = [&](std::int64_t n, Millis later) {
    return judge_refresh(fifth(), n, start + later, terms);
  };
  EXPECT_EQ(judged(5, Millis{0}), RefreshVerdict::rotate);
  EXPECT_EQ(judged(5, hours{23}), RefreshVerdict::rotate);
  EXPECT_EQ(judged(4, Millis{0}), RefreshVerdict::repeat);
  EXPECT_EQ(judged(4, seconds{10}), RefreshVerdict::repeat);
  EXPECT_EQ(judged(4, seconds{10} + Millis{1}), RefreshVerdict::reused);
  // Its successor, 4, was used: that is what made 5.
  EXPECT_EQ(judged(3, Millis{0}), RefreshVerdict::reused);
  EXPECT_EQ(judged(0, Millis{0}), RefreshVerdict::reused);
  EXPECT_EQ(judged(6, Millis{0}), RefreshVerdict::ended) << "a number that was never made";
}

TEST(RefreshRules, EndATokenAfterItsTimeAndAFamilyAfterIts) {
  const RefreshTerms terms;
  EXPECT_EQ(judge_refresh(fifth(), 5, start + hours{24}, terms), RefreshVerdict::ended);
  RefreshFamily old = fifth();
  old.expires_at = start + hours{1};
  EXPECT_EQ(judge_refresh(old, 5, start + hours{1} - Millis{1}, terms), RefreshVerdict::rotate);
  EXPECT_EQ(judge_refresh(old, 5, start + hours{1}, terms), RefreshVerdict::ended);
  RefreshFamily revoked = fifth();
  revoked.revoked = true;
  EXPECT_EQ(judge_refresh(revoked, 5, start, terms), RefreshVerdict::reused);
}

}  // namespace
}  // namespace perkline::hub::identity

namespace perkline::test {
namespace {

using hub::identity::Role;

/// A served hub and one user of it who signs in.
class Session : public ::testing::Test {
 protected:
  struct Tokens {
    std::string access;
    std::string refresh;
  };
  static std::string cookie_of(const RawAnswer& answer) {
    const std::string field = answer.field("Set-Cookie").value_or("");
    const std::string name = "perkline_refresh=";
    EXPECT_TRUE(field.starts_with(name)) << field;
    return field.substr(name.size(), field.find(';') - name.size());
  }
  static Tokens tokens_of(const RawAnswer& answer) {
    return {member_of(answer.body, "accessToken"), cookie_of(answer)};
  }
  Tokens log_in() const {
    const RawAnswer answer = hub_.log_in("jo@example.com");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return tokens_of(answer);
  }
  RawAnswer refresh(const std::string& token) const {
    return hub_.send("POST", "/api/v1/auth/refresh", "", "", "Cookie: perkline_refresh=" + token + "\r\n");
  }
  RawAnswer me(const std::string& access) const { return hub_.get("/api/v1/auth/me", access); }
  /// As if that long had passed since the newest token was made.
  void pass(Millis time) {
    hub_.execute("UPDATE refresh_family SET rotated_at = rotated_at - $1", {std::int64_t{time.count()}});
  }

  ServedHub hub_;
  const hub::identity::User user_ = hub_.add_user("jo", Role::member);
};

TEST_F(Session, BeginsWithACookieThatNoScriptReadsAndNoOtherSiteSends) {
  const RawAnswer answer = hub_.log_in("jo@example.com");
  const std::string cookie = answer.field("Set-Cookie").value_or("");
  for (const char* attribute : {"; HttpOnly", "; SameSite=Strict", "; Path=/api/v1/auth", "; Max-Age=86400"})
    EXPECT_NE(cookie.find(attribute), std::string::npos) << cookie;
  EXPECT_EQ(cookie.find("Secure"), std::string::npos) << "this hub is not behind TLS";
  EXPECT_EQ(answer.body.find(cookie_of(answer)), std::string::npos);
}

TEST(RefreshCookie, IsSecureWhereTheApiIsReachedOverTls) {
  net::Response response;
  hub::api::set_refresh_cookie(response, "token", seconds{60}, true);
  const std::string secure(response.headers.find("Set-Cookie").value_or(""));
  EXPECT_EQ(secure,
            "perkline_refresh=token; Path=/api/v1/auth; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
  net::Response cleared;
  hub::api::clear_refresh_cookie(cleared, true);
  EXPECT_NE(std::string(cleared.headers.find("Set-Cookie").value_or("")).find("Max-Age=0;"),
            std::string::npos);
}

TEST_F(Session, GoesOnWithANewPairOfTokens) {
  const Tokens first = log_in();
  const RawAnswer answer = refresh(first.refresh);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(member_of(answer.body, "expiresIn"), "600");
  const Tokens second = tokens_of(answer);
  EXPECT_NE(second.refresh, first.refresh);
  EXPECT_EQ(me(second.access).status, 200);
  EXPECT_EQ(me(first.access).status, 200) << "until it expires";
}

TEST_F(Session, OfATokenJustReplacedGetsTheSameSuccessorAgain) {
  const Tokens first = log_in();
  const Tokens second = tokens_of(refresh(first.refresh));
  pass(seconds{9});
  const RawAnswer again = refresh(first.refresh);
  ASSERT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(tokens_of(again).refresh, second.refresh);
  EXPECT_EQ(refresh(second.refresh).status, 200);
}

TEST_F(Session, EndsWhenATokenComesAgainAfterItsGrace) {
  const Tokens first = log_in();
  const Tokens second = tokens_of(refresh(first.refresh));
  pass(seconds{11});
  const RawAnswer reused = refresh(first.refresh);
  EXPECT_EQ(reused.status, 401);
  EXPECT_EQ(reused.code(), "REFRESH_REUSED");
  EXPECT_EQ(cookie_of(reused), "") << "the cookie goes";
  EXPECT_EQ(refresh(second.refresh).status, 401) << "whoever has the newest has it no more";
  EXPECT_EQ(me(second.access).code(), "UNAUTHENTICATED");
  EXPECT_EQ(log_in().refresh.empty(), false) << "the user may come again";
}

TEST_F(Session, EndsWhenATokenComesAgainWhoseSuccessorWasUsed) {
  const Tokens first = log_in();
  const Tokens second = tokens_of(refresh(first.refresh));
  const Tokens third = tokens_of(refresh(second.refresh));
  EXPECT_EQ(refresh(first.refresh).code(), "REFRESH_REUSED");
  EXPECT_EQ(refresh(third.refresh).status, 401);
}

TEST_F(Session, LeavesTheUsersOtherSessionsAloneWhenItEnds) {
  const Tokens other = log_in();
  const Tokens first = log_in();
  const Tokens second = tokens_of(refresh(first.refresh));
  tokens_of(refresh(second.refresh));
  EXPECT_EQ(refresh(first.refresh).code(), "REFRESH_REUSED");
  EXPECT_EQ(refresh(other.refresh).status, 200);
}

TEST_F(Session, GivesFiftyRefreshesAtOnceOneSuccessor) {
  const Tokens first = log_in();
  std::vector<RawAnswer> answers(50);
  std::vector<std::thread> threads;
  for (RawAnswer& answer : answers) threads.emplace_back([&] { answer = refresh(first.refresh); });
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> successors;
  for (const RawAnswer& answer : answers) {
    ASSERT_EQ(answer.status, 200) << answer.body;
    successors.insert(cookie_of(answer));
  }
  EXPECT_EQ(successors.size(), 1u);
  EXPECT_EQ(refresh(*successors.begin()).status, 200);
}

TEST_F(Session, IsOverAfterItsTime) {
  const Tokens tokens = log_in();
  pass(hours{25});
  EXPECT_EQ(refresh(tokens.refresh).code(), "UNAUTHENTICATED");
  const Tokens others = log_in();
  hub_.execute("UPDATE refresh_family SET expires_at = 0");
  EXPECT_EQ(refresh(others.refresh).code(), "UNAUTHENTICATED");
}

TEST_F(Session, NeedsACookieOfThisHubsMaking) {
  const Tokens tokens = log_in();
  EXPECT_EQ(hub_.send("POST", "/api/v1/auth/refresh", "", "").code(), "UNAUTHENTICATED");
  for (const std::string& wrong : {std::string("x"), tokens.access, tokens.refresh + "x", std::string("a=b")})
    EXPECT_EQ(refresh(wrong).code(), "UNAUTHENTICATED") << wrong;
  EXPECT_EQ(refresh(tokens.refresh).status, 200) << "none of that has used it up";
}

TEST_F(Session, DoesNotTakeARefreshTokenForAnAccessToken) {
  EXPECT_EQ(me(log_in().refresh).code(), "UNAUTHENTICATED");
}

TEST_F(Session, EndsAtLogoutWithItsAccessTokens) {
  const Tokens tokens = log_in();
  const Tokens other = log_in();
  const RawAnswer out = hub_.send("POST", "/api/v1/auth/logout", tokens.access, "");
  EXPECT_EQ(out.status, 204);
  EXPECT_EQ(cookie_of(out), "");
  EXPECT_NE(out.field("Set-Cookie")->find("Max-Age=0"), std::string::npos);
  EXPECT_EQ(refresh(tokens.refresh).code(), "UNAUTHENTICATED");
  EXPECT_EQ(me(tokens.access).code(), "UNAUTHENTICATED");
  EXPECT_EQ(me(other.access).status, 200);
  EXPECT_EQ(refresh(other.refresh).status, 200);
}

TEST_F(Session, OfSomebodyElseIsNotEndedByTheirCookie) {
  const Tokens tokens = log_in();
  const std::string stranger = hub_.token_for(Role::member);
  EXPECT_EQ(hub_.send("POST", "/api/v1/auth/logout", stranger, "",
                      "Cookie: perkline_refresh=" + tokens.refresh + "\r\n")
                .status,
            204);
  EXPECT_EQ(refresh(tokens.refresh).status, 200);
}

TEST_F(Session, IsFoundAmongOtherCookies) {
  const Tokens tokens = log_in();
  const RawAnswer answer =
      hub_.send("POST", "/api/v1/auth/refresh", "", "",
                "Cookie: a=b; xperkline_refresh=no; perkline_refresh=" + tokens.refresh + "; c=d\r\n");
  EXPECT_EQ(answer.status, 200) << answer.body;
}

TEST_F(Session, OfAnInactiveUserIsNotGoneOnWith) {
  const Tokens tokens = log_in();
  hub_.execute("UPDATE users SET active = 0");
  EXPECT_EQ(refresh(tokens.refresh).code(), "ACCOUNT_INACTIVE");
}

TEST_F(Session, IsKeptForADayAfterItsEndAndThenForgotten) {
  log_in();
  hub_.execute("UPDATE refresh_family SET expires_at = $1", {std::int64_t{days{10} / Millis{1}}});
  const auto forget = [&](WallTime now) {
    std::int64_t gone = -1;
    hub_.write([&](hub::db::Transaction& transaction) -> Result<void> {
      auto done = hub::identity::forget_ended_families(transaction, now);
      if (!done) return failure(done);
      gone = *done;
      return {};
    });
    return gone;
  };
  EXPECT_EQ(forget(WallTime{days{11}}), 0);
  EXPECT_EQ(forget(WallTime{days{11}} + Millis{1}), 1);
}

}  // namespace
}  // namespace perkline::test
