#include "edge/journal/log_damage.hpp"

#include <fstream>
#include <iterator>
#include <sstream>

#include "edge/journal/high_water.hpp"
#include "tests/contract/edge/journal_host.hpp"

namespace perkline::edge::journal {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t block = 32 * 1024;
constexpr std::uint64_t header = 7;

std::optional<std::uint64_t> damage_in(const std::string& log) {
  std::istringstream in(log);
  return damaged_record(in);
}

/// Where the records of a whole log begin.
std::vector<std::uint64_t> records_of(const std::string& log) {
  std::vector<std::uint64_t> records;
  for (std::uint64_t at = 0; at + header <= log.size();) {
    if (block - at % block < header) {
      at += block - at % block;
      continue;
    }
    records.push_back(at);
    at += header + static_cast<std::uint8_t>(log[at + 4]) + 256U * static_cast<std::uint8_t>(log[at + 5]);
  }
  return records;
}

std::string flipped(std::string bytes, std::uint64_t at, unsigned bit) {
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
  return bytes;
}

/// A log that RocksDB has written, of some blocks; records end amid them, and go on in the next.
class LogDamageTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t events = 22;

  void SetUp() override {
    for (std::uint64_t i = 1; i <= events; ++i) {
      Batch batch;
      std::string key;
      append_u64(key, i);
      batch.put(Family::outbox, key, std::string(3000 + i, static_cast<char>(i)));
      host_.commit(std::move(batch));
    }
    host_.close();
    for (const auto& file : fs::directory_iterator(db())) {
      if (file.path().extension() == ".log" && file.file_size() > 0) log_file_ = file.path();
    }
    log_ = read(log_file_);
    ASSERT_GT(log_.size(), 2 * block);
    ASSERT_EQ(damage_in(log_), std::nullopt);
  }
  fs::path db() const { return host_.folder() / "db"; }
  static std::string read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  static void write(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }
  std::string refusal() {
    const auto opened = host_.open();
    EXPECT_FALSE(opened);
    return opened ? "" : opened.error().detail;
  }

  RocksHost host_;
  fs::path log_file_;
  std::string log_;
};

TEST_F(LogDamageTest, EveryFlippedBitOfEveryRecordsHeaderIsFound) {
  const auto records = records_of(log_);
  ASSERT_GT(records.size(), events);
  for (const std::uint64_t record : records) {
    for (std::uint64_t i = 0; i < header; ++i) {
      for (unsigned bit = 0; bit < 8; ++bit)
        ASSERT_EQ(damage_in(flipped(log_, record + i, bit)), record) << i << " " << bit;
    }
  }
}

TEST_F(LogDamageTest, AFlippedBitOfWhatIsKeptIsFound) {
  for (std::uint64_t at = header; at < log_.size(); at += 997) {
    const auto found = damage_in(flipped(log_, at, at % 8));
    ASSERT_TRUE(found) << at;
    EXPECT_LE(*found, at);
  }
}

TEST_F(LogDamageTest, WhatACrashCutsShortIsNoDamage) {
  for (std::uint64_t bytes = log_.size(); bytes > 0; bytes -= std::min<std::uint64_t>(bytes, 61))
    ASSERT_EQ(damage_in(log_.substr(0, bytes)), std::nullopt) << bytes;
}

TEST_F(LogDamageTest, EmptySpaceAtTheEndIsNoDamageAndAmidTheLogItIs) {
  const std::string space(3 * block, '\0');
  EXPECT_EQ(damage_in(log_ + space), std::nullopt);
  EXPECT_EQ(damage_in(log_ + space + "x"), log_.size());
}

/// RocksDB takes it for one that an older log, whose file is used again, has left there: for the end.
TEST_F(LogDamageTest, ARecordThatHasBecomeAnOlderLogsIsNotTakenForTheEnd) {
  const auto records = records_of(log_);
  write(log_file_, flipped(log_, records.at(records.size() / 2) + 6, 2));
  const std::string told = refusal();
  EXPECT_NE(told.find("stays closed"), std::string::npos) << told;
  EXPECT_NE(told.find("sequence " + std::to_string(events) + " was on disk"), std::string::npos) << told;
}

/// Without a mark that vouches for more, all up to the damage is there again, and known to be behind.
TEST_F(LogDamageTest, WhatLiesBeforeTheDamageIsRecovered) {
  const auto records = records_of(log_);
  const std::uint64_t damaged = records.at(records.size() / 2);
  write(log_file_, flipped(log_, damaged + 6, 2));
  HighWater mark{.sequence = 3, .hash = {}};
  mark.hash.fill(3);
  ASSERT_TRUE(write_high_water(host_.folder() / "high_water", mark));
  host_.reopen();
  const std::uint64_t tail = read_u64(host_.journal().last(Family::outbox).value().value().key);
  EXPECT_GT(tail, 3u);
  EXPECT_LT(tail, events);
  EXPECT_TRUE(host_.journal().get(Family::meta, "restored").value());
}

TEST_F(LogDamageTest, ADamagedManifestOrCurrentIsNamedAndNothingIsCopied) {
  const std::string named = read(db() / "CURRENT");
  const fs::path manifest = db() / named.substr(0, named.size() - 1);
  const std::string whole = read(manifest);
  write(manifest, flipped(whole, records_of(whole).back() + 6, 2));
  EXPECT_NE(refusal().find(manifest.string() + " is damaged at byte"), std::string::npos);
  write(manifest, whole);

  write(db() / "CURRENT", flipped(named, 10, 1));
  EXPECT_NE(refusal().find("CURRENT names no MANIFEST"), std::string::npos);
  write(db() / "CURRENT", named);
  EXPECT_FALSE(fs::exists(host_.folder() / "db.salvage"));
  host_.reopen();
}

/// RocksDB would make a new database of it, and remove the old one's tables.
TEST_F(LogDamageTest, ADatabaseWithoutItsCurrentFileIsNotMadeAnew) {
  fs::rename(db() / "CURRENT", host_.folder() / "CURRENT");
  EXPECT_NE(refusal().find("its file CURRENT is gone"), std::string::npos);
  fs::remove(host_.folder() / "high_water");
  EXPECT_NE(refusal().find("its file CURRENT is gone"), std::string::npos)
      << "as after a restore, which has no mark";
  fs::rename(host_.folder() / "CURRENT", db() / "CURRENT");
  host_.reopen();
  EXPECT_EQ(read_u64(host_.journal().last(Family::outbox).value().value().key), events);
}

}  // namespace
}  // namespace perkline::edge::journal
