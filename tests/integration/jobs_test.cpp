#include <future>

#include "tests/integration/clocked_chain.hpp"

namespace perkline::test {
namespace {

/// The daemon's regular jobs, by the clock and by hand.
class Jobs : public ClockedChainTest {
 protected:
  static Till till() { return till_of(0); }
  static void stop() { ASSERT_EQ(fleet().edge(0).terminate(), 0); }

  /// What a job says that it did; a failed expectation when it did not.
  static json::Document run(const std::string& job) {
    const auto output = edge({"jobs", "run", job, "--json"});
    EXPECT_EQ(output.status, 0) << output.err;
    auto document = json::parse(output.out);
    EXPECT_TRUE(document) << output.out;
    if (document) EXPECT_EQ(bench::text_at(document->root(), "job"), job);
    return document ? std::move(*document) : std::move(*json::parse("{}"));
  }
  static std::int64_t run_for(const std::string& job, const std::string& count) {
    const auto done = run(job);
    EXPECT_NE(done.root().find(count), nullptr) << count;
    return bench::integer_at(done.root(), count);
  }
  static std::string status_in_journal(const std::string& session) {
    const auto shown = edge({"sessions", "show", session, "--json"});
    const auto document = json::parse(shown.out);
    return document ? bench::text_at(document->root(), "status") : shown.err;
  }
  static std::string metrics() {
    const auto answer = bench::call({.origin = fleet().edge_ops_url(0), .path = "/metrics"});
    EXPECT_TRUE(answer);
    return answer.value_or(bench::WebAnswer{}).body;
  }
  /// A metric's value; -1: there is none of that name and labels.
  static double metric(const std::string& name) {
    const std::string all = "\n" + metrics();
    const auto at = all.find("\n" + name + ' ');
    return at == std::string::npos ? -1 : std::stod(all.substr(at + name.size() + 2));
  }
};

TEST_F(Jobs, AnUnknownJobIsToldWithTheNamesOfTheKnownOnes) {
  const auto output = edge({"jobs", "run", "sweep"});
  EXPECT_EQ(output.status, 2);
  for (const char* name : {"expire", "archive", "clear-cache", "reconcile", "prune-outbox"})
    EXPECT_NE((output.out + output.err).find(name), std::string::npos) << output.err;
}

TEST_F(Jobs, EachRunsSoonAfterTheStartAndSaysSo) {
  for (const char* name : {"expire", "archive", "clear-cache", "reconcile", "prune-outbox"}) {
    const std::string job = std::string(R"({job=")") + name + "\"";
    EXPECT_TRUE(eventually([&] {
      return metric("perkline_edge_job_last_success_timestamp_seconds" + job + "}") > 0;
    })) << metrics();
    EXPECT_GE(run(name).root().find("durationMs")->text().size(), 1u);
    EXPECT_GE(metric("perkline_edge_job_runs_total" + job + R"(,result="success"})"), 1);
    EXPECT_GE(metric("perkline_edge_job_duration_seconds_count" + job + "}"), 1);
  }
  const auto listed = edge({"jobs", "list", "--json"});
  EXPECT_EQ(listed.status, 0) << listed.err;
  const auto items = json::parse(listed.out);
  ASSERT_TRUE(items);
  ASSERT_EQ(items->root().find("items")->items().size(), 5u);
  for (const auto& item : items->root().find("items")->items())
    EXPECT_FALSE(bench::text_at(item, "lastSuccess").empty()) << listed.out;

  const std::string gauge = R"(perkline_edge_job_last_success_timestamp_seconds{job="reconcile"})";
  const double before = metric(gauge);
  restart();
  EXPECT_GE(metric(gauge), before) << "remembered";
}

TEST_F(Jobs, SessionsThatWereForgottenExpireWithNobodyAskingForThem) {
  const std::string active = till().open("JOB-1");
  const std::string priced = till().price("JOB-2");
  set_clock(25 * hour);
  restart();
  for (const std::string& session : {active, priced})
    EXPECT_TRUE(eventually([&] { return status_in_journal(session) == "expired"; })) << session;
  EXPECT_EQ(run_for("expire", "expired"), 0) << "nothing is left";
  std::ifstream file(fleet().log_of("edge-1"));
  const std::string log{std::istreambuf_iterator<char>(file), {}};
  for (const std::string& session : {active, priced})
    EXPECT_NE(log.find(R"("message":"session expired","sessionId":")" + session), std::string::npos)
        << session;
}

TEST_F(Jobs, AJobIsDoneOnTheDataWhereNoDaemonRuns) {
  const std::string active = till().open("JOB-3");
  ASSERT_EQ(run_for("expire", "expired"), 0);
  stop();
  set_clock(25 * hour);
  EXPECT_EQ(run_for("expire", "expired"), 1);
  EXPECT_EQ(run_for("expire", "expired"), 0);
  EXPECT_EQ(status_in_journal(active), "expired");
  EXPECT_EQ(run_for("clear-cache", "cleared"), 0);
  EXPECT_GE(run_for("prune-outbox", "removed"), 0);
  EXPECT_EQ(edge({"jobs", "list"}).status, 0);

  const auto reconcile = edge({"jobs", "run", "reconcile"});
  EXPECT_EQ(reconcile.status, 1);
  EXPECT_NE(reconcile.err.find("daemon"), std::string::npos) << reconcile.err;
}

TEST_F(Jobs, ASaleOfLastMonthIsArchivedReplayedReturnedAndAfterItsDaysForgotten) {
  const std::string session = till().price("JOB-4");
  const auto sold = till().finalize(session, "JOB-4");
  ASSERT_EQ(sold.status, 200) << sold.body;
  set_clock(31 * day);
  restart();
  (void)run("archive");
  EXPECT_EQ(run_for("archive", "archived"), 0) << "all that is old lies in the archive";
  expect_replay(till().finalize(session, "JOB-4"), sold);
  EXPECT_EQ(text_at(till().status(session), "status"), "finalized");
  const std::string goods = R"({"originalTransactionId":"JOB-4","transactionId":"JOB-4-R","amount":"50.00"})";
  const auto returned = till().post("return", goods);
  EXPECT_EQ(returned.status, 200) << returned.body;
  expect_replay(till().post("return", goods), returned);

  set_clock(430 * day);
  restart();
  (void)run("archive");
  expect_replay(till().finalize(session, "JOB-4"), sold);
  set_clock(432 * day);
  restart();
  (void)run("archive");
  expect_problem(till().status(session), 404, "NOT_FOUND");
  const std::string next = till().price("JOB-4");
  EXPECT_NE(next, session);
  EXPECT_EQ(till().finalize(next, "JOB-4").status, 200);
  EXPECT_EQ(booked_at_pdi("JOB-4"), 2u);
}

TEST_F(Jobs, ReconcileTellsOnceOfASaleThatPdiHasLost) {
  const std::string session = till().price("JOB-5");
  ASSERT_EQ(till().finalize(session, "JOB-5").status, 200);
  const std::int64_t compared = run_for("reconcile", "compared");
  EXPECT_GE(compared, 1);

  fleet().sandbox().terminate();
  ASSERT_TRUE(fleet().start_sandbox());  // it remembers nothing
  EXPECT_GE(run_for("reconcile", "differences"), 1);
  const std::string metric_name =
      R"(perkline_edge_reconcile_differences_total{ours="finalized",pdi="unknown"})";
  const double told = metric(metric_name);
  EXPECT_GE(told, 1);
  EXPECT_EQ(run_for("reconcile", "new"), 0);
  EXPECT_EQ(metric(metric_name), told);
  restart();
  EXPECT_EQ(run_for("reconcile", "new"), 0) << "also after a restart";

  EXPECT_TRUE(eventually([&] { return number_at(hub("stores/store-1"), "lag") == 0; }));
  EXPECT_EQ(hub("dead-letters").json().root().find("items")->items().size(), 0u) << "the hub takes it in";
}

TEST_F(Jobs, OneThatTheDaemonsEndInterruptsSaysSo) {
  const std::string session = till().price("JOB-6");
  ASSERT_EQ(till().finalize(session, "JOB-6").status, 200);
  pdi(R"({"endpoint":"getSessionStatus","mode":"hang"})");
  auto running =
      std::async(std::launch::async, [] { return fleet().edge_command(0, {"jobs", "run", "reconcile"}); });
  EXPECT_TRUE(eventually([] {
    const auto listed = fleet().edge_command(0, {"jobs", "list", "--json"});
    return listed && listed->out.find(R"("running":true)") != std::string::npos;
  }));
  EXPECT_EQ(fleet().edge(0).terminate(), 0);
  const auto told = running.get();
  pdi_is_well();
  restart();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->status, 1);
  EXPECT_NE(told->err.find("interrupted"), std::string::npos) << told->err;
}

}  // namespace
}  // namespace perkline::test
