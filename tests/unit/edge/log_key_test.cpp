#include "edge/log_key.hpp"

#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "shared/ops/log.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::edge {
namespace {

/// The store's hash of a card, as a process that starts on that folder writes it.
std::string hash_in(const std::string& data_dir) {
  use_log_key(data_dir);
  return ops::hashed("CUST-12345");
}

TEST(LogKey, IsEachStoresOwnAndStaysAcrossRestarts) {
  const test::TempDir one;
  const test::TempDir other;
  const std::string hash = hash_in(one.path());
  EXPECT_NE(hash_in(other.path()), hash);
  EXPECT_EQ(hash_in(one.path()), hash);
  struct ::stat info{};
  ASSERT_EQ(::stat(one.file("log_key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(LogKey, ThatIsNoneIsMadeAnew) {
  const test::TempDir folder;
  for (const char* broken : {"", "garbage", "00ff"}) {
    std::ofstream(folder.file("log_key")) << broken;
    const std::string hash = hash_in(folder.path());
    EXPECT_EQ(hash_in(folder.path()), hash) << broken;
  }
}

TEST(LogKey, ThatCannotBeKeptKeepsNobodyFromSelling) {
  const test::TempDir folder;
  const std::string nowhere = folder.file("no/such/folder");
  const std::string hash = hash_in(nowhere);
  EXPECT_EQ(hash.size(), 16u);
  EXPECT_NE(hash_in(nowhere), hash) << "and is known to nobody";
}

}  // namespace
}  // namespace perkline::edge
