#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "bench/fleet/web.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/support/postgres_database.hpp"

/// People at a real hub: what they say to it, and what it answers.
namespace perkline::test {

/// A member's value as JSON has it: texts are quoted, numbers and truth are not.
class Json {
 public:
  Json(const char* text);
  Json(const std::string& text);
  Json(int number) : written_(std::to_string(number)) {}
  Json(bool truth) : written_(truth ? "true" : "false") {}
  static Json list(const std::vector<std::string>& texts);
  static Json object(std::initializer_list<std::pair<std::string_view, Json>> members);
  const std::string& written() const { return written_; }

 private:
  Json() = default;
  std::string written_;
};
using Members = std::initializer_list<std::pair<std::string_view, Json>>;
/// An object: `body({{"title", "Tea"}, {"weight", 2}})`. `more`: those behind them.
std::string body(Members members, Members more = {});

/// What stands there in an answer, `balances.0.available`: texts and numbers as they are, `true`, `null`; an
/// array's or object's size; `(none)` where there is nothing.
std::string at(const bench::WebAnswer& answer, std::string_view path);
std::string at(const std::string& json, std::string_view path);
/// That of every item of a list, in its order.
std::vector<std::string> each(const bench::WebAnswer& list, const std::string& path);
using Texts = std::vector<std::string>;

struct Person {
  std::string id;
  std::string email = {};
  std::string token = {};
  std::string referral_code = {};
  std::string cookie = {};  ///< The refresh token's value.
};

inline constexpr const char* password_of_all = "a password of twelve";

/// A hub's API, over one of its addresses. Every call that may need an Idempotency-Key has one of its own.
class HubCalls {
 public:
  explicit HubCalls(std::string url) : url_(std::move(url)) {}

  using Headers = std::map<std::string, std::string>;
  /// `path` behind /api/v1/.
  bench::WebAnswer get(const std::string& path, const std::string& token = "", Headers headers = {}) const;
  bench::WebAnswer post(const std::string& path, const std::string& body, const std::string& token = "",
                        Headers headers = {}) const;
  bench::WebAnswer patch(const std::string& path, const std::string& body, const std::string& token) const;
  bench::WebAnswer put(const std::string& path, const std::string& body, const std::string& token) const;

  /// Registers somebody of that name under an address of their own; `more` members of the body.
  Person join(const std::string& name, Members more = {}) const;
  /// An access token.
  std::string log_in(const std::string& login, const std::string& password = password_of_all) const;

  std::string available(const Person& member) const;  ///< In the first wallet: `20.00`.
  std::string points(const Person& member) const;     ///< The programme's own.
  std::uint16_t port() const;
  const std::string& url() const { return url_; }

 private:
  bench::WebAnswer call(const std::string& method, const std::string& path, const std::string& body,
                        const std::string& token, Headers headers) const;
  std::string url_;
};

/// An address of nobody's yet, that begins with `name`.
std::string address(const std::string& name);
/// The value of the refresh cookie that an answer sets; empty: none.
std::string refresh_cookie(const bench::WebAnswer& answer);
/// Days from today, as 2026-03-31.
std::string day_from_now(int days);
/// No limits on how often anybody calls.
inline constexpr const char* no_limits =
    "limits: { login_per_minute: 0, auth_per_address_minute: 0, member_per_second: 0 }\n";

/// A real hub for the tests of one suite, on the database that this run is told to test on. Its people are
/// each test's own.
class HubFlowTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { start_hub(); }
  static void TearDownTestSuite() {
    hub_.reset();
    database_.reset();
  }
  void SetUp() override { ASSERT_TRUE(hub_); }

  /// For suites with a configuration of their own.
  static void start_hub(const std::string& more = "");
  static HubCalls calls() { return HubCalls(hub_->url()); }
  static const std::string& admin() { return admin_; }  ///< Their access token.
  /// Money out of nowhere.
  static void credit(const Person& member, const std::string& amount);
  /// A promotion that runs today; its id.
  static std::string make_promotion(const std::string& title, const std::string& type,
                                    const std::string& amount);
  static bench::WebAnswer assign(const std::string& promotion, const Texts& users);
  static bench::WebAnswer claim(const Person& member, const std::string& promotion);
  /// The words of what a member was told so far: `content.title`, newest first.
  static Texts told(const Person& member);
  static LoneHub& hub() { return *hub_; }

 private:
  static inline std::unique_ptr<PostgresDatabase> database_;
  static inline std::unique_ptr<LoneHub> hub_;
  static inline std::string admin_;
};

}  // namespace perkline::test
