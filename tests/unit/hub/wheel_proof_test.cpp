#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>

#include "tests/support/at_once.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/wheel_fixture.hpp"

/// What README.md tells people to check a spin with, held against the hub's own proofs.
namespace perkline::test {
namespace {

class WheelProof : public Wheel {
 protected:
  WheelProof() { std::ofstream(script_) << script(); }

  /// The indented block of README.md that is Python.
  static std::string script() {
    std::ifstream file(PERKLINE_SOURCE_DIR "/README.md");
    EXPECT_TRUE(file);
    std::string text;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
      inside =
          line.starts_with("    import hashlib, hmac, itertools") || (inside && line.starts_with("    "));
      if (inside) text += line.substr(4) + '\n';
    }
    return text;
  }
  /// What it says to a proof; empty: it holds.
  std::string check(const std::string& proof) const {
    const std::string input = folder_.file("proof.json");
    std::ofstream(input) << proof;
    FILE* run = popen(("python3 " + script_ + " < " + input + " 2>&1").c_str(), "r");
    std::string said;
    char piece[512];
    while (std::fgets(piece, sizeof piece, run) != nullptr) said += piece;
    const int status = pclose(run);
    EXPECT_EQ(status == 0, said.empty()) << said;
    return said;
  }
  std::string proof_of(const RawAnswer& answer) const {
    return hub_.get("/api/v1/spins/" + member_of(answer.body, "spinId") + "/proof").body;
  }

  TempDir folder_;
  const std::string script_ = folder_.file("check.py");
};

TEST_F(WheelProof, IsCheckedWithTenLinesOfPython) {
  const std::string text = script();
  EXPECT_EQ(std::ranges::count(text, '\n'), 10) << text;
}

TEST_F(WheelProof, HoldsForEverySpinWhateverTheTable) {
  const Member ann = member("ann");
  std::vector<RawAnswer> spins;
  for (const std::string seed : {"", "a:b#1", "k\xc3\xa4se \xe2\x99\xa5"})
    spins.push_back(spin(ann, R"({"clientSeed":")" + seed + R"("})"));
  for (int i = 0; i < 60; ++i)
    added(R"({"name":"n","type":"coupon","weight":)" + std::to_string(i * 1'000) + "." + std::to_string(i) +
          "}");
  for (int i = 0; i < 3; ++i) spins.push_back(spin(ann));
  clear_wheel();
  added(R"({"name":"one","type":"cash","weight":0.0001,"oneTimePerUser":true})");
  added(R"({"name":"two","type":"none","weight":0.0002})");
  for (int i = 0; i < 3; ++i) spins.push_back(spin(ann));
  reveal_all();
  std::set<std::string> tables;
  for (const RawAnswer& each : spins) {
    ASSERT_EQ(each.status, 201) << each.body;
    const std::string proof = proof_of(each);
    EXPECT_EQ(check(proof), "") << proof;
    tables.insert(member_of(proof, "tableVersion"));
  }
  EXPECT_GE(tables.size(), 3u);
}

TEST_F(WheelProof, HoldsForAllOfManyAtOnceThoughTheLastUnitWentInBetween) {
  clear_wheel();
  const std::string last = added(R"({"name":"last","type":"coupon","weight":1000000,"stock":1})");
  const std::string rest = added(R"({"name":"rest","type":"none","weight":1})");
  std::vector<Member> members;
  for (int i = 0; i < 16; ++i) members.push_back(member("m" + std::to_string(i)));
  std::vector<RawAnswer> spins(members.size());
  at_once(8, static_cast<int>(members.size()), [&](int i) {
    const auto mine = static_cast<std::size_t>(i);
    spins[mine] = spin_as(members[mine].token, "{}", "once");
  });
  reveal_all();
  std::multiset<std::string> won;
  for (const RawAnswer& each : spins) {
    ASSERT_EQ(each.status, 201) << each.body;
    won.insert(prize_won(each));
    const std::string proof = proof_of(each);
    EXPECT_EQ(check(proof), "") << proof;
    // What was drawn before, when that unit was there still, would have been it.
    if (prize_won(each) == rest) EXPECT_EQ(drawn_from(each), std::vector<std::string>{rest});
  }
  EXPECT_EQ(won.count(last), 1u);
}

TEST_F(WheelProof, HoldsNoMoreWhereAnythingWasChanged) {
  clear_wheel();
  added(R"({"name":"one","type":"none","weight":1})");
  const RawAnswer answer = spin(member("ann"), R"({"clientSeed":"lucky"})");
  EXPECT_EQ(check(proof_of(answer)), "not revealed yet\n");
  reveal_all();
  const std::string proof = proof_of(answer);
  ASSERT_EQ(check(proof), "");
  const auto forged = [&](const std::string& what, const std::string& by) {
    std::string changed = proof;
    const auto at = changed.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return changed.replace(at, what.size(), by);
  };
  EXPECT_EQ(check(forged(R"("tickets":10000)", R"("tickets":10001)")), "forged\n");
  EXPECT_EQ(check(forged(R"("serverSeedHash":")" + member_of(proof, "serverSeedHash").substr(0, 4),
                         R"("serverSeedHash":"zzzz)")),
            "forged\n");
  EXPECT_EQ(check(forged(R"("prizeId":")" + member_of(proof, "prizeId"), R"("prizeId":"another)")),
            "forged\n");
}

}  // namespace
}  // namespace perkline::test
