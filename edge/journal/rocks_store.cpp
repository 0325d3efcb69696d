#include "edge/journal/rocks_store.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/snapshot.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "shared/core/limits.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::journal {
namespace {

using limits::kib;
using limits::mib;

/// In family meta, in digits: the layout of everything the journal holds.
constexpr std::string_view format_key = "format";
constexpr std::uint32_t format_newest = 1;

constexpr std::size_t protection_bytes_per_key = 8;

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  // Safety first (hazards.md): point-in-time recovery, the default, would take one flipped bit for the log's
  // end and open without a word, with everything behind it lost.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.paranoid_checks = true;
  options.allow_concurrent_memtable_write = false;  // one writer
  // A store's PC: little memory, few files, no chatter.
  options.db_write_buffer_size = 32 * mib;
  options.max_total_wal_size = 64 * mib;
  options.max_open_files = 256;
  options.max_file_opening_threads = 2;
  options.max_background_jobs = 2;
  options.skip_stats_update_on_db_open = true;
  options.bytes_per_sync = 1 * mib;
  options.manifest_preallocation_size = 64 * kib;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_log_file_size = 1 * mib;
  options.keep_log_file_num = 4;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;  // so that the cache bounds them too
  // In parts: the index of a whole table is larger than what the cache takes, and would be read and unpacked
  // anew for every look at one record.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));  // most sales look up an id that is not there
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = 16 * mib;
  options.arena_block_size = 256 * kib;
  // Nearly all keys begin with a time, and are put close behind one another: looked for from where the last
  // one went, instead of from the list's head.
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  options.compression = rocksdb::kLZ4Compression;
  options.paranoid_file_checks = true;
  return options;
}

std::string_view view_of(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}
rocksdb::Slice slice_of(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

/// RocksDB's own text goes to the log and no further.
std::unexpected<Error> failed(const rocksdb::Status& status, std::string what) {
  ops::log(ops::Level::error, "journal", what, {{"status", status.ToString()}});
  return fail(status.IsCorruption() ? Errc::corrupt : Errc::io_failed, std::move(what));
}

std::unexpected<Error> not_opened(const rocksdb::Status& status, const std::string& path) {
  return failed(status,
                "the journal " + path + (status.IsCorruption() ? " is damaged" : " cannot be opened"));
}

/// RocksDB names the table it stumbled over in its text alone; empty: none is named.
std::string table_named_in(const std::string& text) {
  const std::size_t end = text.find(".sst");
  if (end == std::string::npos) return {};
  const std::size_t before = text.find_last_not_of("0123456789", end - 1);
  return text.substr(before + 1, end - before - 1) + ".sst";
}

/// Errors: newer_format when the database has a family that this version does not know.
Result<void> check_families(const std::string& path) {
  std::vector<std::string> names;
  // What cannot be listed is not there yet, or fails to open in a moment, with the better error.
  if (!rocksdb::DB::ListColumnFamilies(database_options(), path, &names).ok()) return {};
  for (const std::string& name : names) {
    bool known = name == rocksdb::kDefaultColumnFamilyName;
    for (std::uint8_t i = 0; i < family_count && !known; ++i) known = name == name_of(static_cast<Family>(i));
    if (!known)
      return fail(Errc::newer_format, "the journal has a family this version does not know: " + name);
  }
  return {};
}

/// Tells a disk that is full to a flush or a compaction, which RocksDB tries again by itself, from one that
/// failed a write of ours.
class RoomWatch final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    using Reason = rocksdb::BackgroundErrorReason;
    const bool of_tables =
        reason == Reason::kFlush || reason == Reason::kFlushNoWAL || reason == Reason::kCompaction;
    if (!of_tables || !status->IsNoSpace()) failed_ = true;
  }
  /// Nothing but tables has ever failed, and that for want of room.
  bool tables_alone() const { return !failed_; }

 private:
  std::atomic<bool> failed_ = false;
};

}  // namespace

class RocksStore::View {
 public:
  View(rocksdb::DB* db, bool changing) {
    options_.verify_checksums = true;
    if (changing) options_.snapshot = snapshot_.emplace(db).snapshot();
  }
  const rocksdb::ReadOptions& options() const { return options_; }

 private:
  std::optional<rocksdb::ManagedSnapshot> snapshot_;
  rocksdb::ReadOptions options_;
};

struct RocksStore::State {
  std::unique_ptr<rocksdb::DB> db;
  bool changing = true;  ///< This process writes it.
  std::shared_ptr<RoomWatch> room = std::make_shared<RoomWatch>();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;  ///< By Family, then RocksDB's own default one.

  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return handles.at(static_cast<std::size_t>(family));
  }
  ~State() {
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
    if (db) db->Close();
  }
};

RocksStore::RocksStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
RocksStore::~RocksStore() = default;

rocksdb::DB& RocksStore::database() const {
  return *state_->db;
}

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::filesystem::path& folder) {
  return open(folder, Opening());
}

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::filesystem::path& folder,
                                                     const Opening& opening) {
  const std::string path = folder.string();
  if (auto families = check_families(path); !families) return failure(families);

  // One shard: of many each would be too small for an index that an earlier version has written whole.
  const auto options = family_options(rocksdb::NewLRUCache(16 * mib, 0));
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.reserve(family_count + 1);
  for (std::uint8_t i = 0; i < family_count; ++i) {
    descriptors.emplace_back(std::string(name_of(static_cast<Family>(i))), options);
  }
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, options);
  auto state = std::make_unique<State>();
  state->changing = opening.access == Access::writing || opening.access == Access::point_in_time;
  rocksdb::DBOptions database = database_options();
  if (opening.env != nullptr) database.env = opening.env;
  database.listeners.push_back(state->room);
  rocksdb::DB* db = nullptr;
  rocksdb::Status status;
  switch (opening.access) {
    case Access::point_in_time:
      database.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
      [[fallthrough]];
    case Access::writing:
      status = rocksdb::DB::Open(database, path, descriptors, &state->handles, &db);
      break;
    case Access::reading:
      status = rocksdb::DB::OpenForReadOnly(database, path, descriptors, &state->handles, &db);
      break;
    case Access::beside_writer:
      database.max_open_files = -1;  // what the writer deletes meanwhile stays open
      status = rocksdb::DB::OpenAsSecondary(database, path, opening.scratch.string(), descriptors,
                                            &state->handles, &db);
      break;
  }
  if (!status.ok()) return not_opened(status, path);
  state->db.reset(db);

  const bool may_write = state->changing;
  std::unique_ptr<RocksStore> store(new RocksStore(std::move(state)));
  if (auto checked = store->check_format(may_write); !checked) return failure(checked);
  return store;
}

Result<void> RocksStore::check_format(bool may_write) {
  const auto stored = get(*view(), Family::meta, format_key);
  if (!stored) return std::unexpected(stored.error());
  if (!*stored && !may_write) return fail(Errc::corrupt, "the journal's format is missing");
  if (!*stored) {
    Batch batch;
    batch.put(Family::meta, std::string(format_key), std::to_string(format_newest));
    return write({&batch, 1});
  }
  std::uint32_t format = 0;
  const std::string& digits = **stored;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), format);
  if (error != std::errc() || end != digits.data() + digits.size() || format == 0) {
    return fail(Errc::corrupt, "the journal's format is unreadable");
  }
  if (format > format_newest) {
    return fail(Errc::newer_format, "the journal is of format " + digits + ", this version reads up to " +
                                        std::to_string(format_newest) + ": run the version that wrote it");
  }
  return {};
}

Result<void> RocksStore::write(std::span<const Batch> batches) {
  rocksdb::WriteBatch all(0, 0, protection_bytes_per_key, 0);
  rocksdb::Status status;
  for (const Batch& batch : batches) {
    for (const Batch::Change& change : batch.changes()) {
      auto* const family = state_->handle(change.family);
      status = change.value ? all.Put(family, change.key, *change.value) : all.Delete(family, change.key);
      if (!status.ok()) return failed(status, "a journal batch cannot be built");
    }
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  status = state_->db->Write(synced, &all);
  // RocksDB has refused it before it touched the log, and will take it when the tables have found room.
  if (status.IsNoSpace() && state_->room->tables_alone())
    return fail(Errc::storage_full, "the disk is full for the journal's tables");
  if (!status.ok()) return failed(status, "the journal cannot be written");
  return {};
}

std::uint64_t RocksStore::writes() const {
  return state_->db->GetLatestSequenceNumber();
}

Result<void> RocksStore::compact(Family family, std::atomic<bool>& cancelled) {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.canceled = &cancelled;
  const auto status = state_->db->CompactRange(options, state_->handle(family), nullptr, nullptr);
  if (!status.ok() && !status.IsIncomplete()) return failed(status, "the journal cannot be compacted");
  return {};
}

std::shared_ptr<const RocksStore::View> RocksStore::view() const {
  return std::make_shared<const View>(state_->db.get(), state_->changing);
}

Result<void> RocksStore::check_files() const {
  const auto status = state_->db->VerifyChecksum();
  if (status.ok()) return {};
  const std::string file = table_named_in(status.ToString());
  return failed(status, "a file of the journal is damaged" + (file.empty() ? file : ": " + file));
}

namespace {

class Reader final : public JournalReader {
 public:
  explicit Reader(const RocksStore& store) : store_(store), view_(store.view()) {}
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    return store_.get(*view_, family, key);
  }
  Result<std::optional<Entry>> last(Family family, std::string_view before) const override {
    return store_.last(*view_, family, before);
  }
  Result<void> scan(
      Family family, std::string_view from,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const override {
    return store_.scan(*view_, family, from, visit);
  }

 private:
  const RocksStore& store_;
  std::shared_ptr<const RocksStore::View> view_;
};

}  // namespace

std::unique_ptr<JournalReader> RocksStore::reader() const {
  return std::make_unique<Reader>(*this);
}

Result<std::optional<std::string>> RocksStore::get(const View& view, Family family,
                                                   std::string_view key) const {
  std::string value;
  const auto status = state_->db->Get(view.options(), state_->handle(family), slice_of(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return failed(status, "the journal cannot be read");
  return value;
}

Result<std::optional<Entry>> RocksStore::last(const View& view, Family family,
                                              std::string_view before) const {
  const std::unique_ptr<rocksdb::Iterator> at(
      state_->db->NewIterator(view.options(), state_->handle(family)));
  if (before.empty()) {
    at->SeekToLast();
  } else {
    at->SeekForPrev(slice_of(before));
    if (at->Valid() && view_of(at->key()) == before) at->Prev();
  }
  if (at->Valid()) return Entry{.key = at->key().ToString(), .value = at->value().ToString()};
  if (!at->status().ok()) return failed(at->status(), "the journal cannot be read");
  return std::nullopt;
}

Result<void> RocksStore::scan(
    const View& view, Family family, std::string_view from,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  rocksdb::ReadOptions options = view.options();
  options.fill_cache = false;  // a backlog that streams by must not wash out what tills look up
  const std::unique_ptr<rocksdb::Iterator> at(state_->db->NewIterator(options, state_->handle(family)));
  for (at->Seek(slice_of(from)); at->Valid(); at->Next()) {
    if (!visit(view_of(at->key()), view_of(at->value()))) return {};
  }
  if (!at->status().ok()) return failed(at->status(), "the journal cannot be read");
  return {};
}

}  // namespace perkline::edge::journal
