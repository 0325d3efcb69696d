// A real hub under more registrations than it can hash passwords, argon2id at its real price.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "bench/measure/histogram.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/pace.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

std::string post(const std::string& path, const std::string& headers, const std::string& body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}",
      path, body.size(), headers, body);
}

/// The moments at which something is to begin, evenly spaced from now on. Thread-safe.
class Timetable {
 public:
  explicit Timetable(int per_second) : gap_(nanoseconds(seconds{1}) / per_second) {}
  struct Turn {
    std::int64_t number;
    steady_clock::time_point due;
  };
  Turn next() {
    const std::int64_t number = next_++;
    return {number, began_ + number * gap_};
  }

 private:
  const nanoseconds gap_;
  const steady_clock::time_point began_ = steady_clock::now();
  std::atomic<std::int64_t> next_ = 0;
};

/// People who register all the time, each from an address of their own behind one proxy, whether or not those
/// before them have been answered.
class Flood {
 public:
  Flood(std::uint16_t port, int per_second, std::string prefix)
      : port_(port), prefix_(std::move(prefix)), turns_(per_second) {
    // More than the hub keeps waiting, so that somebody is always free when a turn comes.
    constexpr int callers = 64;
    for (int i = 0; i < callers; ++i) threads_.emplace_back([this] { run(); });
  }
  ~Flood() { stop_ = true; }

  int registered() const { return registered_; }
  int refused() const { return refused_; }

 private:
  void run() {
    RawHttp connection(port_, seconds{60});
    while (!stop_) {
      const auto turn = turns_.next();
      std::this_thread::sleep_until(turn.due);
      const std::string from = fmt::format("X-Forwarded-For: 10.{}.{}.{}\r\n", turn.number >> 16 & 255,
                                           turn.number >> 8 & 255, turn.number & 255);
      connection.send(post("/api/v1/auth/register", from,
                           fmt::format(R"({{"email":"{}{}@example.com","password":"a password of twelve"}})",
                                       prefix_, turn.number)));
      const auto answer = connection.read_answer();
      ASSERT_TRUE(answer) << "no answer within a minute";
      if (answer->status == 201) {
        ++registered_;
        continue;
      }
      ++refused_;
      EXPECT_EQ(answer->status, 429) << answer->body;
      EXPECT_EQ(answer->code(), "RATE_LIMITED");
      EXPECT_TRUE(answer->field("Retry-After"));
      EXPECT_EQ(answer->field("RateLimit-Limit"), "32") << "the queue's length, not an address's limit";
    }
  }

  const std::uint16_t port_;
  const std::string prefix_;
  Timetable turns_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> registered_ = 0;
  std::atomic<int> refused_ = 0;
  std::vector<std::jthread> threads_;
};

/// A route that is called at its own times on one connection.
struct Route {
  std::string name;
  std::function<std::string(std::int64_t)> request;  ///< The n-th.
  int status;
  bench::Histogram idle = {};
  bench::Histogram flooded = {};
};

/// A call counts from when it was due, if the one before it was not answered by then.
void keep_calling(std::uint16_t port, const Route& route, std::int64_t from, milliseconds time,
                  bench::Histogram& times) {
  constexpr int per_second = 80;
  RawHttp connection(port);
  Timetable turns(per_second);
  const auto end = steady_clock::now() + time;
  while (true) {
    const auto turn = turns.next();
    if (turn.due >= end) return;
    const bool late = steady_clock::now() > turn.due;
    std::this_thread::sleep_until(turn.due);
    const auto began = late ? turn.due : steady_clock::now();
    connection.send(route.request(from + turn.number));
    const auto answer = connection.read_answer();
    ASSERT_TRUE(answer) << route.name;
    EXPECT_EQ(answer->status, route.status) << answer->body;
    times.add(steady_clock::now() - began);
  }
}

class RegistrationFlood : public testing::Test {
 protected:
  void SetUp() override {
    const std::string bob = hub_.member("bob");
    const std::string ann = hub_.member("ann");
    const auto id = [&](const std::string& token) {
      return text_at(hub_.call({.path = "/api/v1/auth/me", .bearer = token}), "id");
    };
    const auto credited = hub_.call(
        {.method = "POST",
         .path = "/api/v1/wallet/credits",
         .body = R"({"userId":")" + id(ann) + R"(","amount":"1000.00","currency":"USD","reason":"x"})",
         .bearer = hub_.admin(),
         .headers = {{"Idempotency-Key", "first"}}});
    ASSERT_EQ(credited.status, 201) << credited.body;
    routes_.push_back({.name = "GET /wallet",
                       .request =
                           [bob](std::int64_t) {
                             return "GET /api/v1/wallet HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer " +
                                    bob + "\r\n\r\n";
                           },
                       .status = 200});
    routes_.push_back({.name = "POST /wallet/transfers",
                       .request =
                           [ann, to = id(bob)](std::int64_t n) {
                             return post(
                                 "/api/v1/wallet/transfers",
                                 fmt::format("Authorization: Bearer {}\r\nIdempotency-Key: t{}\r\n", ann, n),
                                 R"({"to":")" + to + R"(","amount":"0.01","currency":"USD"})");
                           },
                       .status = 201});
  }

  void call_all(milliseconds time, bench::Histogram Route::* times) {
    std::vector<std::jthread> callers;
    for (Route& route : routes_)
      callers.emplace_back(
          [&, from = calls_] { keep_calling(hub_.port(), route, from, time, route.*times); });
    callers.clear();
    calls_ += 1'000'000;
  }

  /// The most memory the hub has ever had, in KiB.
  std::int64_t peak_memory_kib() { return memory_kib(hub_.child().pid(), "VmHWM"); }

  LoneHub hub_{"trusted_proxies: [ \"127.0.0.1\" ]"};
  std::vector<Route> routes_;
  std::int64_t calls_ = 0;
};

TEST_F(RegistrationFlood, LeavesOtherRoutesTheirPaceAndIsTurnedAwayBeyondTheQueue) {
  const char* asked = std::getenv("PERKLINE_FLOOD_SECONDS");
  const int all = asked == nullptr ? 3 : std::atoi(asked);
  // Turn by turn, so that what else the machine does meets both.
  constexpr int longest_turn = 5;
  const std::int64_t memory_before = peak_memory_kib();
  int registered = 0;
  int refused = 0;
  call_all(milliseconds{300}, &Route::idle);
  for (Route& route : routes_) route.idle = {};
  for (int left = all, turn = 0; left > 0; left -= longest_turn, ++turn) {
    const seconds time{std::min(left, longest_turn)};
    call_all(time, &Route::idle);
    Flood flood(hub_.port(), 150, fmt::format("flood{}-", turn));
    ASSERT_TRUE(eventually([&] { return flood.refused() > 0; }));
    call_all(time, &Route::flooded);
    registered += flood.registered();
    refused += flood.refused();
  }

  std::printf("%d registered, %d turned away\n", registered, refused);
  // A hash gives way to all else that runs here.
  EXPECT_GT(registered, asked == nullptr ? 0 : all);
  EXPECT_GT(refused, 20 * all);
  for (const Route& route : routes_) {
    // Beside other tests a shared disk may stand still for a tenth of these few calls; hashes that are in the
    // way of all else show in the middle one too.
    const double share = asked == nullptr ? 0.5 : 0.99;
    const Milliseconds idle = route.idle.quantile(share);
    const Milliseconds flooded = route.flooded.quantile(share);
    std::printf("%s: p%.0f idle %.2f ms, flooded %.2f ms (%llu calls)\n", route.name.c_str(), 100 * share,
                idle.count(), flooded.count(), static_cast<unsigned long long>(route.flooded.count()));
    // Beside other tests a machine has a floor of its own.
    const Milliseconds bound = asked == nullptr ? std::max(3 * idle, Milliseconds(20)) : 3 * idle;
    EXPECT_LT(flooded, bound) << route.name << ", idle " << idle.count() << " ms";
  }
  // A hash takes 64 MiB: one more at a time than there are cores, but for one of them, would show.
  const std::int64_t hashes = std::clamp<std::int64_t>(std::thread::hardware_concurrency() - 1, 1, 8);
  constexpr std::int64_t hash_kib = 64 << 10;
  EXPECT_LT(peak_memory_kib(), memory_before + (hashes - 1) * hash_kib + hash_kib / 2);
  if (asked == nullptr) return;
  // A hub that hashes nothing any more gives the memory back.
  EXPECT_TRUE(
      eventually([&] { return memory_kib(hub_.child().pid(), "VmRSS") < peak_memory_kib() - hash_kib / 2; }));
}

}  // namespace
}  // namespace perkline::test
