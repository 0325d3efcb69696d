#include <filesystem>

#include <gtest/gtest.h>

#include "bench/fleet/child.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/paths.hpp"

namespace perkline::test {
namespace {

namespace fs = std::filesystem;

/// A script finds npm's packages beside itself alone.
void put_beside(const std::string& folder) {
  for (const auto& file : fs::directory_iterator(source_dir() + "/tests/browser")) {
    if (file.path().extension() == ".mjs")
      fs::copy_file(file.path(), folder / file.path().filename(), fs::copy_options::overwrite_existing);
  }
}

TEST(ApiDocs, ShowEveryOperationInABrowserThatAsksNobodyElse) {
  const auto folder = npm_folder("PERKLINE_BROWSER", "browser", "playwright-core");
  if (!folder) GTEST_SKIP() << "needs npm's playwright-core: ./run test installs it";
  put_beside(*folder);
  const LoneHub hub;
  const auto looked = bench::run_command("/usr/bin/env", {"node", *folder + "/api_docs.mjs", hub.url()});
  ASSERT_TRUE(looked);
  EXPECT_EQ(looked->status, 0) << looked->err << looked->out;
}

}  // namespace
}  // namespace perkline::test
