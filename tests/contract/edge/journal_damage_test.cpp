#include "edge/journal/outbox.hpp"
#include "tests/contract/edge/journal_records.hpp"

namespace perkline::edge::journal {
namespace {

namespace fs = std::filesystem;

class DamagedJournal : public ::testing::Test {
 protected:
  static constexpr std::uint64_t events = 60;

  void SetUp() override {
    for (std::uint64_t i = 1; i <= events; ++i) host_.commit(event(i));
    host_.close();
  }
  fs::path log() const {
    fs::path found;
    for (const auto& file : fs::directory_iterator(host_.folder() / "db")) {
      if (file.path().extension() == ".log" && file.file_size() > 0) found = file.path();
    }
    return found;
  }
  /// How many events a journal with `log` has; nullopt: it does not open.
  std::optional<std::size_t> events_with(const std::string& log_bytes) {
    const fs::path copy = scratch_.path() / "copy";
    fs::remove_all(copy);
    fs::copy(host_.folder(), copy, fs::copy_options::recursive);
    write_file(copy / "db" / log().filename(), log_bytes);
    net::Reactor reactor;
    const auto opened = JournalRocks::open(reactor, {.folder = copy});
    if (!opened) {
      EXPECT_EQ(opened.error().code, Errc::corrupt) << opened.error().detail;
      EXPECT_NE(opened.error().detail.find("restore the last backup"), std::string::npos);
      return std::nullopt;
    }
    std::size_t found = 0;
    EXPECT_TRUE((*opened)->scan(Family::outbox, "", [&](std::string_view key, std::string_view value) {
      ++found;
      EXPECT_EQ(value, *event(read_u64(key)).changes().front().value);
      return true;
    }));
    return found;
  }

  RocksHost host_;
  test::TempDir scratch_;
};

TEST_F(DamagedJournal, OneFlippedBitIsNeverASilentLoss) {
  const std::string whole = content(log());
  ASSERT_GT(whole.size(), 1000u);
  ASSERT_EQ(events_with(whole), events);
  int refused = 0;
  // Steps that meet checksums, lengths, types and payloads of the log's records alike, its last one included.
  for (std::size_t at = 3; at < whole.size(); at += 1 + whole.size() / 40) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    const auto found = events_with(bytes);
    if (found) EXPECT_EQ(*found, events) << "bit at " << at;
    refused += found ? 0 : 1;
  }
  EXPECT_GT(refused, 30);
}

TEST_F(DamagedJournal, AShortenedLogIsFoundOutByTheHighWaterMark) {
  const std::string whole = content(log());
  EXPECT_EQ(events_with(whole.substr(0, whole.size() / 2)), std::nullopt);
  EXPECT_EQ(events_with(whole.substr(0, whole.size() - 1)), std::nullopt);
}

TEST_F(DamagedJournal, AShortenedLogIsFoundOutAlsoBehindTheLastEvent) {
  host_.reopen();
  for (std::uint64_t i = 1; i <= 10; ++i) host_.commit(one(Family::sessions, sequence_key(i), "a session"));
  host_.close();
  const std::string whole = content(log());
  ASSERT_EQ(events_with(whole), events);
  EXPECT_EQ(events_with(whole.substr(0, whole.size() - 1)), std::nullopt) << "the last session is gone";
  EXPECT_EQ(events_with(""), std::nullopt);
}

TEST_F(DamagedJournal, TheSameSequenceWithAnotherChainIsFoundOut) {
  HighWater mark = mark_at(events);
  EXPECT_EQ(outbox_mark(host_.folder()), mark) << "after a clean end it is exact";
  mark.hash[0] ^= 1;
  ASSERT_TRUE(write_high_water(host_.folder() / "high_water", mark));
  const auto opened = host_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_NE(opened.error().detail.find("differs"), std::string::npos) << opened.error().detail;
}

TEST_F(DamagedJournal, TheErrorNamesWhatIsMissing) {
  ASSERT_TRUE(write_high_water(host_.folder() / "high_water", mark_at(events + 40)));
  const auto opened = host_.open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("sequence 100"), std::string::npos) << opened.error().detail;
  EXPECT_NE(opened.error().detail.find("ends at 60"), std::string::npos) << opened.error().detail;
}

TEST_F(DamagedJournal, AMarkThatLagsIsNoObjectionAndIsBroughtUp) {
  ASSERT_TRUE(write_high_water(host_.folder() / "high_water", mark_at(7)));
  host_.reopen();
  host_.close();
  EXPECT_EQ(outbox_mark(host_.folder()), mark_at(events));
}

TEST_F(DamagedJournal, AMarkWhoseEventIsPrunedIsNoObjection) {
  host_.reopen();
  Batch batch;
  for (std::uint64_t i = 1; i < events; ++i) batch.erase(Family::outbox, sequence_key(i));
  host_.commit(std::move(batch));
  host_.close();
  ASSERT_TRUE(write_high_water(host_.folder() / "high_water", mark_at(7)));
  EXPECT_TRUE(host_.open());
}

TEST_F(DamagedJournal, AnEmptyDatabaseUnderAMarkIsFoundOut) {
  fs::remove_all(host_.folder() / "db");
  const auto opened = host_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
}

TEST(JournalRocks, WhatIsErasedIsVouchedForNoLonger) {
  RocksHost host;
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) host.commit(event(sequence));
  host.reopen();
  ASSERT_EQ(outbox_mark(host.folder()), mark_at(5));
  Batch erasing;
  erasing.erase(Family::outbox, sequence_key(4));
  erasing.erase(Family::outbox, sequence_key(5));
  host.commit(std::move(erasing));
  host.reopen();  // would be refused under the old mark
  EXPECT_EQ(outbox_mark(host.folder()), mark_at(3));
}

TEST(JournalRocks, AnAdoptedEpochOpensAgainUnderItsMark) {
  RocksHost host;
  const StoreId store("store-1");
  const auto sell = [&](Outbox& outbox, int count) {
    for (int i = 0; i < count; ++i) {
      std::vector<NewEvent> events;
      events.push_back({.id = {},
                        .time = {},
                        .traceparent = "",
                        .payload = sync::SessionVoided{.session = SessionId("sess_1"),
                                                       .transaction = TransactionId("T"),
                                                       .customer = CustomerId("C"),
                                                       .channel = ChannelId("P"),
                                                       .reason = "why",
                                                       .voided_at = {}}});
      host.run(outbox.commit({}, std::move(events)));
    }
  };
  {
    auto outbox = std::move(Outbox::open(host.journal(), store).value());
    sell(*outbox, 700);
    host.run(outbox->set_acked(100));
    EXPECT_EQ(host.run_for(outbox->adopt(2)).value().events, 700u) << "nobody has told what the hub has";
    sell(*outbox, 1);
  }
  host.reopen();
  auto outbox = std::move(Outbox::open(host.journal(), store).value());
  EXPECT_EQ(outbox->epoch(), 2u);
  EXPECT_EQ(outbox->tail(), 701u);
  EXPECT_TRUE(read_high_water(host.folder() / "high_water").value());
}

TEST(HighWater, IsALineThatPeopleCanRead) {
  test::TempDir dir;
  EXPECT_EQ(read_high_water(dir.path() / "mark").value(), std::nullopt);
  HighWater mark = mark_at(171);
  mark.writes = 4711;
  ASSERT_TRUE(write_high_water(dir.path() / "mark", mark));
  EXPECT_EQ(content(dir.path() / "mark"),
            "2 171 abababababababababababababababababababababababababababababababab 4711\n");
  EXPECT_EQ(read_high_water(dir.path() / "mark").value(), mark);
  write_file(dir.path() / "mark", "1 171 " + std::string(64, 'a') + "\n");
  EXPECT_EQ(read_high_water(dir.path() / "mark").value()->writes, 0u) << "the first format had none";
}

TEST(HighWater, WhatIsNoMarkIsAnErrorNotAMark) {
  test::TempDir dir;
  for (const std::string& text : std::vector<std::string>{
           "", "1", "1 7", "1 7 abab", "x 7 " + std::string(64, 'a'), "1 7 " + std::string(64, 'A'),
           "2 7 " + std::string(64, 'a'), "2 7 " + std::string(64, 'a') + " x"}) {
    write_file(dir.path() / "mark", text);
    const auto mark = read_high_water(dir.path() / "mark");
    ASSERT_FALSE(mark) << text;
    EXPECT_EQ(mark.error().code, Errc::corrupt) << text;
  }
  write_file(dir.path() / "mark", "3 whatever");
  EXPECT_EQ(read_high_water(dir.path() / "mark").error().code, Errc::newer_format);
}

}  // namespace
}  // namespace perkline::edge::journal
