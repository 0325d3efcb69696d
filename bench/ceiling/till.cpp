// The composite till call, with nothing around it: HTTP, JSON, a session in memory, RocksDB with group
// commit, reply. It takes the calls that tills make of an edge (identify, calculateRewards, finalize) and
// answers as small.
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include <CLI/CLI.hpp>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <simdjson.h>

#include "bench/ceiling/beast_server.hpp"

namespace {

constexpr std::size_t mib = 1024 * 1024;
constexpr std::size_t record_bytes = 400;
constexpr std::size_t group_max = 1024;

/// As the edge's journal has them (edge/journal/rocks_store.cpp).
rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.paranoid_checks = true;
  options.allow_concurrent_memtable_write = false;
  options.db_write_buffer_size = 32 * mib;
  options.max_total_wal_size = 64 * mib;
  options.max_open_files = 256;
  options.max_background_jobs = 2;
  options.bytes_per_sync = 1 * mib;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions family_options() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(16 * mib, 0);
  table.cache_index_and_filter_blocks = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = 16 * mib;
  options.arena_block_size = 256 * 1024;
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  options.compression = rocksdb::kLZ4Compression;
  options.paranoid_file_checks = true;
  return options;
}

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "ceiling-till: %s\n", why.c_str());
  std::exit(1);
}

struct Record {
  std::string session;
  std::string transaction;
  std::string value;
  std::function<void()> durable;  ///< Run on the server's thread.
};

/// One thread that writes what has gathered as one synced batch, and tells the server's thread once a batch.
class Committer {
 public:
  Committer(const std::string& folder, int puts, ceiling::asio::io_context& io) : puts_(puts), io_(io) {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const char* name : {"default", "sessions", "by_transaction", "places"})
      families.emplace_back(name, family_options());
    rocksdb::DB* db = nullptr;
    const auto opened = rocksdb::DB::Open(database_options(), folder, families, &families_, &db);
    if (!opened.ok()) die(opened.ToString());
    db_.reset(db);
    thread_ = std::thread([this] { run(); });
  }
  ~Committer() {
    {
      const std::scoped_lock lock(mutex_);
      ending_ = true;
    }
    some_.notify_one();
    thread_.join();
    for (auto* family : families_) db_->DestroyColumnFamilyHandle(family);
  }

  void add(Record record) {
    {
      const std::scoped_lock lock(mutex_);
      waiting_.push_back(std::move(record));
    }
    some_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      some_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (ending_) return;
      const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(group_max, waiting_.size()));
      std::vector<Record> group(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
      waiting_.erase(waiting_.begin(), end);
      lock.unlock();
      write(group);
      ceiling::asio::post(io_, [group = std::move(group)] {
        for (const Record& record : group) record.durable();
      });
      lock.lock();
    }
  }

  void write(const std::vector<Record>& group) {
    constexpr std::size_t protection_bytes_per_key = 8;
    rocksdb::WriteBatch batch(0, 0, protection_bytes_per_key, 0);
    for (const Record& record : group) {
      batch.Put(families_[1], record.session, record.value);
      if (puts_ < 3) continue;
      batch.Put(families_[2], record.transaction, record.session);
      batch.Put(families_[3], record.transaction + record.session, "1");
    }
    rocksdb::WriteOptions synced;
    synced.sync = true;
    const auto written = db_->Write(synced, &batch);
    if (!written.ok()) die(written.ToString());
  }

  int puts_;
  ceiling::asio::io_context& io_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::mutex mutex_;
  std::condition_variable some_;
  std::vector<Record> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

struct Session {
  std::string transaction;
  int calls = 0;
};

class Till {
 public:
  explicit Till(Committer& committer) : committer_(committer) {}

  /// A call without a sessionId opens a session; the third call of one ends it.
  void call(const std::string& body, ceiling::Reply reply) {
    simdjson::padded_string padded(body);
    simdjson::ondemand::document document = parser_.iterate(padded);
    simdjson::ondemand::object object = document.get_object();
    std::string id;
    std::string transaction;
    for (auto field : object) {
      const std::string_view name = field.unescaped_key();
      if (name == "sessionId") id = std::string_view(field.value().get_string());
      if (name == "transactionId") transaction = std::string_view(field.value().get_string());
    }
    if (id.empty()) {
      id = "sess_" + std::to_string(++last_id_);
      sessions_[id].transaction = transaction;
    }
    Session& session = sessions_[id];
    const bool ends = ++session.calls == 3;
    std::string record = "1|" + session.transaction + "|" + body;
    record.resize(record_bytes, '.');
    std::string answer = R"({"sessionId":")" + id + R"(","status":")" + (ends ? "pending" : "active") +
                         R"(","earnedPoints":300,"currentPoints":0,"tier":"Base","mode":"standin"})";
    committer_.add({.session = id,
                    .transaction = session.transaction,
                    .value = std::move(record),
                    .durable = [reply = std::move(reply), answer = std::move(answer)] { reply(answer); }});
    if (ends) sessions_.erase(id);
  }

 private:
  Committer& committer_;
  simdjson::ondemand::parser parser_;
  std::unordered_map<std::string, Session> sessions_;
  std::uint64_t last_id_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The composite till call: HTTP, JSON, state, RocksDB with group commit, reply",
               "ceiling-till");
  std::string folder;
  int puts = 3;
  app.add_option("--data", folder, "for the database; emptied")->required();
  app.add_option("--puts", puts, "into the database, for each call")->check(CLI::IsMember({1, 3}));
  CLI11_PARSE(app, argc, argv);

  std::filesystem::remove_all(folder);
  ceiling::asio::io_context io(1);
  Committer committer(folder, puts, io);
  Till till(committer);
  const ceiling::Server server(io, [&](const std::string& body, ceiling::Reply reply) {
    try {
      till.call(body, std::move(reply));
    } catch (const simdjson::simdjson_error&) {
      die("a call is not JSON");
    }
  });
  io.run();
}
