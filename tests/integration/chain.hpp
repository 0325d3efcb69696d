#pragma once

#include <string>

#include <gtest/gtest.h>

#include "bench/fleet/fleet.hpp"
#include "bench/fleet/web.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {

inline bench::FleetOptions fleet_options(const TempDir& folder, std::size_t edges = 1) {
  return {.bin_dir = PERKLINE_BIN_DIR,
          .state_dir = folder.path() / "fleet",
          .edges = edges,
          .port_base = 0,
          .pdi_quiet_ms = 1000,
          .edge_yaml = {}};
}

/// A whole chain of real binaries, shared by the tests of one suite.
class ChainTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir();
    auto fleet = bench::Fleet::start(fleet_options(*folder_));
    ASSERT_TRUE(fleet) << fleet.error().detail;
    fleet_ = new bench::Fleet(std::move(*fleet));
  }
  static void TearDownTestSuite() {
    delete fleet_;
    delete folder_;
  }
  void SetUp() override { ASSERT_NE(fleet_, nullptr); }

  static bench::Fleet& fleet() { return *fleet_; }

  static bench::WebAnswer till(const std::string& path, const std::string& body) {
    auto answer = bench::call({.method = "POST",
                               .origin = fleet().edge_url(0),
                               .path = "/v1/" + path,
                               .body = body,
                               .bearer = fleet().terminal_key(0)});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  static bench::WebAnswer till_get(const std::string& path) {
    auto answer = bench::call(
        {.origin = fleet().edge_url(0), .path = "/v1/" + path, .bearer = fleet().terminal_key(0)});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  static bench::WebAnswer sandbox(const std::string& path) {
    auto answer = bench::call({.origin = fleet().sandbox_url(), .path = path, .ca_file = fleet().ca_file()});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  /// As the admin.
  static bench::WebAnswer hub(const std::string& path) {
    const auto token = fleet().log_in();
    EXPECT_TRUE(token);
    auto answer =
        bench::call({.origin = fleet().hub_url(), .path = "/api/v1/" + path, .bearer = token.value_or("")});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  static std::size_t booked_at_pdi(const std::string& transaction) {
    const auto ledger = sandbox("/sandbox/ledger").json();
    std::size_t count = 0;
    for (const auto& item : ledger.root().find("items")->items())
      count += bench::text_at(item, "transactionId") == transaction ? 1 : 0;
    return count;
  }

 private:
  static inline TempDir* folder_ = nullptr;
  static inline bench::Fleet* fleet_ = nullptr;
};

}  // namespace perkline::test
