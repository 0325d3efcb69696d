#pragma once

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/commands.hpp"
#include "hub/tool_database.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub {

/// The commands as main() calls them, on a configuration and a database of their own.
class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() { configure("sync: { secret_key: '" + std::string(64, 'a') + "' }\n"); }

  void configure(const std::string& more) {
    write("hub.yaml", "database: { url: '" + place_.url() + "' }\n" + more);
  }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_.file(name)) << content;
    return folder_.file(name);
  }
  /// What `command` prints, each stream for itself.
  struct Said {
    int status;
    std::string out;
    std::string err;
  };
  template <class Command>
  static Said run(Command command) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int status = command();
    std::fflush(stdout);
    return {status, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
  }
  Said create_admin(const std::string& email, const std::string& password) const {
    const std::string file = write("password", password);
    return run([&] { return admin_create(config_, email, file); });
  }
  /// The rows of the first two columns, each `a b`.
  std::vector<std::string> rows(const std::string& sql) const {
    std::vector<std::string> found;
    const auto config = load_config(config_);
    const auto database = open_tool_database(config.value(), IfMissing::fail);
    const auto done = database.value()->read_now([&](db::Transaction& transaction) -> Result<void> {
      auto result = transaction.query(sql);
      if (!result) return failure(result);
      for (const auto& row : *result) found.push_back(row.text(0) + ' ' + row.text(1));
      return {};
    });
    EXPECT_TRUE(done) << done.error().detail;
    return found;
  }

  const test::TempDir folder_;
  const test::DatabasePlace place_{folder_.file("hub.db"), test::Schema::none};
  const std::string config_ = folder_.file("hub.yaml");
  const std::string key_ = std::string(64, 'b');
};

}  // namespace perkline::hub
