#include "edge/journal/backup.hpp"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>

#include <rocksdb/db.h>
#include <rocksdb/utilities/backup_engine.h>

#include "edge/journal/folder_lock.hpp"
#include "edge/journal/recovery.hpp"
#include "edge/journal/restored.hpp"
#include "edge/journal/rocks_store.hpp"
#include "shared/core/limits.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::journal {
namespace {

namespace fs = std::filesystem;

/// A backup's own words: `1 <made at, ms> <sequence> <hash in hex> <store>`, the 1 being the format.
constexpr std::string_view format = "1";

std::string label_of(const Backup& backup) {
  return std::string(format) + ' ' + std::to_string(backup.made_at.time_since_epoch().count()) + ' ' +
         std::to_string(backup.tail.sequence) + ' ' + to_hex(backup.tail.hash) + ' ' + backup.store.str();
}

Result<Backup> backup_of(const rocksdb::BackupInfo& info) {
  std::istringstream words(info.app_metadata);
  std::string version;
  std::int64_t made_at = 0;
  std::string hex;
  std::string store;
  Backup backup{.number = info.backup_id, .bytes = info.size};
  words >> version >> made_at >> backup.tail.sequence >> hex >> store;
  const std::string name = "backup " + std::to_string(info.backup_id);
  if (words && version != format) return fail(Errc::newer_format, name + " was made by a newer version");
  const auto hash = from_hex(hex);
  if (!words || !hash || hash->size() != backup.tail.hash.size())
    return fail(Errc::corrupt, name + " is none of a store's journal");
  std::ranges::copy(*hash, backup.tail.hash.begin());
  backup.made_at = WallTime(Millis(made_at));
  backup.store = StoreId(store);
  return backup;
}

/// RocksDB's own text goes to the log and no further.
std::unexpected<Error> failed(const rocksdb::Status& status, std::string what) {
  ops::log(ops::Level::error, "backup", what, {{"status", status.ToString()}});
  if (status.IsIncomplete()) return fail(Errc::cancelled, std::move(what));
  return fail(status.IsCorruption() ? Errc::corrupt : Errc::io_failed, std::move(what));
}

template <class Engine>
Result<std::vector<Backup>> backups_in(const Engine& engine, const fs::path& folder) {
  std::vector<rocksdb::BackupInfo> infos;
  engine.GetBackupInfo(&infos);
  std::vector<Backup> backups;
  for (const rocksdb::BackupInfo& info : infos) {
    auto backup = backup_of(info);
    if (!backup)
      return fail({.code = backup.error().code, .detail = folder.string() + ": " + backup.error().detail});
    backups.push_back(std::move(*backup));
  }
  return backups;
}

bool is_inside(const fs::path& folder, const fs::path& other) {
  std::error_code error;
  const fs::path inner = fs::weakly_canonical(folder, error);
  const fs::path outer = fs::weakly_canonical(other, error);
  return std::ranges::mismatch(outer, inner).in1 == outer.end();
}

/// Backups are many files in several folders: nobody wants them among others, nor others' access changed.
bool holds_something_else(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "meta", error)) return false;
  return std::ranges::any_of(fs::directory_iterator(folder, error), [](const fs::directory_entry& file) {
    const fs::path name = file.path().filename();
    return name != "lock" && name != "lost+found";  // a first backup that failed; a disk of its own
  });
}

/// Reads it through: every checksum, and as a journal. Where its outbox ends.
Result<HighWater> read_back(const rocksdb::BackupEngine& engine, std::uint32_t number,
                            const HighWater& mark) {
  if (const auto status = engine.VerifyBackup(number, true); !status.ok())
    return failed(status, "the backup does not read back");
  rocksdb::BackupInfo info;
  if (const auto status = engine.GetBackupInfo(number, &info, true); !status.ok())
    return failed(status, "the backup does not read back");
  auto copy = RocksStore::open(info.name_for_open,
                               {.access = RocksStore::Access::reading, .env = info.env_for_open.get()});
  if (!copy) return failure(copy);
  const auto reader = (*copy)->reader();
  if (auto reached = check_reaches(*reader, mark); !reached) return failure(reached);
  return tail_of(*reader);
}

Result<std::unique_ptr<rocksdb::BackupEngine>> open_engine(const BackupOrder& order) {
  rocksdb::BackupEngine* engine = nullptr;
  const auto status = rocksdb::BackupEngine::Open(rocksdb::BackupEngineOptions(order.folder.string()),
                                                  rocksdb::Env::Default(), &engine);
  if (!status.ok()) return failed(status, "the backups in " + order.folder.string() + " cannot be opened");
  std::unique_ptr<rocksdb::BackupEngine> opened(engine);
  const auto others = backups_in(*opened, order.folder);
  if (!others) return std::unexpected(others.error());
  for (const Backup& other : *others) {
    if (other.store != order.store)
      return fail(Errc::bad_request, order.folder.string() + " holds backups of store " + other.store.str());
  }
  return opened;
}

std::vector<std::uint32_t> remove_old(rocksdb::BackupEngine& engine, const BackupOrder& order,
                                      std::uint32_t fresh) {
  std::vector<std::uint32_t> removed;
  const auto backups = backups_in(engine, order.folder);
  if (!backups) return removed;
  // A clock that is years ahead would take every other backup with it: it has to say so twice.
  const bool agrees = std::ranges::any_of(*backups, [&](const Backup& old) {
    return old.number != fresh && std::chrono::abs(order.now - old.made_at) < backups_kept;
  });
  if (!agrees) return removed;
  for (const Backup& old : *backups) {
    if (old.number != fresh && old.made_at < order.now - backups_kept && engine.DeleteBackup(old.number).ok())
      removed.push_back(old.number);
  }
  return removed;
}

}  // namespace

Result<BackedUp> back_up(RocksStore& store, const BackupOrder& order) {
  if (is_inside(order.folder, order.data_dir))
    return fail(Errc::bad_request, order.folder.string() + " is inside data_dir: one disk takes both");
  std::error_code error;
  if (holds_something_else(order.folder))
    return fail(Errc::bad_request,
                order.folder.string() + " holds something else than backups: name a folder of their own");
  fs::create_directories(order.folder, error);
  if (!error) fs::permissions(order.folder, fs::perms::owner_all, error);
  if (error) return fail(Errc::bad_request, order.folder.string() + " cannot be made one's own");
  const FolderLock lock(order.folder);
  if (!lock.held())
    return fail(Errc::bad_request,
                order.folder.string() + " cannot be written, or another backup is being made");
  auto engine = open_engine(order);
  if (!engine) return failure(engine);
  const std::stop_callback stopper(order.stop, [&engine] { (*engine)->StopBackup(); });

  const auto mark = tail_of(*store.reader());
  if (!mark) return std::unexpected(mark.error());
  Backup made{.store = order.store, .made_at = order.now, .tail = *mark};
  rocksdb::CreateBackupOptions options;
  options.flush_before_backup = true;  // hazards: a checkpoint that does not flush is one of those to avoid
  const auto status =
      (*engine)->CreateNewBackupWithMetadata(options, &store.database(), label_of(made), &made.number);
  if (!status.ok()) return failed(status, "the backup cannot be made");
  const auto tail = read_back(**engine, made.number, *mark);
  if (!tail) {
    (void)(*engine)->DeleteBackup(made.number);
    return std::unexpected(tail.error());
  }
  made.tail = *tail;
  rocksdb::BackupInfo info;
  if ((*engine)->GetBackupInfo(made.number, &info).ok()) made.bytes = info.size;
  return BackedUp{.backup = std::move(made), .removed = remove_old(**engine, order, made.number)};
}

// ---- and back

namespace {

Result<std::unique_ptr<rocksdb::BackupEngineReadOnly>> open_to_read(const fs::path& folder) {
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  std::error_code error;
  if (!fs::is_directory(folder / "meta", error))
    return fail(Errc::not_found, folder.string() + " holds no backups");
  const auto status = rocksdb::BackupEngineReadOnly::Open(
      rocksdb::Env::Default(), rocksdb::BackupEngineOptions(folder.string()), &engine);
  if (!status.ok()) return failed(status, "the backups in " + folder.string() + " cannot be opened");
  return std::unique_ptr<rocksdb::BackupEngineReadOnly>(engine);
}

Result<Backup> choose(const rocksdb::BackupEngineReadOnly& engine, const RestoreOrder& order) {
  const auto backups = backups_in(engine, order.folder);
  if (!backups) return std::unexpected(backups.error());
  const Backup* chosen = nullptr;
  for (const Backup& backup : *backups) {
    if (!order.number || *order.number == backup.number) chosen = &backup;
  }
  if (chosen == nullptr) {
    return fail(Errc::not_found,
                order.folder.string() + " holds no " +
                    (order.number ? "backup " + std::to_string(*order.number) : std::string("backups")));
  }
  if (chosen->store != order.store)
    return fail(Errc::bad_request, "the backup is that of store " + chosen->store.str());
  return *chosen;
}

Result<void> check_target(const RestoreOrder& order) {
  const fs::path db = order.data_dir / "db";
  std::error_code error;
  if (fs::exists(db, error) && !fs::is_empty(db, error)) {
    return fail(Errc::already_exists,
                order.data_dir.string() +
                    " holds a journal, and nothing is overwritten: move it aside first: mv " + db.string() +
                    ' ' + db.string() + ".before-restore");
  }
  fs::remove(db, error);
  return {};
}

/// What the files hold is whole; from now on they know that they are restored.
Result<void> finish_files(const fs::path& files, const RestoreOrder& order, const Backup& backup) {
  auto store = RocksStore::open(files);
  if (!store) return failure(store);
  const auto reader = (*store)->reader();
  if (auto reached = check_reaches(*reader, backup.tail); !reached) return reached;
  if (auto checked = order.check(*reader); !checked) return checked;
  Restored restored{.backed_up_at = backup.made_at, .restored_at = order.now};
  const auto before = read_restored(*reader);
  if (!before) return std::unexpected(before.error());
  // What an earlier restore had not learnt yet is as old as it was.
  if (*before) restored.backed_up_at = std::min(restored.backed_up_at, (*before)->backed_up_at);
  Batch batch;
  put(batch, restored);
  return (*store)->write({&batch, 1});
}

Result<void> check_room(const RestoreOrder& order, const Backup& backup) {
  std::error_code error;
  const auto space = fs::space(order.data_dir, error);
  if (!error && space.available > backup.bytes + 64 * limits::mib) return {};
  return fail(Errc::io_failed, order.data_dir.string() + " has too little room for the backup");
}

}  // namespace

Result<Backup> restore(const RestoreOrder& order) {
  std::error_code error;
  fs::create_directories(order.data_dir, error);
  if (!error) fs::permissions(order.data_dir, fs::perms::owner_all, error);
  if (error) return fail(Errc::io_failed, order.data_dir.string() + " cannot be made one's own");
  const FolderLock lock(order.data_dir);
  if (!lock.held())
    return fail(Errc::io_failed, order.data_dir.string() + " is in use: stop the daemon first");
  if (auto free = check_target(order); !free) return failure(free);
  auto engine = open_to_read(order.folder);
  if (!engine) return failure(engine);
  auto backup = choose(**engine, order);
  if (!backup) return backup;
  if (auto room = check_room(order, *backup); !room) return failure(room);
  if (const auto status = (*engine)->VerifyBackup(backup->number, true); !status.ok())
    return failed(status, "backup " + std::to_string(backup->number) + " is damaged");

  const fs::path files = order.data_dir / "db.restoring";
  fs::remove_all(files, error);
  const auto status = (*engine)->RestoreDBFromBackup(backup->number, files.string(), files.string());
  if (!status.ok()) return failed(status, "the backup cannot be restored");
  if (auto finished = finish_files(files, order, *backup); !finished) {
    fs::remove_all(files, error);
    return failure(finished);
  }
  // The old mark vouches for what is no more. Without it and before the last step there is no journal, and
  // `db.restoring` says so.
  fs::remove(order.data_dir / "high_water", error);
  if (error) return fail(Errc::io_failed, "the old high-water mark cannot be removed");
  if (auto synced = sync_file_system(order.data_dir); !synced) return failure(synced);
  if (auto moved = rename_synced(files, order.data_dir / "db"); !moved) return failure(moved);
  return backup;
}

}  // namespace perkline::edge::journal
