#include <algorithm>
#include <fstream>
#include <iterator>
#include <sys/resource.h>

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>

#include "edge/journal/high_water.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/journal/rocks_store.hpp"
#include "tests/contract/edge/child.hpp"
#include "tests/contract/edge/journal_host.hpp"

namespace perkline::edge::journal {
namespace {

namespace fs = std::filesystem;

Batch one(Family family, std::string key, std::string value) {
  Batch batch;
  batch.put(family, std::move(key), std::move(value));
  return batch;
}

std::string sequence_key(std::uint64_t sequence) {
  std::string key;
  append_u64(key, sequence);
  return key;
}

/// As the outbox writes it: the chain's hash (here made up), then the event.
Batch event(std::uint64_t sequence) {
  return one(Family::outbox, sequence_key(sequence),
             std::string(32, static_cast<char>(sequence)) + "event " + std::to_string(sequence));
}

HighWater mark_at(std::uint64_t sequence) {
  HighWater mark{.sequence = sequence, .hash = {}};
  mark.hash.fill(static_cast<std::uint8_t>(sequence));
  return mark;
}

/// The outbox's part of the mark in a journal's folder.
HighWater outbox_mark(const fs::path& folder) {
  auto mark = read_high_water(folder / "high_water").value().value();
  mark.writes = 0;
  return mark;
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_file(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

// --- what a look at one record costs ---

TEST(JournalRocks, TablesHaveTheirIndexInPartsSoThatALookReadsLittleOfALargeOne) {
  const test::TempDir folder;
  constexpr std::uint64_t records = 20'000;
  {
    auto store = RocksStore::open(folder.path());
    ASSERT_TRUE(store);
    Batch batch;
    for (std::uint64_t i = 0; i < records; ++i)
      batch.put(Family::sessions, sequence_key(i), std::string(400, static_cast<char>('a' + i % 23)));
    ASSERT_TRUE((*store)->write({&batch, 1}));
    std::atomic<bool> cancelled = false;
    ASSERT_TRUE((*store)->compact(Family::sessions, cancelled));
  }
  std::uint64_t parts = 0;
  std::uint64_t found = 0;
  for (const auto& file : fs::directory_iterator(folder.path())) {
    if (file.path().extension() != ".sst") continue;
    rocksdb::SstFileReader reader{rocksdb::Options()};
    ASSERT_TRUE(reader.Open(file.path().string()).ok());
    const auto properties = reader.GetTableProperties();
    if (properties->column_family_name != "sessions") continue;
    found += properties->num_entries;
    parts += properties->index_partitions;
  }
  EXPECT_EQ(found, records);
  EXPECT_GT(parts, 4U) << "one piece is read and unpacked whole for each look that does not find it cached";
}

// --- who may open it ---

TEST(JournalRocks, IsOpenedByOneProcessAtATime) {
  RocksHost host;
  const auto second = host.open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::io_failed);
  EXPECT_NE(second.error().detail.find("in use by another process"), std::string::npos)
      << second.error().detail;
  host.reopen();
}

TEST(JournalRocks, StaysClosedForAnOlderVersion) {
  RocksHost host;
  EXPECT_EQ(host.journal().get(Family::meta, "format").value(), "1");
  host.commit(one(Family::meta, "format", "2"));
  host.close();
  const auto opened = host.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::newer_format);
}

TEST(JournalRocks, AFormatThatIsNoNumberIsDamage) {
  RocksHost host;
  host.commit(one(Family::meta, "format", "1x"));
  host.close();
  const auto opened = host.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
}

TEST(JournalRocks, AFamilyOfANewerVersionIsANewerFormat) {
  RocksHost host;
  host.close();
  const std::string path = (host.folder() / "db").string();
  std::vector<std::string> names;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, path, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const auto& name : names) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open({}, path, descriptors, &handles, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  handles.emplace_back();
  ASSERT_TRUE(db->CreateColumnFamily({}, "allotments", &handles.back()).ok());
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
  ASSERT_TRUE(db->Close().ok());

  const auto refused = host.open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::newer_format);
}

TEST(JournalRocks, AFolderThatCannotBeMadeIsAnError) {
  test::TempDir dir;
  write_file(dir.path() / "file", "");
  net::Reactor reactor;
  const auto opened = JournalRocks::open(reactor, {.folder = dir.path() / "file" / "journal"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::io_failed);
}

TEST(JournalRocks, OthersCannotReadTheFolder) {
  RocksHost host;
  EXPECT_EQ(fs::status(host.folder()).permissions(), fs::perms::owner_all);
}

// --- its end ---

Task<void> commit_and_count(Journal& journal, std::uint64_t number, std::uint64_t& begun) {
  ++begun;
  co_await journal.commit(one(Family::due, sequence_key(number), ""));
}

TEST(JournalRocks, WritesWhatWaitsWhenItIsClosed) {
  RocksHost host;
  constexpr std::uint64_t count = 100;
  std::uint64_t begun = 0;
  for (std::uint64_t i = 1; i <= count; ++i) host.spawn(commit_and_count(host.journal(), i, begun));
  ASSERT_TRUE(host.run_until([&] { return begun == count; }));
  host.reopen();
  for (std::uint64_t i = 1; i <= count; ++i) {
    EXPECT_TRUE(host.journal().get(Family::due, sequence_key(i)).value()) << i;
  }
}

TEST(JournalRocks, WhatWasAcknowledgedSurvivesAKill) {
  for (int round = 0; round < 3; ++round) {
    test::TempDir dir;
    test::Child child("JournalRocksChild.DISABLED_SellsUntilItIsKilled", dir.file("journal"));
    std::vector<std::uint32_t> acknowledged;
    while (acknowledged.size() < 200 + 50 * static_cast<std::size_t>(round)) {
      const auto report = child.next_report();
      ASSERT_TRUE(report);
      acknowledged.push_back(*report);
    }
    EXPECT_TRUE(WIFSIGNALED(child.kill()));
    while (const auto report = child.next_report()) acknowledged.push_back(*report);

    const auto mark = read_high_water(dir.path() / "journal" / "high_water").value();
    ASSERT_TRUE(mark);
    net::Reactor reactor;
    const auto journal = JournalRocks::open(reactor, {.folder = dir.file("journal")});
    ASSERT_TRUE(journal) << journal.error().detail;
    for (const std::uint32_t number : acknowledged) {
      ASSERT_TRUE((*journal)->get(Family::sessions, sequence_key(number)).value()) << number;
    }
    const auto outbox = Outbox::open(**journal, StoreId("store-1"));
    ASSERT_TRUE(outbox);
    ASSERT_GE((*outbox)->tail(), acknowledged.size());
    const auto events = (*outbox)->read(1, 100'000, std::size_t{1} << 30);
    ASSERT_TRUE(events);
    EXPECT_EQ(events->size(), (*outbox)->tail()) << "none is missing";
    EXPECT_GE(mark->writes, 1u);
    EXPECT_LE(mark->sequence, (*outbox)->tail());
  }
}

Task<void> sell(net::Reactor& reactor, Journal& journal, Outbox& outbox, std::uint32_t& number) {
  while (true) {
    const std::uint32_t mine = ++number;
    const WallTime now = reactor.clock().wall_now();
    std::vector<NewEvent> events;
    events.push_back(
        {.id = {},
         .time = now,
         .traceparent = "",
         .payload = sync::SaleFinalized{.session = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91"),
                                        .transaction = TransactionId("TXN-1"),
                                        .customer = CustomerId("CUST-1"),
                                        .channel = ChannelId("POS-1"),
                                        .amount = Money{100, *find_currency("USD")},
                                        .earned = Points{1},
                                        .redeemed = Points{0},
                                        .new_balance = Points{1},
                                        .tier = "Base",
                                        .receipt = ReceiptId("RCP-1"),
                                        .rules_version = "",
                                        .finalized_at = now}});
    co_await outbox.commit(one(Family::sessions, sequence_key(mine), "sold"), std::move(events));
    EXPECT_TRUE(journal.get(Family::sessions, sequence_key(mine)).value());
    test::Child::report(mine);
  }
}

TEST(JournalRocksChild, DISABLED_SellsUntilItIsKilled) {
  net::Reactor reactor;
  auto journal = JournalRocks::open(reactor, {.folder = test::Child::folder()});
  ASSERT_TRUE(journal);
  auto outbox = Outbox::open(**journal, StoreId("store-1"));
  ASSERT_TRUE(outbox);
  std::uint32_t number = 0;
  for (int i = 0; i < 16; ++i) reactor.spawn(sell(reactor, **journal, **outbox, number));
  reactor.run();
}

// --- a disk that fails ---

/// Lets no file of this process grow beyond `bytes`: what a full disk is to a write.
void bound_files(rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  PERKLINE_ASSERT(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  PERKLINE_ASSERT(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

Task<void> fill(Journal& journal, std::uint32_t& written) {
  while (true) {
    co_await journal.commit(one(Family::archive, sequence_key(written + 1), std::string(64 * 1024, 'x')));
    ++written;
  }
}

TEST(JournalRocks, AFailedWriteEndsTheProcessWithStatusOne) {
  test::TempDir dir;
  test::Child child("JournalRocksChild.DISABLED_FillsTheDisk", dir.file("journal"));
  std::uint32_t acknowledged = 0;
  while (const auto report = child.next_report()) acknowledged = *report;
  const int status = child.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);

  EXPECT_GT(acknowledged, 0u);
  net::Reactor reactor;
  const auto journal = JournalRocks::open(reactor, {.folder = dir.file("journal")});
  ASSERT_TRUE(journal) << journal.error().detail;
  for (std::uint32_t i = 1; i <= acknowledged; ++i) {
    EXPECT_TRUE((*journal)->get(Family::archive, sequence_key(i)).value()) << i;
  }
}

TEST(JournalRocksChild, DISABLED_FillsTheDisk) {
  bound_files(1 << 20);
  net::Reactor reactor;
  auto journal = JournalRocks::open(reactor, {.folder = test::Child::folder()});
  ASSERT_TRUE(journal);
  std::uint32_t written = 0;
  reactor.spawn(fill(**journal, written));
  for (std::uint32_t told = 0;;) {
    reactor.io().run_one();
    if (written > told) test::Child::report(told = written);
  }
}

TEST(JournalRocks, AfterAFailedWriteNothingIsAcknowledged) {
  test::TempDir dir;
  net::Reactor reactor;
  std::atomic<bool> failed = false;
  auto journal =
      JournalRocks::open(reactor, {.folder = dir.path(), .on_failure = [&](const std::string& what) {
                                     EXPECT_NE(what, "");
                                     failed = true;
                                   }});
  ASSERT_TRUE(journal);
  bound_files(1 << 20);
  std::uint32_t written = 0;
  reactor.spawn(fill(**journal, written));
  while (!failed) reactor.io().run_one_for(std::chrono::milliseconds{1});
  bound_files(RLIM_INFINITY);
  reactor.io().poll();
  const std::uint32_t acknowledged = written;
  std::uint32_t later = 1000;
  reactor.spawn(fill(**journal, later));
  reactor.io().run_for(std::chrono::milliseconds{20});
  EXPECT_EQ(written, acknowledged);
  EXPECT_EQ(later, 1000u);
  EXPECT_GT(acknowledged, 0u);
}

// --- damage ---

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
