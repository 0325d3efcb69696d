#include <fstream>

#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

namespace fs = std::filesystem;

/// `backup`, `restore` and `verify` on real daemons.
class StorageCommands : public ChainTest {
 protected:
  static fs::path data() { return fs::path(folder_file("fleet")) / "edge-1"; }
  static std::string backups() { return folder_file("backups"); }
  std::string sell(const std::string& transaction) {
    const std::string session = till.price(transaction);
    EXPECT_EQ(till.finalize(session, transaction).status, 200);
    return session;
  }
  static json::Document told(const bench::CommandOutput& output) {
    auto document = json::parse(output.out);
    EXPECT_TRUE(document) << output.out << output.err;
    return document ? std::move(*document) : json::Document();
  }
  /// In seconds since 1970; 0: never.
  static double last_backup() {
    const std::string gauge = R"(perkline_edge_job_last_success_timestamp_seconds{job="backup"} )";
    const auto answer = bench::call({.origin = fleet().edge_ops_url(0), .path = "/metrics"});
    const std::string text = answer ? answer->body : "";
    const std::size_t at = text.find(gauge);
    EXPECT_NE(at, text.npos) << text;
    return at == text.npos ? -1 : std::stod(text.substr(at + gauge.size()));
  }
  static void expect_whole() {
    const auto verified = edge_command(0, {"verify", "--json"});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    EXPECT_TRUE(verified.out.starts_with(R"({"ok":true)")) << verified.out;
  }
  Till till = till_of(0);
};

TEST_F(StorageCommands, ABackupOfARunningStoreIsRestoredWhereNothingIs) {
  const std::string first = sell("T-1");
  expect_whole();
  keep_from_pdi(0);
  const std::string waiting = till.price("T-0");
  ASSERT_EQ(till.finalize(waiting, "T-0").status, 202);
  const double before = last_backup();
  const auto made = edge_command(0, {"backup", backups(), "--json"});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_GT(last_backup(), before);
  EXPECT_EQ(bench::integer_at(told(made).root(), "number"), 1);
  const std::int64_t tail = bench::integer_at(told(made).root(), "tail");
  EXPECT_GE(tail, 1);
  let_to_pdi(0);
  ASSERT_EQ(text_at(status_once(till, waiting, "finalized"), "status"), "finalized");
  const std::string second = sell("T-2");

  const auto running = edge_command(0, {"restore", backups()});
  EXPECT_EQ(running.status, 1);
  EXPECT_NE(running.err.find("stop the daemon"), std::string::npos) << running.err;
  fleet().edge(0).terminate();
  expect_whole();
  const auto full = edge_command(0, {"restore", backups()});
  EXPECT_EQ(full.status, 1);
  EXPECT_NE(full.err.find("mv "), std::string::npos) << full.err;

  fs::rename(data() / "db", data() / "db.before-restore");
  const auto restored = edge_command(0, {"restore", backups(), "--json"});
  ASSERT_EQ(restored.status, 0) << restored.err;
  EXPECT_EQ(bench::integer_at(told(restored).root(), "tail"), tail);
  EXPECT_NE(bench::text_at(told(restored).root(), "next").find("perkline-hub store new-epoch store-1"),
            std::string::npos)
      << restored.out;
  expect_whole();
  ASSERT_TRUE(fleet().start_edge(0));
  EXPECT_EQ(text_at(till.status(first), "status"), "finalized");
  EXPECT_EQ(till.status(second).status, 404);
  // The backup holds it as pending, and PDI has booked it since: settling it now would book it twice. Sales
  // of today go on, one after another, while the hub is asked what became of it.
  for (const char* today : {"T-4", "T-5", "T-6"}) (void)sell(today);
  EXPECT_EQ(text_at(status_once(till, waiting, "finalized"), "status"), "finalized");
  EXPECT_EQ(bookings_at_pdi("T-0").size(), 1u);
}

TEST_F(StorageCommands, ABackupIsMadeWhereNoDaemonRuns) {
  const double before = last_backup();
  fleet().edge(0).terminate();
  const auto made = edge_command(0, {"backup", folder_file("offline")});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_NE(made.out.find("number: 1"), std::string::npos) << made.out;
  ASSERT_TRUE(fleet().start_edge(0));
  EXPECT_GT(last_backup(), before) << "the next daemon tells of it";
}

TEST_F(StorageCommands, ABackupGoesNowhereNearTheData) {
  const double before = last_backup();
  const auto inside = edge_command(0, {"backup", (data() / "backups").string()});
  EXPECT_EQ(inside.status, 2);
  EXPECT_NE(inside.err.find("inside data_dir"), std::string::npos) << inside.err;
  EXPECT_EQ(last_backup(), before) << "none was made";
}

TEST_F(StorageCommands, VerifyTellsOfEveryFault) {
  sell("T-3");
  fleet().edge(0).terminate();
  fs::copy(data() / "high_water", data() / "high_water.kept", fs::copy_options::overwrite_existing);
  std::ofstream(data() / "high_water") << "1 4711 " << std::string(64, 'a') << "\n";
  const auto verified = edge_command(0, {"verify", "--json"});
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.out.starts_with(R"({"ok":false)")) << verified.out;
  EXPECT_NE(verified.out.find("4711"), std::string::npos) << verified.out;
  fs::rename(data() / "high_water.kept", data() / "high_water");
  ASSERT_TRUE(fleet().start_edge(0));
}

}  // namespace
}  // namespace perkline::test
