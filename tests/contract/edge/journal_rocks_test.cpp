#include <algorithm>
#include <sys/resource.h>

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>

#include "edge/journal/outbox.hpp"
#include "edge/journal/rocks_store.hpp"
#include "tests/contract/edge/child.hpp"
#include "tests/contract/edge/journal_records.hpp"

namespace perkline::edge::journal {
namespace {

namespace fs = std::filesystem;

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

}  // namespace
}  // namespace perkline::edge::journal
