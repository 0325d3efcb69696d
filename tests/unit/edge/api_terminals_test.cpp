#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "edge/api/terminals.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/sim_world.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::edge::api {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class TerminalsFile : public ::testing::Test {
 protected:
  std::string add(const std::string& name) {
    auto key = add_terminal(path, name, rng);
    EXPECT_TRUE(key);
    return key.value_or("");
  }

  test::TempDir dir;
  std::string path = dir.file("terminals");
  SeededRng rng{1};
  test::ManualClock clock;
};

TEST_F(TerminalsFile, HoldsNoKeyAndIsPrivate) {
  const std::string key = add("till-1");
  EXPECT_EQ(key.size(), 64u);
  const std::string content = content_of(path);
  EXPECT_TRUE(content.starts_with("till-1 "));
  EXPECT_EQ(content.find(key), std::string::npos);
  struct ::stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path())) ++entries;
  EXPECT_EQ(entries, 1u) << "nothing is left beside it";
}

TEST_F(TerminalsFile, ListsInTheOrderOfAddingAndForgetsWhatIsRemoved) {
  add("b");
  add("a");
  ASSERT_TRUE(remove_terminal(path, "b"));
  const auto terminals = read_terminals(path);
  ASSERT_TRUE(terminals);
  ASSERT_EQ(terminals->size(), 1u);
  EXPECT_EQ(terminals->front().name, "a");
  EXPECT_EQ(remove_terminal(path, "b").error().code, Errc::not_found);
}

TEST_F(TerminalsFile, RefusesANameTwiceAndNamesThatAreNone) {
  add("till-1");
  EXPECT_EQ(add_terminal(path, "till-1", rng).error().code, Errc::already_exists);
  for (const auto* name : {"", "two words", "line\nbreak", "\xc3\xa9"}) {
    EXPECT_EQ(add_terminal(path, name, rng).error().code, Errc::validation_failed) << name;
  }
  EXPECT_EQ(add_terminal(path, std::string(65, 'x'), rng).error().code, Errc::validation_failed);
}

TEST_F(TerminalsFile, ADamagedFileIsToldAndLeftAlone) {
  std::ofstream(path) << "till-1 00ff\n";
  EXPECT_EQ(read_terminals(path).error().code, Errc::corrupt);
  EXPECT_EQ(add_terminal(path, "till-2", rng).error().code, Errc::corrupt);
  EXPECT_EQ(content_of(path), "till-1 00ff\n");
}

TEST_F(TerminalsFile, AKeyIsKnownByItsName) {
  const std::string first = add("till-1");
  const std::string second = add("till-2");
  Terminals terminals(path, clock);
  ASSERT_TRUE(terminals.reload());
  EXPECT_EQ(terminals.find(first), "till-1");
  EXPECT_EQ(terminals.find(second), "till-2");
  EXPECT_EQ(terminals.find(first + "0"), std::nullopt);
  EXPECT_EQ(terminals.find(""), std::nullopt);
}

TEST_F(TerminalsFile, AChangeIsSeenWithinHalfASecondAndNotLookedForMoreOften) {
  Terminals terminals(path, clock);
  ASSERT_TRUE(terminals.reload());
  EXPECT_EQ(terminals.find("x"), std::nullopt);
  const std::string key = add("till-1");
  EXPECT_EQ(terminals.find(key), std::nullopt);
  clock.advance(Millis{500});
  EXPECT_EQ(terminals.find(key), "till-1");
  ASSERT_TRUE(remove_terminal(path, "till-1"));
  clock.advance(Millis{500});
  EXPECT_EQ(terminals.find(key), std::nullopt);
}

TEST_F(TerminalsFile, AnUnreadableChangeKeepsTheOldList) {
  const std::string key = add("till-1");
  Terminals terminals(path, clock);
  ASSERT_TRUE(terminals.reload());
  std::ofstream(path) << "garbage\n";
  clock.advance(seconds{1});
  EXPECT_EQ(terminals.find(key), "till-1");
}

class TerminalGuard : public TerminalsFile {
 protected:
  Result<net::Principal> ask(Terminals& terminals, const std::string& access,
                             const std::string& authorization, const std::string& peer = "") {
    const net::Guard guard = make_guard(terminals, rate, clock);
    net::RequestHead head;
    head.peer = peer;
    if (!authorization.empty()) head.headers.add("authorization", authorization);
    net::Route route{.method = net::Method::get, .pattern = "/", .access = access, .handler = {}};
    return test::run_task(world, guard(head, route));
  }

  test::VirtualTime time;
  test::SimWorld world{time};
  RateLimiter rate{{.calls_max = 2, .window = seconds{1}, .refill = Refill::gradual}};
};

TEST_F(TerminalGuard, AdmitsAKnownKeyByName) {
  const std::string key = add("till-1");
  Terminals terminals(path, clock);
  const auto principal = ask(terminals, "terminal", "Bearer " + key);
  ASSERT_TRUE(principal);
  EXPECT_EQ(principal->id, "till-1");
  EXPECT_EQ(principal->role, "terminal");
}

TEST_F(TerminalGuard, RefusesEverythingElse) {
  const std::string key = add("till-1");
  Terminals terminals(path, clock);
  for (const auto& authorization :
       {std::string(), "Basic " + key, key, std::string("Bearer "), "Bearer " + key + " "}) {
    const auto principal = ask(terminals, "terminal", authorization);
    ASSERT_FALSE(principal) << authorization;
    EXPECT_EQ(principal.error().code, Errc::unauthenticated);
  }
}

TEST_F(TerminalGuard, TurnsATerminalAwayThatCallsTooOftenAndNoOther) {
  const std::string noisy = "Bearer " + add("till-1");
  const std::string quiet = "Bearer " + add("till-2");
  Terminals terminals(path, clock);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ask(terminals, "terminal", noisy).has_value(), i < 2);
  EXPECT_EQ(ask(terminals, "terminal", noisy).error().code, Errc::rate_limited);
  EXPECT_EQ(ask(terminals, "terminal", noisy).error().quota, (Quota{.limit = 2, .reset = seconds{1}}));
  EXPECT_TRUE(ask(terminals, "terminal", quiet));
  clock.advance(Millis{500});
  EXPECT_TRUE(ask(terminals, "terminal", noisy)) << "its next token has come";
  EXPECT_FALSE(ask(terminals, "terminal", noisy));
}

TEST_F(TerminalGuard, CountsNobodyWhoIsNotLetInAndNoCallThatIsForAnyone) {
  const std::string key = "Bearer " + add("till-1");
  Terminals terminals(path, clock);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ask(terminals, "terminal", "Bearer wrong").error().code, Errc::unauthenticated);
    EXPECT_TRUE(ask(terminals, "anyone", key));
  }
  EXPECT_TRUE(ask(terminals, "terminal", key));
}

TEST_F(TerminalGuard, CountsByAddressWhereNoKeyIsAsked) {
  Terminals open("", clock);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(open, "terminal", "", "127.0.0.1").has_value(), i < 2);
  EXPECT_TRUE(ask(open, "terminal", "", "127.0.0.2"));
}

TEST_F(TerminalGuard, AsksNobodyForAKeyWhereNoneIsNeeded) {
  Terminals locked(path, clock);
  EXPECT_TRUE(ask(locked, "anyone", ""));
  Terminals open("", clock);
  EXPECT_TRUE(ask(open, "terminal", ""));
}

}  // namespace
}  // namespace perkline::edge::api
