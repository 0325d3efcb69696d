#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>

#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

std::string program(const char* name) {
  return bin_dir() + "/" + name;
}

TEST(CheckConfig, NamesFourFaultsInFourLinesAndExits2) {
  TempDir folder;
  std::ofstream(folder.file("edge.yaml")) << "store_id: \"bad store!\"\n"
                                             "currency: XXX\n"
                                             "pdi: { url: \"ftp://x\", client_id: a, client_secret: b }\n"
                                             "colour: blue\n";
  for (const char* command : {"check-config", "serve"}) {
    const auto output =
        bench::run_command(program("perkline-edge"), {command, "--config", folder.file("edge.yaml")});
    ASSERT_TRUE(output);
    EXPECT_EQ(output->status, 2);
    const std::string text = output->out.empty() ? output->err : output->out + "\n";
    EXPECT_EQ(std::ranges::count(text, '\n'), 4) << text;
    for (const char* key : {"store_id", "currency", "pdi.url", "colour"})
      EXPECT_NE(text.find(key), std::string::npos) << text;
  }
}

TEST(Programs, TellTheirVersionAndRefuseNonsense) {
  for (const char* name : {"perkline-edge", "perkline-hub", "pdi-sandbox", "perkline-bench"}) {
    const auto version = bench::run_command(program(name), {"--version"});
    ASSERT_TRUE(version);
    EXPECT_EQ(version->status, 0) << name;
    EXPECT_NE(version->out.find('.'), std::string::npos) << name;
    const auto nonsense = bench::run_command(program(name), {"no-such-command"});
    ASSERT_TRUE(nonsense);
    EXPECT_EQ(nonsense->status, 2) << name;
  }
}

TEST(Keygen, WritesAPrivateFileAndPrintsThePublicKeyAlone) {
  TempDir folder;
  for (const char* name : {"perkline-edge", "perkline-hub"}) {
    const std::string file = folder.file(std::string(name) + ".key");
    const auto output = bench::run_command(program(name), {"keygen", "--out", file});
    ASSERT_TRUE(output);
    EXPECT_EQ(output->status, 0);
    EXPECT_EQ(output->out.size(), 64u);
    EXPECT_EQ(output->out.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_EQ(std::filesystem::status(file).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
}

TEST(UnknownKey, SyncsNothingAndItsSalesWaitUntilTheHubKnowsIt) {
  TempDir folder;
  auto fleet = bench::Fleet::start(fleet_options(folder));
  ASSERT_TRUE(fleet) << fleet.error().detail;
  const auto shown = fleet->hub_command({"store", "show", "store-1", "--json"});
  ASSERT_TRUE(shown);
  ASSERT_EQ(shown->status, 0) << shown->err;

  // The store gets a key of its own that nobody told the hub.
  const auto key = fleet->edge_command(0, {"status"});
  ASSERT_TRUE(key);
  const std::string secret = (folder.path() / "fleet" / "edge-1.key").string();
  fleet->edge(0).terminate();
  const auto made = bench::run_command(program("perkline-edge"), {"keygen", "--out", secret + ".new"});
  ASSERT_TRUE(made);
  std::filesystem::rename(secret + ".new", secret);
  ASSERT_TRUE(fleet->start_edge(0));

  const auto sell = [&](const std::string& path, const std::string& body) {
    return bench::call({.method = "POST",
                        .origin = fleet->edge_url(0),
                        .path = "/v1/" + path,
                        .body = body,
                        .bearer = fleet->terminal_key(0)});
  };
  const auto identified =
      sell("identify", R"({"customerId":"CUST-00003","channelId":"POS-001","transactionId":"T-1"})");
  ASSERT_TRUE(identified);
  const std::string session = bench::text_at(identified->json().root(), "sessionId");
  ASSERT_EQ(
      sell("calculateRewards", R"({"sessionId":")" + session + R"(","transactionAmount":"10.00","items":[]})")
          ->status,
      200);
  ASSERT_EQ(sell("finalize", R"({"sessionId":")" + session +
                                 R"(","transactionId":"T-1","finalAmount":"10.00","applyRewards":true})")
                ->status,
            200);

  // The store says why it does not sync.
  EXPECT_TRUE(eventually([&] {
    const auto status = fleet->edge_command(0, {"status", "--json"});
    return status && status->status == 0 && status->out.find("refused") != std::string::npos;
  })) << fleet->edge_command(0, {"status", "--json"})->out;
  const auto token = fleet->log_in();
  ASSERT_TRUE(token);
  const auto overview = [&] {
    return bench::call({.origin = fleet->hub_url(), .path = "/api/v1/stores/store-1", .bearer = *token})
        ->json();
  };
  EXPECT_EQ(bench::integer_at(overview().root(), "cursor"), 0);

  const auto added = fleet->hub_command({"store", "add", "store-1", "--public-key", made->out});
  ASSERT_TRUE(added);
  EXPECT_EQ(added->status, 0) << added->err;
  EXPECT_TRUE(eventually([&] { return bench::integer_at(overview().root(), "cursor") == 1; },
                         std::chrono::seconds(60)));
}

TEST(Demo, RefusesAFolderThatHoldsSomethingElse) {
  TempDir folder;
  const std::string theirs = folder.file("thesis.txt");
  std::ofstream(theirs) << "years of work";
  const auto output = bench::run_command(
      program("perkline-bench"),
      {"demo", "--bin", bin_dir(), "--once", "--port-base", "0", "--state", folder.path().string()});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->status, 1) << output->out;
  EXPECT_TRUE(output->err.contains("--state")) << output->err;
  EXPECT_TRUE(std::filesystem::exists(theirs));
}

TEST(Demo, EndsWithATableThatAgrees) {
  TempDir folder;
  std::vector<std::string> arguments{"demo", "--bin",       bin_dir(), "--once",  "--seconds",
                                     "10",   "--port-base", "0",       "--state", folder.file("demo")};
  if (const auto mail = npm_folder("PERKLINE_SMTP", "smtp", "smtp-server"))
    arguments.insert(arguments.end(), {"--mail", *mail});
  const auto output = bench::run_command(program("perkline-bench"), arguments);
  ASSERT_TRUE(output);
  EXPECT_EQ(output->status, 0) << output->out << output->err;
  EXPECT_NE(output->out.find("all three agree"), std::string::npos) << output->out;
  // Its second act tells why where it did not end well.
  EXPECT_NE(output->out.find("Every figure of the members' journey is right."), std::string::npos)
      << output->out;
  EXPECT_EQ(output->out.contains("Cora has mail"), arguments.back() != folder.file("demo")) << output->out;
  // Each store's tills have redeemed, and taken goods back of sales that had.
  const std::regex row(R"(tills +\d+ +[\d.]+ +[1-9]\d* +[1-9]\d* +[\d.]+ +[1-9]\d* +[1-9]\d*\n)");
  const std::sregex_iterator rows(output->out.begin(), output->out.end(), row);
  EXPECT_EQ(std::distance(rows, std::sregex_iterator()), 2) << output->out;
}

TEST(Receipts, UnusableLinesAreLeftOutCountedAndNamed) {
  TempDir folder;
  std::ofstream(folder.file("receipts.csv"))
      << "household_id,store_id,basket_id,product_id,quantity,sales_value,week\n"
         "906,319,1,100,1,1.5,1\n"
         "906,319,1,101,0,1.5,1\n"
         "906,319,2,100,1,0,1\n"
         "906,319,3,100,2,4.440892e-16,1\n"
         "906,319,4,100,32623,29.99,1\n"
         "907,320,5,\"1,00\",2,3,1\n"
         "broken\n";
  auto fleet = bench::Fleet::start(fleet_options(folder));
  ASSERT_TRUE(fleet) << fleet.error().detail;
  const auto output = bench::run_command(program("perkline-bench"),
                                         {"replay", "--baskets", folder.file("receipts.csv"), "--edge",
                                          fleet->edge_url(0), "--key", fleet->terminal_key(0), "--json"});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->status, 0) << output->out << output->err;
  const auto summary = json::parse(output->out);
  ASSERT_TRUE(summary) << output->out;
  EXPECT_EQ(bench::integer_at(summary->root(), "basketsRead"), 5);
  EXPECT_EQ(bench::integer_at(summary->root(), "basketsUsed"), 3);
  EXPECT_EQ(bench::integer_at(summary->root(), "salesAcknowledged"), 3);
  EXPECT_EQ(bench::integer_at(*summary->root().find("linesSkipped"), "quantity 0"), 1);
  EXPECT_EQ(bench::integer_at(*summary->root().find("linesSkipped"), "sales_value 0"), 1);
  EXPECT_EQ(bench::integer_at(*summary->root().find("linesSkipped"), "wrong number of columns"), 1);
}

}  // namespace
}  // namespace perkline::test
