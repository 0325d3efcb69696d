#include <cstdlib>
#include <filesystem>

#include "tests/integration/documents.hpp"
#include "tests/integration/programme_chain.hpp"
#include "tests/support/database_beside.hpp"

namespace perkline::test {
namespace {

TEST_F(AtTheTill, TheSpinOfASaleIsBookedAtTheHubWhichMakesTheDrawAgain) {
  const Member member = join(0);
  EXPECT_TRUE(eventually([&] { return contains(till_of(0).get("prizes"), "coupon"); }));
  const std::int64_t before = points_of(member);
  const std::string transaction = sell(0, member.card);
  const auto spun = spin(0, member.card, transaction);
  ASSERT_EQ(spun.status, 200) << spun.body;
  expect_replay(spin(0, member.card, transaction), spun);
  expect_problem(spin(1, member.card, transaction), 409, "SESSION_STATE");

  const std::string id = text_at(spun, "spinId");
  bench::WebAnswer proof;
  EXPECT_TRUE(eventually([&] {
    proof = call("GET", "spins/" + id + "/proof", "", "");
    return proof.status == 200;
  })) << proof.body;
  // Word for word what the till was told: the hub has found the same when it made the draw again.
  EXPECT_TRUE(contains(spun, R"("proof":)" + proof.body)) << proof.body << spun.body;

  const auto history = call("GET", "spins", "", member.token);
  EXPECT_TRUE(contains(history, id)) << history.body;
  const auto items = history.json();
  const json::Value& spin = items.root().find("items")->items()[0];
  EXPECT_EQ(bench::text_at(spin, "channel"), "till");
  EXPECT_EQ(points_of(member) - before, bench::integer_at(spin, "pointsAwarded")) << "and it cost nothing";
  expect_no_dead_letters();
}

TEST_F(AtTheTill, APromotionIsClaimedWithTheHubAndWithoutIt) {
  const Member member = join(1);
  const std::string first = assign(member, "At the till");
  const auto claimed = claim(0, member.card, first, "CLM-1");
  ASSERT_EQ(claimed.status, 200) << claimed.body;
  EXPECT_EQ(text_at(claimed, "status"), "claimed");
  EXPECT_EQ(text_in(claimed, "claim", "userId"), member.user);
  EXPECT_EQ(text_in(claimed, "balance", "available"), "20.00");
  EXPECT_EQ(wallet_of(member), "20.00");
  const std::string trace = header_of(claimed, "traceparent").substr(3, 32);
  EXPECT_EQ(DatabaseBeside(fleet().hub_database_url())
                .number("SELECT COUNT(*) FROM event_outbox WHERE type = 'PROMOTION_CLAIMED'"
                        " AND traceparent LIKE '00-" +
                        trace + "-%'"),
            1)
      << "the call's trace goes on at the hub";
  expect_replay(claim(0, member.card, first, "CLM-1"), claimed);
  expect_problem(claim(0, member.card, first, "CLM-2"), 409, "ALREADY_CLAIMED");
  expect_problem(claim(1, member.card, first, "CLM-2"), 409, "ALREADY_CLAIMED");
  EXPECT_FALSE(contains(listed(0, member), first));

  const std::string second = assign(member, "Without the hub");
  hub_goes();
  const auto pending = claim(0, member.card, second, "CLM-3");
  ASSERT_EQ(pending.status, 202) << pending.body;
  EXPECT_EQ(text_at(pending, "status"), "pending");
  expect_replay(claim(0, member.card, second, "CLM-3"), pending);
  // The other store cannot know of it: who is first at the hub gets it, once.
  EXPECT_EQ(claim(1, member.card, second, "CLM-4").status, 202);
  expect_problem(claim(0, member.card, "0190163d-8694-739b-aea5-966c26f8ad91", "CLM-5"), 404, "NOT_FOUND");
  hub_comes_back();
  EXPECT_TRUE(eventually([&] { return wallet_of(member) == "40.00"; })) << wallet_of(member);
  for (const std::size_t edge : {0u, 1u}) expect_all_at_hub(edge);
  EXPECT_EQ(wallet_of(member), "40.00") << "once";
  // Within a minute each store asks what came of it: whichever of the two was first is told 200, the other
  // 409.
  const auto decided = [&](std::size_t edge, const char* transaction) {
    bench::WebAnswer answer;
    EXPECT_TRUE(eventually(
        [&] {
          answer = claim(edge, member.card, second, transaction);
          return answer.status != 202;
        },
        std::chrono::seconds(90)))
        << answer.body;
    return answer;
  };
  const auto here = decided(0, "CLM-3");
  const auto there = decided(1, "CLM-4");
  EXPECT_EQ(here.status == 200 ? 1 : 0, there.status == 200 ? 0 : 1) << here.body << there.body;
  expect_problem(here.status == 200 ? there : here, 409, "ALREADY_CLAIMED");
  expect_no_dead_letters();
}

TEST_F(AtTheTill, WhatIsClaimedAtATillIsNotClaimedOnTheWebNorTheOtherWayRound) {
  const Member member = join(9);
  const auto on_the_web = [&](const std::string& promotion) {
    return call("POST", "promotions/claim", R"({"promotionId":")" + promotion + "\"}", member.token);
  };
  const std::string first = assign(member, "First at the till");
  EXPECT_EQ(claim(0, member.card, first, "CLM-6").status, 200);
  expect_problem(on_the_web(first), 409, "ALREADY_CLAIMED");
  EXPECT_EQ(wallet_of(member), "20.00") << "once";

  const std::string second = assign(member, "First on the web");
  const auto claimed = on_the_web(second);
  EXPECT_EQ(claimed.status, 200) << claimed.body;
  for (const std::size_t edge : {0u, 1u})
    expect_problem(claim(edge, member.card, second, "CLM-7"), 409, "ALREADY_CLAIMED");
  EXPECT_EQ(wallet_of(member), "40.00") << "once";
  expect_no_dead_letters();
}

TEST_F(AtTheTill, AOneTimePrizeIsNeverTwiceAMembersWhereverTheySpin) {
  const Member member = join(2);
  const Member other = join(3);
  give_points(member, 20);
  give_points(other, 20);
  const std::string once =
      prize(R"({"name":"Once","type":"cash","weight":1000000,"points":1,"oneTimePerUser":true})");
  std::multiset<std::string> won;
  const auto note = [&](const Member& who, const bench::WebAnswer& spun) {
    ASSERT_TRUE(spun.status == 200 || spun.status == 201) << spun.body;
    if (text_in(spun, "prize", "id") == once) won.insert(who.card);
  };
  // By its weight it comes out wherever it is in the draw.
  note(member, spin(0, member.card, sell(0, member.card)));
  EXPECT_EQ(won.count(member.card), 1u);
  note(member, spin(1, member.card, sell(1, member.card)));
  note(member, call("POST", "spin", "{}", member.token));
  note(other, call("POST", "spin", "{}", other.token));
  EXPECT_EQ(won.count(other.card), 1u);
  note(other, spin(0, other.card, sell(0, other.card)));
  note(other, spin(1, other.card, sell(1, other.card)));
  hub_goes();
  for (const Member& who : {member, other}) {
    const auto spun = spin(0, who.card, sell(0, who.card));
    EXPECT_FALSE(contains(spun, once)) << "not in the draw of a store that is cut off";
    note(who, spun);
  }
  hub_comes_back();
  for (const std::size_t edge : {0u, 1u}) expect_all_at_hub(edge);
  EXPECT_EQ(won, (std::multiset<std::string>{member.card, other.card}));
  expect_no_dead_letters();
  no_more_of(once);
}

TEST_F(AtTheTill, AOneTimePrizeIsWonOnceThoughOneStoresLineIsCutWhileTheOtherAndTheWebGoOn) {
  std::vector<Member> members{join(6), join(7)};
  const std::string once =
      prize(R"({"name":"Once of all","type":"cash","weight":1000000,"points":1,"oneTimePerUser":true})");
  for (const Member& member : members) {
    give_points(member, 5);
    const std::string at_first = sell(0, member.card);
    const std::string at_second = sell(1, member.card);
    expect_in_touch(1);
    // Its connection stands, and what it asks gets nowhere.
    line().set({.kind = Toxic::Kind::black_hole});
    bench::WebAnswer first;
    bench::WebAnswer second;
    bench::WebAnswer web;
    {
      const std::jthread till([&] { first = spin(0, member.card, at_first); });
      const std::jthread cut_off([&] { second = spin(1, member.card, at_second); });
      web = call("POST", "spin", "{}", member.token);
    }
    EXPECT_EQ(second.status, 200) << "the till is answered all the same: " << second.body;
    EXPECT_NE(text_in(second, "prize", "id"), once) << "of what nobody vouches for nothing is drawn";
    const auto wins = [&](const bench::WebAnswer& spun) { return text_in(spun, "prize", "id") == once; };
    EXPECT_EQ(wins(first) + wins(web), 1) << first.body << web.body;
    line().set({});
    expect_in_touch(1);
    for (const std::size_t edge : {0u, 1u}) expect_all_at_hub(edge);
    EXPECT_FALSE(wins(spin(1, member.card, sell(1, member.card)))) << "nor ever again";
  }
  for (const std::size_t edge : {0u, 1u}) expect_all_at_hub(edge);
  expect_no_dead_letters();
  no_more_of(once);
}

TEST_F(AtTheTill, AStockedPrizeIsGivenFromALeaseAlsoWithoutTheHub) {
  const std::string card = members_at_pdi("Silver").at(4);
  const std::string scarce =
      prize(R"({"name":"Scarce","type":"coupon","weight":1000000,"points":1,"stock":40})");
  for (const std::size_t edge : {0u, 1u}) EXPECT_TRUE(eventually([&] { return free_at(edge, scarce) > 0; }));
  const std::int64_t leased = free_at(0, scarce);
  hub_goes();
  const auto spun = spin(0, card, sell(0, card));
  EXPECT_EQ(text_in(spun, "prize", "id"), scarce) << "by its weight nothing else comes out: " << spun.body;
  EXPECT_EQ(free_at(0, scarce), leased - 1);
  // Killed, the store knows what it has given.
  fleet().edge(0).kill();
  ASSERT_TRUE(fleet().start_edge(0));
  EXPECT_EQ(free_at(0, scarce), leased - 1);
  EXPECT_EQ(text_in(spin(0, card, sell(0, card)), "prize", "id"), scarce);
  hub_comes_back();
  for (const std::size_t edge : {0u, 1u}) expect_all_at_hub(edge);
  expect_no_dead_letters();
  const auto verified = fleet().hub_command({"verify", "--json"});
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->status, 0) << verified->out;
  no_more_of(scarce);
}

TEST_F(AtTheTill, ARestoredStoreDrawsFromNewLeasesAndWithALaterSeed) {
  const std::string card = members_at_pdi("Silver").at(5);
  const std::string scarce =
      prize(R"({"name":"Scarce too","type":"coupon","weight":1000000,"points":1,"stock":40})");
  ASSERT_TRUE(eventually([&] { return free_at(0, scarce) > 0; }));
  const std::string sale = sell(0, card);
  ASSERT_EQ(edge_command(0, {"backup", folder_file("backups")}).status, 0);
  const auto lost = spin(0, card, sale);
  EXPECT_EQ(text_in(lost, "prize", "id"), scarce) << lost.body;
  expect_all_at_hub(0);

  ASSERT_EQ(fleet().edge(0).terminate(), 0);
  std::filesystem::rename(fleet().edge_data(0) / "db", fleet().edge_data(0) / "db.before");
  const auto restored = edge_command(0, {"restore", folder_file("backups")});
  ASSERT_EQ(restored.status, 0) << restored.err;
  ASSERT_TRUE(fleet().start_edge(0));
  expect_problem(spin(0, card, sale), 409, "SESSION_STATE");
  // What the hub knows more of than the backup makes it a fork: its operators grant an epoch.
  EXPECT_TRUE(eventually([&] {
    return edge_command(0, {"status", "--json"}).out.find(R"("hub":"stopped")") != std::string::npos;
  }));
  const auto granted =
      fleet().hub_command({"store", "new-epoch", fleet().store_id(0), "--reason", "restored from a backup"});
  ASSERT_TRUE(granted);
  ASSERT_EQ(edge_command(0, {"epoch", "adopt", granted->out}).status, 0) << granted->err;
  expect_in_touch(0);
  EXPECT_TRUE(eventually([&] { return free_at(0, scarce) > 0; })) << "leased anew";
  const auto spun = spin(0, card, sell(0, card));
  EXPECT_EQ(text_in(spun, "prize", "id"), scarce) << spun.body;
  EXPECT_GT(text_in(spun, "proof", "day"), text_in(lost, "proof", "day"));
  EXPECT_EQ(text_in(lost, "proof", "day"), day_from_now(0));
  expect_all_at_hub(0);
  expect_no_dead_letters();
  const auto verified = fleet().hub_command({"verify", "--json"});
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->status, 0) << verified->out;
  no_more_of(scarce);
}

TEST_F(AtTheTill, ProofsOfTillAndWebHoldByTheReadmesPythonOnceTheirDayIsOver) {
  const Member member = join(8);
  give_points(member, 1);
  const std::string at_till = text_at(spin(1, member.card, sell(1, member.card)), "spinId");
  const std::string on_web = text_at(call("POST", "spin", "{}", member.token), "spinId");
  expect_all_at_hub(1);
  for (const std::string& spin : {at_till, on_web}) {
    ASSERT_FALSE(spin.empty());
    EXPECT_EQ(checked(spin), "not revealed yet\n");
  }
  restart_hub(days{1} + hours{1});
  const auto run = [](std::vector<std::string> arguments) {
    ::setenv("LD_PRELOAD", clock_shift_library().c_str(), 1);
    auto said = fleet().hub_command(std::move(arguments));
    ::unsetenv("LD_PRELOAD");
    EXPECT_TRUE(said && said->status == 0) << (said ? said->err : "");
  };
  run({"clock", "confirm", "--reason", "a day has gone by"});
  for (const std::string& spin : {at_till, on_web}) {
    EXPECT_TRUE(eventually([&] {
      run({"jobs", "run", "wheel-seeds"});
      return checked(spin) == "it holds";
    })) << checked(spin);
  }
}

TEST_F(AtTheTill, BadCallsNameWhatIsWrong) {
  EXPECT_EQ(faulty_fields(till("spin", R"({"customerId":"a b"})")),
            (std::vector<std::string>{"customerId", "transactionId"}));
  EXPECT_EQ(faulty_fields(till("promotions/claim", R"({"promotionId":"x"})")),
            (std::vector<std::string>{"customerId", "transactionId", "promotionId"}));
  expect_problem(till("spin", R"({"customerId":"CUST-00001","transactionId":"NEVER"})"), 409,
                 "SESSION_STATE");
  expect_problem(till_get("promotions"), 400, "VALIDATION_FAILED");
  expect_problem(till_get("promotions?customerId=a%20b"), 404, "NOT_FOUND");
  EXPECT_EQ(till_get("promotions?customerId=CUST-00001").status, 200);
  EXPECT_EQ(till_get("prizes").status, 200);
  expect_problem(till_get("spin"), 405, "METHOD_NOT_ALLOWED");
}

}  // namespace
}  // namespace perkline::test
