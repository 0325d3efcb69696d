#include "bench/fleet/state_folder.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace perkline::bench {
namespace {

namespace fs = std::filesystem;

TEST(StateFolder, IsTakenWhereNothingIsThatCouldBeMissed) {
  test::TempDir folder;
  EXPECT_TRUE(check_state(folder.path())) << "empty";
  EXPECT_TRUE(check_state(folder.path() / "new"));
  std::ofstream(folder.file("hub.yaml")) << "listen: 1";
  EXPECT_FALSE(check_state(folder.path()));
  ASSERT_TRUE(mark_state(folder.path()));
  EXPECT_TRUE(check_state(folder.path())) << "an earlier run's";
}

TEST(StateFolder, IsRefusedNamingItAndTheFlagWhereSomethingElseIs) {
  test::TempDir folder;
  fs::create_directories(folder.path() / "photos" / "1998");
  std::ofstream(folder.file("empty.txt")).flush();
  fs::create_symlink(folder.path() / "gone", folder.path() / "link");
  for (const char* name : {"photos", "empty.txt", "link"}) {
    const auto may = check_state(folder.path() / name);
    ASSERT_FALSE(may) << name;
    EXPECT_TRUE(may.error().detail.contains(name)) << may.error().detail;
    EXPECT_TRUE(may.error().detail.contains("--state")) << may.error().detail;
  }
  EXPECT_TRUE(fs::exists(folder.path() / "photos" / "1998"));
}

}  // namespace
}  // namespace perkline::bench
