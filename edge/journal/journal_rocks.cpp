#include "edge/journal/journal_rocks.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "edge/journal/high_water.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/net/signal.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::journal {
namespace {

constexpr std::size_t group_batches_max = 1024;
constexpr std::size_t group_bytes_max = std::size_t{4} << 20;
constexpr std::chrono::seconds mark_every{1};
constexpr std::string_view format_key = "format";
constexpr std::string_view format_value = "1";
constexpr std::size_t bytes_protected_per_key = 8;

struct Waiting {
  Batch batch;
  std::shared_ptr<net::Signal> durable;
};

std::size_t bytes_of(const Batch& batch) {
  std::size_t bytes = 0;
  for (const Batch::Change& change : batch.changes())
    bytes += change.key.size() + (change.value ? change.value->size() : 0);
  return bytes;
}

rocksdb::DBOptions db_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  // The default, point in time, opens without a word after one flipped bit amid the log, and drops what
  // follows it.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.paranoid_checks = true;
  options.max_open_files = 256;
  options.max_background_jobs = 2;
  options.max_total_wal_size = 64 << 20;
  options.db_write_buffer_size = 32 << 20;
  options.keep_log_file_num = 4;
  options.max_log_file_size = 4 << 20;
  options.stats_dump_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = 16 << 20;
  options.paranoid_file_checks = true;
  return options;
}

Error translated(const rocksdb::Status& status, const std::string& doing) {
  // RocksDB's own text goes to the log, never to a caller.
  ops::log(ops::Level::error, "journal", doing, {{"status", status.ToString()}});
  return {.code = status.IsCorruption() ? Errc::corrupt : Errc::io_failed, .detail = doing};
}

}  // namespace

struct JournalRocks::State {
  State(net::Reactor& given, JournalRocksOptions wanted) : reactor(given), options(std::move(wanted)) {}

  net::Reactor& reactor;
  JournalRocksOptions options;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // by Family; owned by db

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Waiting> queue;
  std::atomic<std::size_t> waiting{0};
  bool stopping = false;
  std::thread writer;

  HighWater mark;
  std::uint64_t marked = 0;
  std::chrono::steady_clock::time_point marked_at{};

  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return families[static_cast<std::size_t>(family)];
  }
  std::filesystem::path mark_file() const { return options.folder / "high_water"; }

  Result<void> open();
  Result<void> check_format();
  Result<void> check_mark();
  void write_until_stopped();
  std::vector<Waiting> take_group(std::unique_lock<std::mutex>& lock);
  void write(std::vector<Waiting>& group);
  void move_mark(bool now);
  void fail_stop(const rocksdb::Status& status) const;
};

Result<void> JournalRocks::State::open() {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) return fail(Errc::io_failed, options.folder.string() + " cannot be made");
  std::filesystem::permissions(options.folder, std::filesystem::perms::owner_all, error);

  const auto cache = rocksdb::NewLRUCache(8 << 20);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors{
      {rocksdb::kDefaultColumnFamilyName, family_options(cache)}};
  for (std::uint8_t i = 0; i < family_count; ++i) {
    descriptors.emplace_back(std::string(name_of(static_cast<Family>(i))), family_options(cache));
  }
  rocksdb::DB* opened = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto status =
      rocksdb::DB::Open(db_options(), (options.folder / "db").string(), descriptors, &handles, &opened);
  if (!status.ok()) {
    if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
      return fail(Errc::io_failed, options.folder.string() + " is in use by another process");
    }
    return fail(translated(status, options.folder.string() +
                                       " cannot be opened: keep a copy of it, and restore the "
                                       "last backup or bring the copy to support"));
  }
  db.reset(opened);
  db->DestroyColumnFamilyHandle(handles.front());
  families.assign(handles.begin() + 1, handles.end());
  if (auto format = check_format(); !format) return format;
  return check_mark();
}

Result<void> JournalRocks::State::check_format() {
  std::string stored;
  const auto status =
      db->Get({}, handle(Family::meta), rocksdb::Slice(format_key.data(), format_key.size()), &stored);
  if (status.IsNotFound()) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    const auto put =
        db->Put(synced, handle(Family::meta), rocksdb::Slice(format_key.data(), format_key.size()),
                rocksdb::Slice(format_value.data(), format_value.size()));
    return put.ok() ? Result<void>{} : fail(translated(put, "the journal's format cannot be written"));
  }
  if (!status.ok()) return fail(translated(status, "the journal's format cannot be read"));
  if (stored != format_value)
    return fail(Errc::newer_format, "the journal was written by a newer version (format " + stored + ")");
  return {};
}

Result<void> JournalRocks::State::check_mark() {
  auto read = read_high_water(mark_file());
  if (!read) return failure(read);
  if (!*read || (*read)->sequence == 0) return {};
  mark = **read;
  marked = mark.sequence;
  std::string key;
  append_u64(key, mark.sequence);
  std::string value;
  const auto status = db->Get({}, handle(Family::outbox), key, &value);
  if (status.ok() && std::string_view(value).starts_with(as_chars(mark.hash))) return {};
  std::unique_ptr<rocksdb::Iterator> last(db->NewIterator({}, handle(Family::outbox)));
  last->SeekToLast();
  const std::uint64_t tail = last->Valid() && last->key().size() == 8 ? read_u64({last->key().data(), 8}) : 0;
  // An acked event may have been pruned since the mark was set; then the tail is past it.
  if (status.IsNotFound() && tail > mark.sequence) return {};
  return fail(Errc::corrupt, fmt::format("{} has lost events: it ends at {}, but {} was on disk. Do not sell "
                                         "from it: keep a copy, restore the last backup, "
                                         "and ask the hub's operators for a new epoch",
                                         options.folder.string(), tail, mark.sequence));
}

std::vector<Waiting> JournalRocks::State::take_group(std::unique_lock<std::mutex>& lock) {
  wake.wait(lock, [this] { return stopping || !queue.empty(); });
  std::vector<Waiting> group;
  std::size_t bytes = 0;
  while (!queue.empty() && group.size() < group_batches_max &&
         (group.empty() || bytes + bytes_of(queue.front().batch) <= group_bytes_max)) {
    bytes += bytes_of(queue.front().batch);
    group.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return group;
}

void JournalRocks::State::write_until_stopped() {
  std::unique_lock lock(mutex);
  while (true) {
    std::vector<Waiting> group = take_group(lock);
    if (group.empty()) break;  // stopping, and nothing waits
    lock.unlock();
    write(group);
    move_mark(false);
    waiting -= group.size();
    reactor.post([done = std::move(group)] {
      for (const Waiting& one : done) one.durable->notify();
    });
    lock.lock();
  }
  move_mark(true);
}

void JournalRocks::State::write(std::vector<Waiting>& group) {
  const auto begin = std::chrono::steady_clock::now();
  rocksdb::WriteBatch all(0, 0, bytes_protected_per_key, 0);
  HighWater reached = mark;
  const auto checked = [this](const rocksdb::Status& status) {
    if (!status.ok()) fail_stop(status);
  };
  for (const Waiting& one : group) {
    for (const Batch::Change& change : one.batch.changes()) {
      if (!change.value) {
        checked(all.Delete(handle(change.family), change.key));
        continue;
      }
      checked(all.Put(handle(change.family), change.key, *change.value));
      if (change.family == Family::outbox) {
        PERKLINE_ASSERT(change.key.size() == 8 && change.value->size() >= reached.hash.size());
        reached.sequence = read_u64(change.key);
        std::copy_n(change.value->begin(), reached.hash.size(), reached.hash.begin());
      }
    }
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  checked(db->Write(synced, &all));
  mark = reached;
  if (options.on_sync) options.on_sync(std::chrono::steady_clock::now() - begin);
}

void JournalRocks::State::move_mark(bool now) {
  const auto time = std::chrono::steady_clock::now();
  if (mark.sequence == marked || (!now && time < marked_at + mark_every)) return;
  marked_at = time;
  // A mark that cannot be written is no reason to stop selling: the old one is still true.
  if (write_high_water(mark_file(), mark)) marked = mark.sequence;
}

void JournalRocks::State::fail_stop(const rocksdb::Status& status) const {
  const Error error = translated(status, "a journal write failed: nothing more is acknowledged");
  if (options.on_failure) {
    options.on_failure(error.detail);
  } else {
    std::_Exit(1);
  }
}

JournalRocks::JournalRocks(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<JournalRocks>> JournalRocks::open(net::Reactor& reactor, JournalRocksOptions options) {
  auto state = std::make_unique<State>(reactor, std::move(options));
  if (auto opened = state->open(); !opened) {
    for (auto* family : state->families) state->db->DestroyColumnFamilyHandle(family);
    return failure(opened);
  }
  State* running = state.get();
  state->writer = std::thread([running] { running->write_until_stopped(); });
  return std::unique_ptr<JournalRocks>(new JournalRocks(std::move(state)));
}

JournalRocks::~JournalRocks() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_one();
  state_->writer.join();
  for (auto* family : state_->families) state_->db->DestroyColumnFamilyHandle(family);
  state_->db->Close();
}

Task<void> JournalRocks::commit(Batch batch) {
  auto durable = std::make_shared<net::Signal>();
  {
    const std::scoped_lock lock(state_->mutex);
    state_->queue.push_back({std::move(batch), durable});
    ++state_->waiting;
  }
  state_->wake.notify_one();
  co_await durable->wait();
}

std::size_t JournalRocks::waiting() const {
  return state_->waiting;
}

Result<std::optional<std::string>> JournalRocks::get(Family family, std::string_view key) const {
  std::string value;
  const auto status =
      state_->db->Get({}, state_->handle(family), rocksdb::Slice(key.data(), key.size()), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return fail(translated(status, "a journal record cannot be read"));
  return value;
}

Result<void> JournalRocks::scan(Family family, std::string_view from,
                                const std::function<bool(std::string_view, std::string_view)>& visit) const {
  std::unique_ptr<rocksdb::Iterator> at(state_->db->NewIterator({}, state_->handle(family)));
  for (at->Seek(rocksdb::Slice(from.data(), from.size())); at->Valid(); at->Next()) {
    if (!visit({at->key().data(), at->key().size()}, {at->value().data(), at->value().size()})) return {};
  }
  if (!at->status().ok()) return fail(translated(at->status(), "the journal cannot be read"));
  return {};
}

Result<std::optional<Entry>> JournalRocks::last(Family family) const {
  std::unique_ptr<rocksdb::Iterator> at(state_->db->NewIterator({}, state_->handle(family)));
  at->SeekToLast();
  if (!at->status().ok()) return fail(translated(at->status(), "the journal cannot be read"));
  if (!at->Valid()) return std::nullopt;
  return Entry{at->key().ToString(), at->value().ToString()};
}

}  // namespace perkline::edge::journal
