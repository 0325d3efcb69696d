#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/fleet/fleet.hpp"
#include "bench/fleet/web.hpp"
#include "tests/integration/paths.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/postgres_database.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {

inline bench::FleetOptions fleet_options(const TempDir& folder, std::size_t edges = 1) {
  return {.bin_dir = bin_dir(),
          .state_dir = folder.path() / "fleet",
          .edges = edges,
          .port_base = 0,
          .pdi_quiet_ms = 1000};
}

/// A whole chain of real binaries, shared by the tests of one suite; its hub is on the database that this run
/// is told to test on.
class ChainTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { start_chain(1); }
  /// For suites that need other edges: called by a SetUpTestSuite of their own. `edge_yaml`, `pdi_yaml`,
  /// `pdi_url`, `hub_yaml` and `edge_hub_ports` as FleetOptions has them.
  static void start_chain(std::size_t edges, std::vector<std::string> edge_yaml = {},
                          std::string pdi_yaml = {}, std::string pdi_url = {}, std::string hub_yaml = {},
                          std::vector<std::uint16_t> edge_hub_ports = {}) {
    folder_ = new TempDir();
    auto options = fleet_options(*folder_, edges);
    options.edge_yaml = std::move(edge_yaml);
    options.pdi_yaml = std::move(pdi_yaml);
    options.pdi_url = std::move(pdi_url);
    options.hub_yaml = std::move(hub_yaml);
    options.edge_hub_ports = std::move(edge_hub_ports);
    if (on_postgres()) {
      database_ = std::make_unique<PostgresDatabase>(Schema::copied);
      options.database_url = database_->url();
    }
    auto fleet = bench::Fleet::start(std::move(options));
    ASSERT_TRUE(fleet) << fleet.error().detail;
    fleet_ = new bench::Fleet(std::move(*fleet));
  }
  static void TearDownTestSuite() {
    delete fleet_;
    delete folder_;
    database_.reset();
  }
  void SetUp() override { ASSERT_NE(fleet_, nullptr); }

  static bench::Fleet& fleet() { return *fleet_; }
  static std::string folder_file(const std::string& name) { return folder_->file(name); }
  static Till till_of(std::size_t edge) { return {fleet().edge_url(edge), fleet().terminal_key(edge)}; }

  static bench::WebAnswer till(const std::string& path, const std::string& body) {
    return till_of(0).post(path, body);
  }
  static bench::WebAnswer till_get(const std::string& path) { return till_of(0).get(path); }
  static bench::WebAnswer sandbox(const std::string& path) {
    auto answer = bench::call({.origin = fleet().sandbox_url(), .path = path, .ca_file = fleet().ca_file()});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  /// PUT /sandbox/faults, which must be taken.
  static void pdi(const std::string& fault) { ASSERT_TRUE(fleet().set_fault(fault)) << fault; }
  static void pdi_is_well() { pdi(R"({"endpoint":"*","mode":"ok"})"); }
  /// How many calls of that endpoint have reached the sandbox.
  static std::int64_t calls_at_pdi(const std::string& endpoint) {
    return number_at(sandbox("/sandbox/stats"), endpoint);
  }
  static bench::CommandOutput edge_command(std::size_t edge, std::vector<std::string> arguments) {
    auto output = fleet().edge_command(edge, std::move(arguments));
    EXPECT_TRUE(output);
    return output.value_or(bench::CommandOutput{});
  }
  /// No call goes to PDI until it may again.
  static void keep_from_pdi(std::size_t edge) {
    ASSERT_EQ(edge_command(edge, {"breaker", "force-open"}).status, 0);
  }
  static void let_to_pdi(std::size_t edge) { ASSERT_EQ(edge_command(edge, {"breaker", "auto"}).status, 0); }
  /// As the admin.
  static bench::WebAnswer hub(const std::string& path) {
    const auto token = fleet().log_in();
    EXPECT_TRUE(token);
    auto answer =
        bench::call({.origin = fleet().hub_url(), .path = "/api/v1/" + path, .bearer = token.value_or("")});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  /// A dozen members of that tier with at least 1000 points, as PDI has them before the first sale.
  static const std::vector<std::string>& members_at_pdi(const std::string& tier) {
    static std::map<std::string, std::vector<std::string>> known;
    auto& found = known[tier];
    for (int i = 1; found.size() < 12; ++i) {
      const std::string digits = std::to_string(100'000 + i);
      const auto member = sandbox("/sandbox/members/CUST-" + digits.substr(1));
      if (member.status != 200) break;
      if (text_at(member, "tier") == tier && number_at(member, "points") >= 1000)
        found.push_back(text_at(member, "customerId"));
    }
    return found;
  }
  struct Booking {
    std::int64_t earned;
    std::int64_t redeemed;
    std::int64_t balance;
    std::string receipt;
  };
  /// PDI's bookings of that transaction, as its ledger lists them.
  static std::vector<Booking> bookings_at_pdi(const std::string& transaction) {
    const auto ledger = sandbox("/sandbox/ledger").json();
    std::vector<Booking> found;
    for (const auto& item : ledger.root().find("items")->items()) {
      if (bench::text_at(item, "transactionId") != transaction) continue;
      found.push_back({.earned = bench::integer_at(item, "earnedPoints"),
                       .redeemed = bench::integer_at(item, "redeemedPoints"),
                       .balance = bench::integer_at(item, "newBalance"),
                       .receipt = bench::text_at(item, "receiptId")});
    }
    return found;
  }
  static std::size_t booked_at_pdi(const std::string& transaction) {
    return bookings_at_pdi(transaction).size();
  }
  /// The status once it is that; whatever it is after a while.
  static bench::WebAnswer status_once(const Till& till, const std::string& session,
                                      const std::string& status) {
    bench::WebAnswer answer;
    (void)eventually([&] {
      answer = till.status(session);
      return text_at(answer, "status") == status;
    });
    EXPECT_EQ(text_at(answer, "status"), status) << answer.body;
    return answer;
  }

 private:
  static inline std::unique_ptr<PostgresDatabase> database_;
  static inline TempDir* folder_ = nullptr;
  static inline bench::Fleet* fleet_ = nullptr;
};

}  // namespace perkline::test
