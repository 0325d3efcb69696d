#pragma once

#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "hub/identity/access_token.hpp"
#include "hub/identity/user.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/till.hpp"

namespace perkline::test {

using hub::identity::Es256Key;
using hub::identity::Role;

inline const std::string password = "a password of twelve";
inline const std::string nobody = "0190163d-8694-739b-aea5-966c26f8ad91";

/// A hub whose signing key the attacker of these tests has: what is refused is refused for what it says.
class Besieged {
 public:
  Besieged() {
    std::ofstream(folder_.file("key.pem")) << key.private_pem();
    hub.emplace("",
                "limits: { login_per_minute: 0, auth_per_address_minute: 0, member_per_second: 0 }\n"
                "jwt: { key_file: \"" +
                    folder_.file("key.pem") + "\" }\n");
  }

 private:
  TempDir folder_;

 public:
  const Es256Key key = Es256Key::generate();
  std::optional<LoneHub> hub;
};

class HubAttacked : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { besieged_ = new Besieged; }
  static void TearDownTestSuite() {
    delete besieged_;
    besieged_ = nullptr;
  }

  static const LoneHub& hub() { return *besieged_->hub; }
  static const Es256Key& key() { return besieged_->key; }
  /// A name that no other test has.
  static std::string fresh(const std::string& name) {
    static int count = 0;
    return name + std::to_string(++count);
  }
  struct Person {
    std::string id;
    std::string token;  ///< Without a session of its own: it goes by the user's row alone.
  };
  static Person person(Role role) {
    const std::string name = fresh(std::string(name_of(role)));
    std::string id;
    if (role == Role::member) {
      id = text_at(hub().call({.path = "/api/v1/auth/me", .bearer = hub().member(name)}), "id");
    } else {
      const auto made = hub().call({.method = "POST",
                                    .path = "/api/v1/auth/register-staff",
                                    .body = R"({"email":")" + name + R"(@example.com","password":")" +
                                            password + R"(","role":")" + std::string(name_of(role)) + "\"}",
                                    .bearer = hub().admin()});
      EXPECT_EQ(made.status, 201) << made.body;
      id = std::string(made.json().root().find("user")->find("id")->text());
    }
    return {.id = id, .token = token_of(id)};
  }
  static std::string token_of(const std::string& id, seconds lives = minutes{10}, seconds age = {},
                              const hub::identity::TokenTerms& terms = {.issuer = "perkline"}) {
    const WallTime issued = SystemClock().wall_now() - age;
    return hub::identity::issue_token(key(), terms,
                                      {.user = UserId(id),
                                       .id = parse_uuid(nobody).value(),
                                       .issued_at = issued,
                                       .expires_at = issued + lives});
  }
  static bench::WebAnswer me(const std::string& token) {
    return hub().call({.path = "/api/v1/auth/me", .bearer = token});
  }
  static bench::WebAnswer post(const std::string& path, const std::string& body, const std::string& token,
                               const std::string& idempotency_key = fresh("key")) {
    return hub().call({.method = "POST",
                       .path = "/api/v1/" + path,
                       .body = body,
                       .bearer = token,
                       .headers = {{"Idempotency-Key", idempotency_key}}});
  }
  static std::string money(const std::string& user, const std::string& amount) {
    return R"({"userId":")" + user + R"(","amount":)" + amount + R"(,"currency":"USD","reason":"r"})";
  }
  static std::string available(const Person& member) {
    const auto wallet = hub().call({.path = "/api/v1/wallet", .bearer = member.token});
    const auto json = wallet.json();
    return bench::text_at(json.root().find("balances")->items()[0], "available");
  }

 private:
  static inline Besieged* besieged_ = nullptr;
};

}  // namespace perkline::test
