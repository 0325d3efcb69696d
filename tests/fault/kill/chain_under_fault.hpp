#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "bench/fleet/fleet.hpp"
#include "shared/core/random.hpp"
#include "tests/fault/rig/oracle.hpp"
#include "tests/fault/rig/tills.hpp"
#include "tests/integration/paths.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {

/// What a variable says, or a short round by default.
inline int asked_for(const char* variable, int by_default) {
  const char* number = std::getenv(variable);
  return number == nullptr ? by_default : std::atoi(number);
}

/// A small chain of real processes whose stand-in, breaker and doubts are quick: so that what is to be broken
/// off has often begun.
class ChainUnderFault : public ::testing::Test {
 protected:
  /// `database_url` empty: the hub is on SQLite.
  void start(std::size_t edges, const std::string& database_url = {}) {
    auto fleet = bench::Fleet::start({.bin_dir = bin_dir(),
                                      .state_dir = folder_.path() / "fleet",
                                      .edges = edges,
                                      .pdi_quiet_ms = 300,
                                      .edge_yaml = std::vector<std::string>(edges, edge_yaml),
                                      .pdi_yaml = "timeouts_ms: { identify: 400, calculate: 400, "
                                                  "finalize: 600, status: 400 }",
                                      .database_url = database_url});
    ASSERT_TRUE(fleet) << fleet.error().detail;
    fleet_.emplace(std::move(*fleet));
  }
  void pdi(const std::string& fault) { ASSERT_TRUE(fleet_->set_fault(fault)) << fault; }
  void pdi_is_well() { pdi(R"({"endpoint":"*","mode":"ok"})"); }

  /// The last that `edge-1`, `hub` … has written.
  std::string log_end(const std::string& part) const {
    std::ifstream file(fleet_->log_of(part), std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(file), {});
    constexpr std::size_t shown = 4000;
    return text.size() > shown ? text.substr(text.size() - shown) : text;
  }

  /// Asks the oracle once all is well again.
  Verdict expect_whole(Tills::Taken taken, std::chrono::seconds patience = std::chrono::seconds(120)) {
    pdi_is_well();
    Verdict verdict = judge(*fleet_, std::move(taken), patience);
    std::printf("%s\n", verdict.to_text().c_str());
    EXPECT_TRUE(verdict.ok()) << verdict.to_text();
    return verdict;
  }

  static constexpr const char* edge_yaml =
      "standin: { deadline_ms: 250 }\nbreaker: { open_base_ms: 200, open_max_ms: 1000 }\n"
      "storage: { reserve_mib: 16 }\n";

  TempDir folder_;
  std::optional<bench::Fleet> fleet_;
};

}  // namespace perkline::test
