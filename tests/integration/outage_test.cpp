#include <fstream>

#include "shared/json/value.hpp"
#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A store whose PDI goes away and comes back: every call is answered, and all is settled once.
class Outage : public ChainTest {
 protected:
  static void pdi_refuses_connections() { pdi(R"({"endpoint":"*","mode":"reset"})"); }
  void TearDown() override {
    pdi_is_well();
    (void)fleet().edge_command(0, {"breaker", "auto"});
  }

  /// Sells to the end under that transaction; the last answer.
  bench::WebAnswer sell(const std::string& transaction, const std::string& customer = "CUST-12345") {
    const auto identified =
        till("identify", R"({"customerId":")" + customer + R"(","channelId":"POS-1","transactionId":")" +
                             transaction + R"("})");
    EXPECT_EQ(identified.status, 200) << identified.body;
    session = bench::text_at(identified.json().root(), "sessionId");
    const auto calculated = till(
        "calculateRewards", R"({"sessionId":")" + session + R"(","transactionAmount":"150.00","items":[]})");
    EXPECT_EQ(calculated.status, 200) << calculated.body;
    finalize_body = R"({"sessionId":")" + session + R"(","transactionId":")" + transaction +
                    R"(","finalAmount":"150.00","applyRewards":true})";
    return till("finalize", finalize_body);
  }
  /// What finalize says once it says no longer that it is pending.
  bench::WebAnswer settled() {
    bench::WebAnswer answer;
    EXPECT_TRUE(eventually(
        [&] {
          answer = till("finalize", finalize_body);
          return bench::text_at(answer.json().root(), "status") != "pending";
        },
        std::chrono::seconds(40)));
    return answer;
  }
  static bench::CommandOutput edge(std::vector<std::string> arguments) {
    auto output = fleet().edge_command(0, std::move(arguments));
    EXPECT_TRUE(output);
    return output.value_or(bench::CommandOutput{});
  }

  std::string session;
  std::string finalize_body;
};

TEST_F(Outage, ASaleIsPendingWhilePdiIsAwayAndThenSettledWithItsFigures) {
  pdi_refuses_connections();
  const auto pending = sell("OUT-1");
  EXPECT_EQ(pending.status, 202) << pending.body;
  const auto told = pending.json();
  EXPECT_EQ(bench::text_at(told.root(), "status"), "pending");
  EXPECT_EQ(bench::text_at(told.root(), "mode"), "standin");
  const auto again = till("finalize", finalize_body);
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, pending.body);

  pdi_is_well();
  const auto done = settled();
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(bench::integer_at(done.json().root(), "earnedPoints"), 450);
  EXPECT_EQ(till("finalize", finalize_body).body, done.body);
}

TEST_F(Outage, AnOperatorKeepsPdiFromBeingCalled) {
  EXPECT_EQ(edge({"breaker", "force-open"}).status, 0);
  EXPECT_NE(edge({"status", "--json"}).out.find(R"("breaker":"FORCED_OPEN")"), std::string::npos);
  EXPECT_EQ(sell("OUT-2").status, 202);
  EXPECT_EQ(edge({"breaker", "auto"}).status, 0);
  EXPECT_EQ(settled().status, 200);
}

TEST_F(Outage, AMemberPdiDoesNotKnowIsAReviewThatAPersonDiscards) {
  EXPECT_EQ(edge({"breaker", "force-open"}).status, 0);
  EXPECT_EQ(sell("OUT-3", "CUST-NOBODY").status, 202);
  EXPECT_EQ(edge({"breaker", "auto"}).status, 0);
  const auto review = settled();
  EXPECT_EQ(review.status, 202);
  EXPECT_EQ(bench::text_at(review.json().root(), "status"), "review");

  const auto listed = edge({"queue", "list", "--json"});
  EXPECT_NE(listed.out.find(session), std::string::npos) << listed.out;
  EXPECT_NE(listed.out.find("UNKNOWN_CUSTOMER"), std::string::npos) << listed.out;
  EXPECT_EQ(edge({"queue", "discard", session}).status, 2) << "a reason is asked for";
  const auto discarded = edge({"queue", "discard", session, "--reason", "no such card", "--json"});
  EXPECT_EQ(discarded.status, 0) << discarded.err;
  EXPECT_NE(discarded.out.find(R"("decision":"discarded")"), std::string::npos) << discarded.out;
  EXPECT_EQ(edge({"queue", "discard", session, "--reason", "again"}).status, 1);

  const auto refused = till("finalize", finalize_body);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(bench::text_at(refused.json().root(), "code"), "PDI_REJECTED");
}

TEST_F(Outage, ASaleThatWasRetriedAndThenDiscardedIsShownWithBothDecisions) {
  EXPECT_EQ(edge({"breaker", "force-open"}).status, 0);
  EXPECT_EQ(sell("OUT-6", "CUST-NOBODY").status, 202);
  EXPECT_EQ(edge({"breaker", "auto"}).status, 0);
  EXPECT_EQ(bench::text_at(settled().json().root(), "status"), "review");
  EXPECT_EQ(edge({"queue", "retry", session}).status, 0);
  EXPECT_EQ(bench::text_at(settled().json().root(), "status"), "review");
  const auto refused = edge({"queue", "discard", session, "--reason", "no such\ncustomer"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_EQ(refused.err, "perkline-edge: reason: must not hold control characters\n");
  const auto discarded = edge({"queue", "discard", session, "--reason", "no such customer"});
  EXPECT_EQ(discarded.status, 0) << discarded.err;
  const std::string log = content_of(fleet().log_of("edge-1"));
  const std::size_t line = log.find(R"("a sale in review is discarded","sessionId":")" + session);
  ASSERT_NE(line, std::string::npos);
  EXPECT_NE(log.substr(line, log.find('\n', line) - line).find(R"("reason":"no such customer")"),
            std::string::npos);

  for (const char* command : {"queue", "sessions"}) {
    const auto shown = edge({command, "show", session});
    EXPECT_EQ(shown.status, 0) << shown.err;
    EXPECT_NE(shown.out.find("audit[0].decision: retried"), std::string::npos) << shown.out;
    EXPECT_NE(shown.out.find("audit[1].decision: discarded"), std::string::npos) << shown.out;
    EXPECT_NE(shown.out.find("audit[1].reason: no such customer"), std::string::npos) << shown.out;
    const auto as_json = edge({command, "show", session, "--json"});
    EXPECT_EQ(as_json.status, 0) << as_json.err;
    EXPECT_TRUE(json::parse(as_json.out)) << as_json.out;
  }
}

TEST_F(Outage, DecisionsAreTakenWithoutADaemonToo) {
  EXPECT_EQ(edge({"breaker", "force-open"}).status, 0);
  EXPECT_EQ(sell("OUT-4", "CUST-NOBODY").status, 202);
  EXPECT_EQ(edge({"breaker", "auto"}).status, 0);
  EXPECT_EQ(bench::text_at(settled().json().root(), "status"), "review");

  EXPECT_EQ(fleet().edge(0).terminate(), 0);
  EXPECT_NE(edge({"queue", "list", "--json"}).out.find(session), std::string::npos);
  EXPECT_EQ(edge({"queue", "retry", session}).status, 0);
  EXPECT_NE(edge({"queue", "show", session}).out.find("status: queued"), std::string::npos);
  EXPECT_EQ(edge({"breaker", "force-open"}).status, 1) << "there is none";
  ASSERT_TRUE(fleet().start_edge(0));
  EXPECT_EQ(bench::text_at(settled().json().root(), "status"), "review") << "PDI still does not know it";
}

TEST_F(Outage, ASaleIsFoundByTheTransactionThatACashierReadsOut) {
  const std::string transaction = "OUT/7%2F";
  EXPECT_EQ(edge({"breaker", "force-open"}).status, 0);
  EXPECT_EQ(sell(transaction, "CUST-NOBODY").status, 202);
  EXPECT_EQ(edge({"breaker", "auto"}).status, 0);
  EXPECT_EQ(bench::text_at(settled().json().root(), "status"), "review");
  const auto listed = edge({"queue", "list"});
  EXPECT_NE(listed.out.find("\nsessionId"), std::string::npos) << listed.out;
  EXPECT_NE(listed.out.find('\n' + session + "  review"), std::string::npos) << listed.out;
  EXPECT_NE(edge({"sessions", "show", transaction}).out.find("sessionId: " + session), std::string::npos);
  EXPECT_EQ(edge({"queue", "retry", transaction}).status, 0);
  EXPECT_EQ(bench::text_at(settled().json().root(), "status"), "review");
  EXPECT_EQ(fleet().edge(0).terminate(), 0);
  EXPECT_NE(edge({"queue", "show", transaction}).out.find("status: review"), std::string::npos);
  EXPECT_EQ(edge({"queue", "discard", transaction, "--reason", "a\tb"}).status, 2) << "without a daemon too";
  EXPECT_EQ(edge({"queue", "discard", transaction, "--reason", "no such card"}).status, 0);
  ASSERT_TRUE(fleet().start_edge(0));
  EXPECT_NE(edge({"queue", "show", transaction}).out.find("status: failed"), std::string::npos);
  EXPECT_EQ(edge({"queue", "show", "OUT-NONE"}).status, 1);
}

TEST_F(Outage, AVoidedSessionIsNoSale) {
  const auto identified =
      till("identify", R"({"customerId":"CUST-12345","channelId":"POS-1","transactionId":"OUT-5"})");
  const std::string id = bench::text_at(identified.json().root(), "sessionId");
  const auto voided = till("void", R"({"sessionId":")" + id + R"(","reason":"left"})");
  EXPECT_EQ(voided.status, 200) << voided.body;
  EXPECT_EQ(bench::text_at(voided.json().root(), "status"), "voided");
}

}  // namespace
}  // namespace perkline::test
