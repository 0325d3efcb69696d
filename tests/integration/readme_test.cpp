#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "bench/fleet/reserved_port.hpp"
#include "shared/core/random.hpp"
#include "tests/integration/chain.hpp"
#include "tests/integration/documents.hpp"

/// What the documents at the repository's root tell people to type, typed.
namespace perkline::test {
namespace {

namespace fs = std::filesystem;

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
  /// where the demo's are; a block that begins with import is the file `script` instead. `more`: names and
  /// values of the shell's. What each block prints.
  static std::vector<std::string> type(std::vector<std::string> blocks, const std::string& script_name = "",
                                       const std::vector<std::string>& more = {}) {
    const fs::path home = folder_file("home" + script_name);
    fs::create_directories(home / "build/release");
    fs::create_directory_symlink(bin_dir(), home / "build/release/bin");
    fs::create_directory_symlink(fleet().edge_config(0).parent_path(), home / ".demo");
    for (std::string& block : blocks) {
      if (!block.starts_with("import ")) continue;
      std::ofstream(home / script_name) << block;
      block.clear();
    }
    std::ofstream(home / ".curlrc") << "connect-to = 127.0.0.1:7070:" << authority(fleet().edge_url(0))
                                    << "\nconnect-to = 127.0.0.1:7443:" << authority(fleet().sandbox_url())
                                    << "\nconnect-to = 127.0.0.1:8080:" << authority(fleet().hub_url())
                                    << '\n';
    std::string script = "set -euo pipefail\n";
    for (const std::string& block : blocks) script += block + "echo '" + mark + "'\n";
    // What was started beside is over with the shell.
    script = "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n" + script;
    std::vector<std::string> arguments{"-C", home.string(), "HOME=" + home.string(),
                                       "KEY=" + fleet().terminal_key(0)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), {"bash", "-c", script});
    const auto typed = bench::run_command("env", arguments);
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

TEST_F(Readme, AMemberByHandGoesAsItSays) {
  auto blocks = blocks_under("A member by hand", document("README.md"));
  ASSERT_EQ(blocks.size(), 4u)
      << "a receiver, two logins, a claim, a spin and a payment: this test knows no more";
  EXPECT_EQ(lines_of(blocks[0]).size(), 10u) << "ten lines of Python";
  const std::string password = "a password of twelve";
  const auto joins = [&](const std::string& name, const std::string& code) {
    auto in = bench::call({.method = "POST",
                           .origin = fleet().hub_url(),
                           .path = "/api/v1/auth/register",
                           .body = R"({"email":")" + name + R"(@example.com","name":")" + name +
                                   R"(","password":")" + password + '"' +
                                   (code.empty() ? "" : R"(,"referralCode":")" + code + '"') + "}"});
    EXPECT_TRUE(in && in->status == 201);
    return in ? bench::shown_at(in->json().root(), "user.referralCode").value_or("") : "";
  };
  joins("ben", joins("cora", ""));
  SystemRng rng;
  const auto port = bench::ReservedPort::any(rng);
  for (std::string& block : blocks)
    for (std::size_t at = block.find("9090"); at != std::string::npos; at = block.find("9090", at + 1))
      block.replace(at, 4, std::to_string(port.number()));
  // On a machine that is busy it may take longer.
  const std::string patience = "sleep 2";
  const std::size_t waits = blocks[3].find(patience);
  ASSERT_NE(waits, std::string::npos);
  blocks[3].replace(waits, patience.size(),
                    "for i in $(seq 100); do [ $(wc -l < heard) -ge 3 ] && break; sleep .3; done");
  // The next chapter goes on with the spin.
  auto check = blocks_under("A spin anybody can check", document("README.md"));
  ASSERT_EQ(check.size(), 2u);
  blocks.push_back("cat > check.py <<'EOF'\n" + check[0] + "EOF\n");
  blocks.push_back("(" + check[1] + ") 2>&1 || true\n");
  const auto printed =
      type(blocks, "receiver.py", {"PASSWORD=" + password, "ADMIN=" + fleet().admin_password()});
  ASSERT_EQ(printed.size(), blocks.size());

  const auto claim = lines_of(printed[2]);
  ASSERT_EQ(claim.size(), 3u) << printed[2];
  EXPECT_NE(claim[1].find(R"("amount":"2.00")"), std::string::npos) << claim[1];
  EXPECT_NE(claim[2].find(R"("available":"2.00")"), std::string::npos) << claim[2];
  const auto rest = lines_of(printed[3]);
  ASSERT_GE(rest.size(), 3u) << printed[3];
  EXPECT_FALSE(bench::text_at(answer(rest[0]).root(), "spinId").empty()) << rest[0];
  EXPECT_EQ(bench::text_at(answer(rest[1]).root(), "amount"), "1.50") << rest[1];
  EXPECT_NE(rest[2].find(R"("eventType":)"), std::string::npos) << rest[2];
  const std::multiset<std::string> heard(rest.begin() + 3, rest.end());
  EXPECT_EQ(heard, (std::multiset<std::string>{"PAYMENT_COMPLETED", "PROMOTION_CLAIMED", "SPIN_EXECUTED"}));
  EXPECT_EQ(printed[5], "not revealed yet\n");
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
