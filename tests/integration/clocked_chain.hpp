#pragma once

#include <cstdlib>
#include <fstream>

#include "tests/integration/chain.hpp"

namespace perkline::test {

inline constexpr std::int64_t hour = 3600;
inline constexpr std::int64_t day = 24 * hour;
inline constexpr std::int64_t year = 365 * day;

/// An edge whose wall clock can be set, in seconds off the machine's; all else runs on that one.
class ClockedChainTest : public ChainTest {
 protected:
  void SetUp() override {
    ChainTest::SetUp();
    set_clock(0);
    restart();
  }

  static std::string shift_file() { return folder_file("clock_shift"); }
  /// In place: a running edge has the file mapped.
  static void set_clock(std::int64_t seconds_off) {
    std::fstream file(shift_file(), std::ios::binary | std::ios::in | std::ios::out);
    if (!file) file.open(shift_file(), std::ios::binary | std::ios::out);
    file.write(reinterpret_cast<const char*>(&seconds_off), sizeof seconds_off);
    ASSERT_TRUE(file.flush());
  }
  static void restart() {
    fleet().edge(0).terminate();
    const Preload clock;
    const auto started = fleet().start_edge(0);
    ASSERT_TRUE(started) << started.error().detail;
  }
  /// A command of perkline-edge's, which goes by the same clock.
  static bench::CommandOutput edge(std::vector<std::string> arguments) {
    const Preload clock;
    auto output = fleet().edge_command(0, std::move(arguments));
    EXPECT_TRUE(output);
    return output.value_or(bench::CommandOutput{});
  }

 private:
  /// What is started meanwhile goes by the clock that is set.
  struct Preload {
    Preload() {
      ::setenv("LD_PRELOAD", clock_shift_library().c_str(), 1);
      ::setenv("PERKLINE_CLOCK_SHIFT", shift_file().c_str(), 1);
    }
    Preload(const Preload&) = delete;
    Preload& operator=(const Preload&) = delete;
    ~Preload() { ::unsetenv("LD_PRELOAD"); }
  };
};

}  // namespace perkline::test
