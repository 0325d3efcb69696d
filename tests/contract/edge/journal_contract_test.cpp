#include <algorithm>
#include <vector>

#include "tests/contract/edge/journal_host.hpp"

namespace perkline::edge::journal {
namespace {

std::string numbered(std::string_view prefix, int number) {
  std::string digits = std::to_string(number);
  return std::string(prefix) + std::string(6 - digits.size(), '0') + digits;
}

Batch one(Family family, std::string key, std::string value) {
  Batch batch;
  batch.put(family, std::move(key), std::move(value));
  return batch;
}

std::vector<Entry> entries(const Journal& journal, Family family, std::string_view from = "",
                           std::size_t max = 1'000'000) {
  std::vector<Entry> found;
  const auto scanned = journal.scan(family, from, [&](std::string_view key, std::string_view value) {
    found.push_back({std::string(key), std::string(value)});
    return found.size() < max;
  });
  EXPECT_TRUE(scanned);
  return found;
}

std::optional<std::string> read(const Journal& journal, Family family, std::string_view key) {
  auto value = journal.get(family, key);
  EXPECT_TRUE(value);
  return *value;
}

using MakeHost = std::unique_ptr<Host> (*)();

class JournalContract : public ::testing::TestWithParam<std::pair<const char*, MakeHost>> {
 protected:
  std::unique_ptr<Host> host = GetParam().second();
  Journal& journal() { return host->journal(); }
};

TEST_P(JournalContract, ReadsWhatWasCommittedAndNothingElse) {
  host->commit(one(Family::sessions, "s1", "open"));
  EXPECT_EQ(read(journal(), Family::sessions, "s1"), "open");
  EXPECT_EQ(read(journal(), Family::sessions, "s2"), std::nullopt);
  EXPECT_EQ(read(journal(), Family::archive, "s1"), std::nullopt) << "families do not share keys";
}

TEST_P(JournalContract, EveryFamilyHoldsItsOwnAcrossAReopening) {
  // Fit for the outbox too, whose keys are eight bytes and whose values start with a hash.
  const auto value = [](Family family) { return std::string(32, 'h') + std::string(name_of(family)); };
  Batch batch;
  for (std::uint8_t i = 0; i < family_count; ++i) {
    batch.put(static_cast<Family>(i), "sequence", value(static_cast<Family>(i)));
  }
  host->commit(std::move(batch));
  host->reopen();
  for (std::uint8_t i = 0; i < family_count; ++i) {
    EXPECT_EQ(read(journal(), static_cast<Family>(i), "sequence"), value(static_cast<Family>(i)));
  }
}

TEST_P(JournalContract, KeepsWhatWasCommittedAndErasedAcrossAReopening) {
  host->commit(one(Family::sessions, "kept", "1"));
  host->commit(one(Family::sessions, "gone", "2"));
  Batch batch;
  batch.erase(Family::sessions, "gone");
  host->commit(std::move(batch));
  for (int times = 0; times < 2; ++times) {
    EXPECT_EQ(entries(journal(), Family::sessions), (std::vector<Entry>{{"kept", "1"}}));
    host->reopen();
  }
}

TEST_P(JournalContract, ChangesOfABatchApplyInTheirOrder) {
  Batch batch;
  batch.put(Family::due, "a", "first");
  batch.put(Family::due, "a", "second");
  batch.put(Family::due, "b", "first");
  batch.erase(Family::due, "b");
  batch.erase(Family::due, "c");
  batch.put(Family::due, "c", "last");
  host->commit(std::move(batch));
  EXPECT_EQ(entries(journal(), Family::due), (std::vector<Entry>{{"a", "second"}, {"c", "last"}}));
}

TEST_P(JournalContract, ErasingWhatIsNotThereIsNoError) {
  Batch batch;
  batch.erase(Family::due, "nobody");
  host->commit(std::move(batch));
  EXPECT_TRUE(entries(journal(), Family::due).empty());
}

TEST_P(JournalContract, AnEmptyBatchReturnsWithoutASync) {
  const auto before = host->syncs();
  host->commit(Batch());
  EXPECT_EQ(host->syncs(), before);
}

TEST_P(JournalContract, AnEmptyValueIsAValue) {
  host->commit(one(Family::due, "k", ""));
  EXPECT_EQ(read(journal(), Family::due, "k"), "");
  host->reopen();
  EXPECT_EQ(read(journal(), Family::due, "k"), "");
}

TEST_P(JournalContract, AnEmptyKeyIsNeverThere) {
  host->commit(one(Family::due, "k", "v"));
  EXPECT_EQ(read(journal(), Family::due, ""), std::nullopt);
}

TEST(Batch, AnEmptyKeyIsABugOfOurs) {
  EXPECT_DEATH(one(Family::due, "", "v"), "assertion failed");
  EXPECT_DEATH(Batch().erase(Family::due, ""), "assertion failed");
}

TEST_P(JournalContract, KeysAndValuesAreBytes) {
  const std::string key("\0\xff\n\0k", 5);
  const std::string value("\0\0\xfe", 3);
  host->commit(one(Family::members, key, value));
  EXPECT_EQ(read(journal(), Family::members, key), value);
  EXPECT_EQ(entries(journal(), Family::members), (std::vector<Entry>{{key, value}}));
}

TEST_P(JournalContract, ScansUpwardsByBytesFromAKeyUntilToldToStop) {
  Batch batch;
  for (const std::string key : {"b", "a\xff", "\xff", "a", "aa", "\x01"})
    batch.put(Family::catalogue, key, key);
  host->commit(std::move(batch));
  const auto keys = [&](std::string_view from, std::size_t max) {
    std::vector<std::string> found;
    for (const Entry& entry : entries(journal(), Family::catalogue, from, max)) found.push_back(entry.key);
    return found;
  };
  using Keys = std::vector<std::string>;
  EXPECT_EQ(keys("", 100), (Keys{"\x01", "a", "aa", "a\xff", "b", "\xff"}));
  EXPECT_EQ(keys("aa", 100), (Keys{"aa", "a\xff", "b", "\xff"})) << "from is included";
  EXPECT_EQ(keys("ab", 2), (Keys{"a\xff", "b"})) << "from need not be there";
  EXPECT_EQ(keys("\xff\x01", 100), Keys{});
}

TEST_P(JournalContract, LastIsTheHighestKey) {
  EXPECT_EQ(journal().last(Family::archive).value(), std::nullopt);
  Batch batch;
  for (int i = 0; i < 300; ++i) batch.put(Family::archive, numbered("k", i), std::to_string(i));
  host->commit(std::move(batch));
  EXPECT_EQ(journal().last(Family::archive).value(), (Entry{"k000299", "299"}));
  EXPECT_EQ(journal().last(Family::due).value(), std::nullopt);
  Batch erasing;
  erasing.erase(Family::archive, "k000299");
  host->commit(std::move(erasing));
  EXPECT_EQ(journal().last(Family::archive).value()->key, "k000298");
}

TEST_P(JournalContract, LastBelowAKeyIsTheHighestBelowIt) {
  Batch batch;
  for (const char* key : {"b", "d", "f"}) batch.put(Family::archive, key, key);
  batch.put(Family::sessions, "a", "another family's");
  host->commit(std::move(batch));
  EXPECT_EQ(journal().last(Family::archive, "f").value()->key, "d") << "the bound itself is not";
  EXPECT_EQ(journal().last(Family::archive, "e").value()->key, "d") << "nor need it be there";
  EXPECT_EQ(journal().last(Family::archive, "z").value()->key, "f");
  EXPECT_EQ(journal().last(Family::archive, "b").value(), std::nullopt);
}

TEST_P(JournalContract, ABatchIsNotReadBeforeItIsDurable) {
  bool done = false;
  bool begun = false;
  struct Run {
    static Task<void> commit(Journal& journal, bool& begun, bool& done) {
      begun = true;
      co_await journal.commit(one(Family::sessions, "s", "v"));
      done = true;
    }
  };
  host->spawn(Run::commit(journal(), begun, done));
  ASSERT_TRUE(host->run_until([&] { return begun; }));
  ASSERT_FALSE(done);
  EXPECT_EQ(read(journal(), Family::sessions, "s"), std::nullopt);
  EXPECT_TRUE(entries(journal(), Family::sessions).empty());
  EXPECT_EQ(journal().last(Family::sessions).value(), std::nullopt);
  ASSERT_TRUE(host->run_until([&] { return done; }));
  EXPECT_EQ(read(journal(), Family::sessions, "s"), "v");
}

/// Commits `count` batches at once, each with two keys in two families, and puts down who returned.
struct Crowd {
  static Task<void> commit(Journal& journal, int number, std::vector<int>& returned) {
    Batch batch;
    batch.put(Family::sessions, numbered("s", number), std::to_string(number));
    batch.put(Family::by_transaction, numbered("t", number), std::to_string(number));
    batch.put(Family::meta, "latest", numbered("", number));
    co_await journal.commit(std::move(batch));
    returned.push_back(number);
  }
  Crowd(Host& host, int count) {
    for (int i = 0; i < count; ++i) host.spawn(commit(host.journal(), i, returned));
  }
  std::vector<int> returned;
};

TEST_P(JournalContract, BatchesTakeEffectWholeInTheOrderOfTheCalls) {
  constexpr int count = 200;
  Crowd crowd(*host, count);
  std::size_t seen = 0;
  while (crowd.returned.size() < count) {
    ASSERT_TRUE(host->step());
    // Whatever is to be seen after any handler is a first part of the calls, all of it whole.
    const auto sessions = entries(journal(), Family::sessions);
    ASSERT_EQ(entries(journal(), Family::by_transaction).size(), sessions.size());
    ASSERT_GE(sessions.size(), std::max(seen, crowd.returned.size()));
    seen = sessions.size();
    if (seen == 0) continue;
    ASSERT_EQ(sessions.back().key, numbered("s", static_cast<int>(seen) - 1));
    ASSERT_EQ(read(journal(), Family::meta, "latest"), numbered("", static_cast<int>(seen) - 1));
  }
  EXPECT_TRUE(std::ranges::is_sorted(crowd.returned)) << "they return in the order of the calls too";
}

TEST_P(JournalContract, CommitsThatWaitTogetherShareASync) {
  constexpr int count = 1000;
  const auto before = host->syncs();
  Crowd crowd(*host, count);
  ASSERT_TRUE(host->run_until([&] { return crowd.returned.size() == count; }));
  EXPECT_LT(host->syncs() - before, count / 4);
  host->reopen();
  EXPECT_EQ(entries(journal(), Family::sessions).size(), static_cast<std::size_t>(count));
}

TEST_P(JournalContract, TakesBigValuesAlsoManyAtOnce) {
  struct Run {
    static Task<void> commit(Journal& journal, int number, int& returned) {
      co_await journal.commit(one(Family::archive, numbered("big", number),
                                  std::string(std::size_t{3} << 20, static_cast<char>('a' + number))));
      ++returned;
    }
  };
  int returned = 0;
  for (int i = 0; i < 5; ++i) host->spawn(Run::commit(journal(), i, returned));
  ASSERT_TRUE(host->run_until([&] { return returned == 5; }));
  host->reopen();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(read(journal(), Family::archive, numbered("big", i)),
              std::string(std::size_t{3} << 20, static_cast<char>('a' + i)));
  }
}

TEST_P(JournalContract, ACommitMayFollowFromACommit) {
  struct Run {
    static Task<void> count_up(Journal& journal, int to, bool& done) {
      for (int i = 1; i <= to; ++i) {
        co_await journal.commit(one(Family::meta, "count", std::to_string(i)));
        EXPECT_EQ(read(journal, Family::meta, "count"), std::to_string(i));
      }
      done = true;
    }
  };
  bool done = false;
  host->spawn(Run::count_up(journal(), 50, done));
  ASSERT_TRUE(host->run_until([&] { return done; }));
}

INSTANTIATE_TEST_SUITE_P(
    Adapters, JournalContract,
    ::testing::Values(std::pair<const char*, MakeHost>{"MemoryInASimulatedWorld",
                                                       []() -> std::unique_ptr<Host> {
                                                         return std::make_unique<MemoryHost>();
                                                       }},
                      std::pair<const char*, MakeHost>{
                          "MemoryOnAReactor",
                          []() -> std::unique_ptr<Host> { return std::make_unique<MemoryReactorHost>(); }},
                      std::pair<const char*, MakeHost>{
                          "Rocks", []() -> std::unique_ptr<Host> { return std::make_unique<RocksHost>(); }}),
    [](const auto& info) { return info.param.first; });

}  // namespace
}  // namespace perkline::edge::journal
