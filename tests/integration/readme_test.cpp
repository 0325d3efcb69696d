#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/integration/chain.hpp"

/// What the documents at the repository's root tell people to type, typed.
namespace perkline::test {
namespace {

namespace fs = std::filesystem;

std::string document(const std::string& name) {
  std::ifstream file(source_dir() + '/' + name);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The indented blocks under that heading, each as it is to be typed.
std::vector<std::string> blocks_under(const std::string& heading, const std::string& markdown) {
  std::istringstream lines(markdown);
  std::vector<std::string> blocks;
  bool under = false;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) under = line == "## " + heading;
    const bool indented = line.starts_with("    ");
    if (under && indented) {
      if (!inside) blocks.emplace_back();
      blocks.back() += line.substr(4) + '\n';
    }
    inside = under && indented;
  }
  return blocks;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class Readme : public ChainTest {
 protected:
  static constexpr const char* mark = "==== next block";

  /// Types one block after another into one shell, which finds a demo around it: its folders, and its ports
  /// where the demo's are. What each block prints.
  static std::vector<std::string> type(const std::vector<std::string>& blocks) {
    const fs::path home = folder_file("home");
    fs::create_directories(home / "build/release");
    fs::create_directory_symlink(bin_dir(), home / "build/release/bin");
    fs::create_directory_symlink(fleet().edge_config(0).parent_path(), home / ".demo");
    std::ofstream(home / ".curlrc") << "connect-to = 127.0.0.1:7070:" << authority(fleet().edge_url(0))
                                    << "\nconnect-to = 127.0.0.1:7443:" << authority(fleet().sandbox_url())
                                    << '\n';
    std::string script = "set -euo pipefail\n";
    for (const std::string& block : blocks) script += block + "echo '" + mark + "'\n";
    const auto typed = bench::run_command("env", {"-C", home.string(), "HOME=" + home.string(),
                                                  "KEY=" + fleet().terminal_key(0), "bash", "-c", script});
    EXPECT_TRUE(typed);
    if (!typed) return {};
    EXPECT_EQ(typed->status, 0) << typed->out << typed->err;
    std::vector<std::string> printed(1);
    for (const std::string& line : lines_of(typed->out)) {
      if (line == mark) {
        printed.emplace_back();
      } else {
        printed.back() += line + '\n';
      }
    }
    printed.pop_back();
    return printed;
  }
  static std::string authority(const std::string& url) { return url.substr(url.find("//") + 2); }

  /// What a till's call has printed, as JSON.
  static json::Document answer(const std::string& line) {
    auto parsed = json::parse(line);
    EXPECT_TRUE(parsed) << line;
    return parsed ? std::move(*parsed) : json::Document();
  }
};

TEST_F(Readme, ASaleByHandGoesAsItSays) {
  const auto blocks = blocks_under("One sale by hand", document("README.md"));
  ASSERT_EQ(blocks.size(), 4u) << "a sale, a return, PDI away, PDI back: this test knows no more";
  const auto printed = type(blocks);
  ASSERT_EQ(printed.size(), blocks.size());

  const auto sale = lines_of(printed[0]);
  ASSERT_EQ(sale.size(), 4u) << printed[0];
  EXPECT_EQ(bench::integer_at(answer(sale[0]).root(), "earnedPoints"), 450);
  const auto finalized = answer(sale[1]);
  EXPECT_EQ(bench::text_at(finalized.root(), "status"), "finalized") << sale[1];
  EXPECT_EQ(bench::integer_at(finalized.root(), "newBalance"), 5450);
  EXPECT_EQ(sale[2], sale[0]);
  EXPECT_EQ(sale[3], sale[1]);

  EXPECT_EQ(bench::integer_at(answer(printed[1]).root(), "clawedBackPoints"), 150) << printed[1];

  const auto dark = lines_of(printed[2]);
  ASSERT_GE(dark.size(), 3u) << printed[2];
  const auto pending = answer(dark[1]);
  EXPECT_EQ(bench::text_at(pending.root(), "status"), "pending") << dark[1];
  const std::string session = bench::text_at(pending.root(), "sessionId");
  ASSERT_FALSE(session.empty());
  EXPECT_NE(printed[2].find(session, printed[2].find('\n', printed[2].find(session))), std::string::npos)
      << "the queue shows it\n"
      << printed[2];

  EXPECT_NE(printed[3].find(R"("transactionId":"TXN-67890")"), std::string::npos) << printed[3];
  EXPECT_EQ(number_at(status_once(till_of(0), session, "finalized"), "earnedPoints"), 450);
  EXPECT_EQ(booked_at_pdi("TXN-67890"), 1u);
  EXPECT_EQ(booked_at_pdi("TXN-67891"), 1u);
}

TEST(Documents, NameOnlyCommandsAndFoldersThatAreThere) {
  const auto help = bench::run_command(source_dir() + "/run", {"help"});
  ASSERT_TRUE(help);
  ASSERT_EQ(help->status, 0) << help->err;
  std::set<std::string> commands;
  for (const char* name : {"README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "tests/README.md"}) {
    const std::string text = document(name);
    const std::regex command(R"(\./run ([a-z]+))");
    for (std::sregex_iterator each(text.begin(), text.end(), command), end; each != end; ++each) {
      const std::string called = (*each)[1];
      commands.insert(called);
      if (called != "help") {
        EXPECT_NE(help->out.find("./run " + called), std::string::npos) << called << " in " << name;
      }
    }
    const std::regex link(R"(\]\(([A-Za-z_/.]+)\))");
    const fs::path folder = (fs::path(source_dir()) / name).parent_path();
    for (std::sregex_iterator each(text.begin(), text.end(), link), end; each != end; ++each)
      EXPECT_TRUE(fs::exists(folder / (*each)[1].str())) << (*each)[1] << " in " << name;
    const std::regex row(R"(\n\| `([a-z_/]+/)` \|)");
    for (std::sregex_iterator each(text.begin(), text.end(), row), end; each != end; ++each)
      EXPECT_TRUE(fs::is_directory(folder / (*each)[1].str())) << (*each)[1] << " in " << name;
  }
  EXPECT_TRUE(commands.contains("demo") && commands.contains("test") && commands.contains("lint"));
  for (const char* program : {"perkline-edge", "perkline-hub", "pdi-sandbox", "perkline-bench"}) {
    const auto told = bench::run_command(bin_dir() + '/' + program, {"--help"});
    ASSERT_TRUE(told) << program;
    EXPECT_EQ(told->status, 0) << program << told->err;
    EXPECT_NE(told->out.find("Subcommands:"), std::string::npos) << told->out;
  }
}

}  // namespace
}  // namespace perkline::test
