#include "tests/unit/core/include_rule.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace perkline::test {
namespace {

namespace fs = std::filesystem;

bool allowed(const std::string& path, const std::string& text) {
  return include_breaches({Source{path, text}}).empty();
}

TEST(IncludeRule, EdgeAndHubNeverMeet) {
  EXPECT_FALSE(allowed("edge/main.cpp", "#include \"hub/config.hpp\""));
  EXPECT_FALSE(allowed("hub/db/database.cpp", "  #  include \"edge/journal/journal.hpp\"  // why not"));
  EXPECT_FALSE(allowed("hub/api/routes.cpp", "#include \"pdi_client/pdi.hpp\""));
  EXPECT_FALSE(allowed("pdi_client/breaker.cpp", "#include \"edge/config.hpp\""));
  EXPECT_TRUE(allowed("edge/main.cpp", "#include \"pdi_client/pdi.hpp\""));
  EXPECT_TRUE(allowed("hub/main.cpp", "#include \"hub/api/routes.hpp\""));
}

TEST(IncludeRule, InsideSharedTheArrowsPointToCore) {
  EXPECT_FALSE(allowed("shared/core/ids.cpp", "#include \"shared/json/value.hpp\""));
  EXPECT_FALSE(allowed("shared/ops/log.cpp", "#include \"shared/net/task.hpp\""));
  EXPECT_FALSE(allowed("shared/sync/frame.cpp", "#include \"shared/ops/log.hpp\""));
  EXPECT_FALSE(allowed("shared/config/reader.cpp", "#include \"shared/ops/log.hpp\""));
  EXPECT_FALSE(allowed("shared/net/reactor.cpp", "#include \"edge/config.hpp\""));
  EXPECT_TRUE(allowed("shared/ops/log.cpp", "#include \"shared/json/writer.hpp\""));
  EXPECT_TRUE(allowed("shared/net/ops_port.cpp", "#include \"shared/ops/health.hpp\""));
}

TEST(IncludeRule, IncludesStartAtTheRoot) {
  EXPECT_FALSE(allowed("edge/main.cpp", "#include \"config.hpp\""));
  EXPECT_FALSE(allowed("edge/api/routes.cpp", "#include \"../config.hpp\""));
  EXPECT_FALSE(allowed("tests/unit/core/x_test.cpp", "#include \"support/temp_dir.hpp\""));
}

TEST(IncludeRule, HeadersNameNoHeavyLibrary) {
  for (const char* header : {"rocksdb/db.h", "sqlite3.h", "libpq-fe.h", "google/protobuf/message.h",
                             "spdlog/spdlog.h", "yaml-cpp/yaml.h", "simdjson.h", "prometheus/registry.h"}) {
    EXPECT_FALSE(allowed("shared/net/x.hpp", "#include <" + std::string(header) + ">")) << header;
  }
  EXPECT_FALSE(allowed("shared/sync/frame.hpp", "#include \"shared/sync/sync.pb.h\""));
  EXPECT_TRUE(allowed("shared/sync/frame.cpp", "#include \"shared/sync/sync.pb.h\""));
  EXPECT_TRUE(allowed("edge/journal/journal_rocks.cpp", "#include <rocksdb/db.h>"));
  EXPECT_TRUE(allowed("shared/net/task.hpp", "#include <boost/asio/awaitable.hpp>"));
}

TEST(IncludeRule, NetworkLibrariesStayInNet) {
  EXPECT_FALSE(allowed("edge/uplink/uplink.cpp", "#include <zmq.hpp>"));
  EXPECT_FALSE(allowed("hub/api/server.cpp", "#include <boost/beast/http.hpp>"));
  EXPECT_FALSE(allowed("pdi_client/http_pdi.cpp", "#include <boost/asio/steady_timer.hpp>"));
  EXPECT_TRUE(allowed("shared/net/link.cpp", "#include <zmq.h>"));
  EXPECT_TRUE(allowed("tests/support/sim_world.cpp", "#include <boost/asio/io_context.hpp>"));
}

TEST(IncludeRule, HeadersThatNameANetworkLibraryAreNetsOwn) {
  const Source stream{"shared/net/stream.hpp", "#include <boost/asio/ip/tcp.hpp>"};
  const Source through{"shared/net/connection.hpp", "#include \"shared/net/stream.hpp\""};
  const Source open{"shared/net/server.hpp", "#include <boost/asio/awaitable.hpp>"};
  EXPECT_TRUE(
      include_breaches({through, stream, {"shared/net/server.cpp", "#include \"shared/net/connection.hpp\""}})
          .empty());
  EXPECT_TRUE(include_breaches({stream, {"tests/unit/net/x_test.cpp", "#include \"shared/net/stream.hpp\""}})
                  .empty());
  EXPECT_TRUE(include_breaches({open, {"edge/main.cpp", "#include \"shared/net/server.hpp\""}}).empty());
  EXPECT_EQ(include_breaches({stream, {"edge/main.cpp", "#include \"shared/net/stream.hpp\""}}).size(), 1u);
  EXPECT_EQ(
      include_breaches({through, stream, {"hub/main.cpp", "#include \"shared/net/connection.hpp\""}}).size(),
      1u);
}

TEST(IncludeRule, OnlyIncludeLinesCount) {
  EXPECT_TRUE(
      allowed("edge/main.cpp", "// #include \"hub/config.hpp\"\nconst char* s = \"hub/config.hpp\";"));
  EXPECT_EQ(include_breaches({Source{"edge/main.cpp", "\n\n#include \"hub/config.hpp\""}}),
            (std::vector<std::string>{"edge/main.cpp:3: hub/config.hpp: this folder may not use that one"}));
}

TEST(Sources, KeepTheIncludeRule) {
  const fs::path root = PERKLINE_SOURCE_DIR;
  std::vector<Source> sources;
  for (const char* folder : {"shared", "pdi_client", "edge", "hub", "bench", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const auto extension = entry.path().extension();
      if (!entry.is_regular_file() || (extension != ".cpp" && extension != ".hpp")) continue;
      std::ifstream file(entry.path());
      sources.push_back(
          {fs::relative(entry.path(), root).string(), {std::istreambuf_iterator<char>(file), {}}});
    }
  }
  EXPECT_GT(sources.size(), 50u) << "the sources were not found under " << root;
  for (const auto& breach : include_breaches(sources)) ADD_FAILURE() << breach;
}

}  // namespace
}  // namespace perkline::test
