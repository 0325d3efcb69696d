#pragma once

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "bench/fleet/fleet.hpp"
#include "tests/fault/rig/hub_books.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/tcp_proxy.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {

/// A chain of real processes whose stores reach their hub by a line that fails as it is told, and is recorded
/// from its first byte.
class HubLineTest : public ::testing::Test {
 protected:
  void SetUp() override;

  bench::Fleet& fleet() { return *fleet_; }
  TcpProxy& line() { return line_; }
  Till till() { return {fleet().edge_url(0), fleet().terminal_key(0)}; }

  /// A sale to its end at the first edge; `transaction` is booked at PDI.
  void sell(const std::string& transaction);
  /// Of the first edge's outbox: how many events there are, and how many the hub has acknowledged.
  struct Outbox {
    std::int64_t tail = 0;
    std::int64_t acked = 0;
  };
  Outbox outbox();
  /// How the first edge says it stands with the hub: `streaming`.
  std::string standing();
  /// Waits until the hub has acknowledged all that there is now.
  bool catches_up();
  HubBooks books() { return read_hub_books(fleet().hub_database_url()); }
  std::size_t booked(const std::string& transaction);
  /// The sum of the hub's counters of that name whose labels hold `label`.
  std::size_t hub_counter(const std::string& name, const std::string& label = {});
  /// What the hub says of its books.
  void expect_hub_verifies();

 private:
  TempDir folder_;
  TcpProxy line_{0};
  std::optional<bench::Fleet> fleet_;
};

}  // namespace perkline::test
