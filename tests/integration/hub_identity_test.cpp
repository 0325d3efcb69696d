#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "tests/integration/chain.hpp"
#include "tests/integration/pace.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

const std::string member_password = "a password of twelve";

/// People at a real hub, with argon2id at its real price.
class HubIdentity : public ChainTest {
 protected:
  static bench::WebAnswer post(const std::string& path, const std::string& body,
                               const std::string& token = "") {
    auto answer = bench::call({.method = "POST",
                               .origin = fleet().hub_url(),
                               .path = "/api/v1/" + path,
                               .body = body,
                               .bearer = token});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  static bench::WebAnswer get(const std::string& path, const std::string& token) {
    auto answer = bench::call({.origin = fleet().hub_url(), .path = "/api/v1/" + path, .bearer = token});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  static bench::WebAnswer register_member(const std::string& name) {
    return post("auth/register",
                R"({"email":")" + name + R"(@example.com","password":")" + member_password + "\"}");
  }
  static bench::WebAnswer log_in(const std::string& login, const std::string& password) {
    return post("auth/login", R"({"login":")" + login + R"(","password":")" + password + "\"}");
  }
  static std::uint16_t hub_port() {
    const std::string url = fleet().hub_url();
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  }
  static std::string cookie_in(const std::string& field) {
    const std::string name = "perkline_refresh=";
    EXPECT_TRUE(field.starts_with(name)) << field;
    return field.substr(name.size(), field.find(';') - name.size());
  }
  static std::string cookie_of(const bench::WebAnswer& answer) {
    const auto field = answer.headers.find("set-cookie");
    return field == answer.headers.end() ? "" : cookie_in(field->second);
  }
  static RawAnswer refresh(const std::string& token) {
    RawHttp connection(hub_port(), seconds{30});
    connection.send(
        "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n"
        "Content-Length: 0\r\nCookie: perkline_refresh=" +
        token + "\r\n\r\n");
    return connection.read_answer().value_or(RawAnswer{});
  }
};

TEST_F(HubIdentity, TokensVerifyWithAnotherLibraryAndForgedOnesAreRefused) {
  const auto folder = npm_folder("PERKLINE_JOSE", "jose", "jose");
  if (!folder) GTEST_SKIP() << "needs npm's jose: ./run test installs it";
  std::filesystem::copy_file(source_dir() + "/tests/integration/jose/check.mjs", *folder + "/check.mjs",
                             std::filesystem::copy_options::overwrite_existing);
  const auto check = [&](const bench::WebAnswer& in) {
    const auto checked = bench::run_command(
        "/usr/bin/env",
        {"node", *folder + "/check.mjs", fleet().hub_url(), text_at(in, "accessToken"), cookie_of(in)});
    ASSERT_TRUE(checked);
    EXPECT_EQ(checked->status, 0) << checked->err << checked->out;
  };
  const auto in = register_member("jose");
  ASSERT_EQ(in.status, 201) << in.body;
  check(in);

  // A new key is shown at once; it signs later, and what the old one has signed stays good.
  const auto rotated = fleet().hub_command({"jobs", "run", "rotate-keys"});
  ASSERT_TRUE(rotated);
  ASSERT_EQ(rotated->status, 0) << rotated->err;
  fleet().hub().terminate();
  ASSERT_TRUE(fleet().start_hub());
  const auto keys = bench::call({.origin = fleet().hub_url(), .path = "/.well-known/jwks.json"});
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->json().root().find("keys")->items().size(), 2u) << keys->body;
  check(in);
}

TEST_F(HubIdentity, SessionsOutliveTheHubAndFiftyRefreshesAtOnceHaveOneSuccessor) {
  const auto in = register_member("fifty");
  ASSERT_EQ(in.status, 201) << in.body;
  fleet().hub().kill();
  ASSERT_TRUE(fleet().start_hub());
  const std::string first = cookie_of(in);
  std::vector<RawAnswer> answers(50);
  std::vector<std::thread> threads;
  for (RawAnswer& answer : answers) threads.emplace_back([&] { answer = refresh(first); });
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> successors;
  for (const RawAnswer& answer : answers) {
    ASSERT_EQ(answer.status, 200) << answer.body;
    successors.insert(cookie_in(answer.field("Set-Cookie").value_or("")));
  }
  ASSERT_EQ(successors.size(), 1u);
  EXPECT_EQ(refresh(*successors.begin()).status, 200);
  const RawAnswer reused = refresh(first);
  EXPECT_EQ(reused.status, 401);
  EXPECT_EQ(reused.code(), "REFRESH_REUSED");
}

TEST_F(HubIdentity, AnUnknownLoginTakesTheTimeOfAKnownOne) {
  ASSERT_EQ(register_member("known").status, 201);
  std::vector<Milliseconds> known;
  std::vector<Milliseconds> unknown;
  for (int i = 0; i < 9; ++i) {
    known.push_back(time_of([] { EXPECT_EQ(log_in("known@example.com", "not the password").status, 401); }));
    unknown.push_back(
        time_of([] { EXPECT_EQ(log_in("unknown@example.com", "not the password").status, 401); }));
  }
  // Without the hash of nobody's password it would be a hundredth.
  const double ratio = at_rank(unknown, 0.5) / at_rank(known, 0.5);
  EXPECT_GT(ratio, 0.4);
  EXPECT_LT(ratio, 2.5);
}

TEST_F(HubIdentity, WhatWasChangedInTheAuditIsFoundByVerify) {
  ASSERT_EQ(register_member("audited").status, 201);
  EXPECT_TRUE(eventually([] {
    const auto audit = hub("audit?limit=1").json();
    return !audit.root().find("items")->items().empty();
  }));
  const auto verified = fleet().hub_command({"verify", "--json"});
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->status, 0) << verified->out;
}

}  // namespace
}  // namespace perkline::test
