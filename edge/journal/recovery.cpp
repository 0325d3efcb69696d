#include "edge/journal/recovery.hpp"

#include <algorithm>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "edge/journal/log_damage.hpp"
#include "edge/journal/restored.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/limits.hpp"
#include "shared/ops/log.hpp"
#include "shared/sync/event.hpp"

namespace perkline::edge::journal {
namespace {

namespace fs = std::filesystem;
using ops::Level;

/// Beside what its logs hold: a new log, a new MANIFEST, RocksDB's own log.
constexpr std::uint64_t room_to_open = 8 * limits::mib;

/// The journal's folder by its parts.
struct Places {
  explicit Places(const fs::path& folder)
      : db(folder / "db"),
        copying(folder / "db.copying"),
        salvage(folder / "db.salvage"),
        damaged(folder / "db.damaged"),
        restoring(folder / "db.restoring"),
        mark(folder / "high_water") {}
  fs::path db;
  fs::path copying;    ///< A copy being made and tried.
  fs::path salvage;    ///< A copy that lacks something.
  fs::path damaged;    ///< An original whose copy took its place.
  fs::path restoring;  ///< A restore that has not come to its end.
  fs::path mark;
};

/// What the operator is to do; everything a person needs at the counter at night.
std::string advice(const Places& at, bool salvaged) {
  std::string text = ". Nothing was deleted. To go on, restore the last backup: mv " + at.db.string() + ' ' +
                     at.damaged.string() + " && perkline-edge restore --config EDGE.YAML BACKUP_DIR";
  if (salvaged) {
    text += "; or, where there is no backup, go on with what could be read: mv " + at.db.string() + ' ' +
            at.damaged.string() + " && mv " + at.salvage.string() + ' ' + at.db.string() + " && rm " +
            at.mark.string();
  }
  return text + ". Either way have the hub grant a new epoch: perkline-hub store new-epoch STORE --reason R";
}

std::string reach_of(const HighWater& tail) {
  return "outbox sequence " + std::to_string(tail.sequence);
}

std::unexpected<Error> stays_closed(const Places& at, const std::string& why, bool salvaged) {
  return fail(Errc::corrupt,
              "the journal " + at.db.string() + " stays closed: " + why + advice(at, salvaged));
}

/// The time of the outbox's last event: until then, at least, the journal is whole. 1970: nobody knows.
WallTime known_whole_until(const JournalReader& journal) {
  const auto last = journal.last(Family::outbox);
  if (!last || !*last || (*last)->value.size() < sizeof(Digest)) return {};
  const auto event = sync::decode_event(std::string_view((*last)->value).substr(sizeof(Digest)));
  return event ? event->time : WallTime{};
}

/// Settles nothing that the lost rest may have settled already.
Result<void> mark_as_restored(RocksStore& store) {
  Batch batch;
  put(batch,
      Restored{.backed_up_at = known_whole_until(*store.reader()), .restored_at = SystemClock().wall_now()});
  return store.write({&batch, 1});
}

/// Errors: io_failed.
Result<void> copy_aside(const Places& at) {
  std::error_code error;
  fs::remove_all(at.copying, error);
  const std::uint64_t bytes = bytes_under(at.db);
  const auto space = fs::space(at.db, error);
  // RocksDB writes the log's content anew when it opens the copy.
  if (error || space.available < 2 * bytes + 64 * limits::mib) {
    return fail(Errc::io_failed, "there is no room for a copy to be tried: " +
                                     std::to_string((2 * bytes) / limits::mib + 64) + " MiB are needed");
  }
  fs::copy(at.db, at.copying, fs::copy_options::recursive, error);
  if (error) return fail(Errc::io_failed, "a copy to be tried cannot be made");
  return {};
}

/// What became of the copy.
struct Salvaged {
  HighWater tail = {};
  bool readable = false;
  bool whole = false;
};

Result<Salvaged> try_copy(const Places& at, const std::optional<HighWater>& mark) {
  auto store = RocksStore::open(at.copying, {.access = RocksStore::Access::point_in_time});
  if (!store) return Salvaged{};
  const auto reader = (*store)->reader();
  const auto tail = tail_of(*reader);
  if (!tail) return Salvaged{};
  const bool whole = mark && check_reaches(**store, *mark);
  if (auto marked = mark_as_restored(**store); !marked) return failure(marked);
  return Salvaged{.tail = *tail, .readable = true, .whole = whole};
}

/// Cuts the copy off amid the damaged record: its end is what RocksDB takes notice of, and so it neither
/// reads on with the next log nor opens a family that goes further than that.
Result<void> cut_copy(const Places& at, const LogDamage& damage) {
  constexpr std::uint64_t part_of_header = 3;
  const fs::path log = at.copying / damage.file.filename();
  std::error_code error;
  fs::resize_file(log, damage.offset + part_of_header, error);
  if (error) return fail(Errc::io_failed, log.string() + " cannot be cut off");
  return {};
}

Result<void> adopt_copy(const Places& at) {
  if (auto synced = sync_file_system(at.copying); !synced) return synced;
  if (fs::exists(at.db)) {
    if (auto moved = rename_synced(at.db, at.damaged); !moved) return moved;
  }
  return rename_synced(at.copying, at.db);
}

/// `db` is damaged: it is there again when this returns, or there is an error that says what to do.
Result<void> salvage(const Places& at, const std::optional<HighWater>& mark) {
  if (fs::exists(at.salvage)) {
    return stays_closed(
        at, "it is damaged, and what could be read of it lies in " + at.salvage.string() + " already",
        !fs::is_empty(at.salvage));
  }
  if (fs::exists(at.damaged)) {
    return stays_closed(at,
                        "it is damaged, and so was the one before it, which lies in " + at.damaged.string() +
                            ": look after the disk, and move that one away first",
                        false);
  }
  const auto damage = find_log_damage(at.db);
  if (!damage) return std::unexpected(damage.error());
  if (*damage && is_directory(**damage)) return stays_closed(at, (*damage)->what, false);
  ops::log(Level::error, "journal", "the journal is damaged: trying a copy of it",
           {{"damage", *damage ? (*damage)->what : std::string("RocksDB refuses it")}});
  if (auto copied = copy_aside(at); !copied)
    return stays_closed(at, "it is damaged; " + copied.error().detail, false);
  if (*damage) {
    if (auto cut = cut_copy(at, **damage); !cut) return cut;
  }
  const auto copy = try_copy(at, mark);
  if (!copy) return std::unexpected(copy.error());
  if (copy->whole) {
    if (auto adopted = adopt_copy(at); !adopted) return adopted;
    ops::log(
        Level::error, "journal",
        "the journal was damaged: what lay behind the damage is dropped; a second's sales may be missing:"
        " PDI and the hub are asked for what they know of them, and only a sale that was told as pending"
        " while both were away is lost; the damaged one is kept",
        {{"kept", at.damaged.string()}, {"tail", static_cast<std::int64_t>(copy->tail.sequence)}});
    return {};
  }
  // Kept also where it is of no use: the next start is not to try again.
  if (!copy->readable) {
    std::error_code error;
    fs::remove_all(at.copying, error);
    fs::create_directory(at.copying, error);
  }
  if (auto moved = rename_synced(at.copying, at.salvage); !moved) return moved;
  if (!copy->readable) return stays_closed(at, "it is damaged, and cannot be opened up to the damage", false);
  return stays_closed(at,
                      "it is damaged; what can be read of it lies in " + at.salvage.string() +
                          " and ends at " + reach_of(copy->tail) + ", while " +
                          reach_of(mark.value_or(HighWater{})) + " was on disk",
                      true);
}

/// Whether a database was ever written there.
bool holds_anything(const fs::path& db) {
  std::error_code error;
  return std::ranges::any_of(fs::directory_iterator(db, error), [](const fs::directory_entry& file) {
    const std::string name = file.path().filename().string();
    return name.starts_with("MANIFEST") || name.ends_with(".sst") ||
           (name.ends_with(".log") && file.file_size() > 0);
  });
}

/// Errors: corrupt, io_failed when something else than a journal, or nothing, is where one was.
Result<void> check_places(const Places& at, const std::optional<HighWater>& mark) {
  const bool empty = !mark || (mark->sequence == 0 && mark->writes == 0);
  // RocksDB would take a folder without it for a new database, and remove its tables.
  if (fs::exists(at.db) && !fs::exists(at.db / "CURRENT") && (!empty || holds_anything(at.db)))
    return stays_closed(at, "its file CURRENT is gone", false);
  if (fs::exists(at.db)) return {};
  // The power went between two renames.
  if (fs::exists(at.damaged) && fs::exists(at.copying)) return adopt_copy(at);
  if (fs::exists(at.restoring)) {
    return fail(Errc::io_failed, "a restore into " + at.db.parent_path().string() +
                                     " has not come to its end: run perkline-edge restore once more");
  }
  if (empty) return {};
  return stays_closed(at, "it is gone, and " + reach_of(*mark) + " was on disk", false);
}

/// Damage that RocksDB would not tell of is found before it opens anything.
Result<std::unique_ptr<RocksStore>> open_whole(const Places& at) {
  auto damage = find_log_damage(at.db);
  if (!damage) return failure(damage);
  if (*damage) return fail(Errc::corrupt, std::move((*damage)->what));
  return RocksStore::open(at.db);
}

}  // namespace

Result<void> check_room(const fs::path& folder) {
  std::error_code error;
  const auto space = fs::space(folder, error);
  if (error) return {};
  std::uint64_t needed = room_to_open;
  for (const auto& file : fs::directory_iterator(folder / "db", error)) {
    if (file.path().extension() == ".log") needed += file.file_size(error);
  }
  if (space.available >= needed) return {};
  return fail(Errc::storage_full, "the disk of " + folder.string() +
                                      " is full: " + std::to_string(space.available / limits::mib) +
                                      " MiB are free, and " + std::to_string(needed / limits::mib) +
                                      " MiB are needed to open the journal; nothing was touched");
}

Result<HighWater> tail_of(const JournalReader& journal) {
  const auto last = journal.last(Family::outbox);
  if (!last) return std::unexpected(last.error());
  HighWater tail;
  if (!*last) return tail;
  const Entry& event = **last;
  if (event.key.size() != sizeof tail.sequence || event.value.size() < tail.hash.size())
    return fail(Errc::corrupt, "the outbox ends with what is no event");
  tail.sequence = read_u64(event.key);
  std::copy_n(event.value.begin(), tail.hash.size(), tail.hash.begin());
  return tail;
}

Result<void> check_reaches(const JournalReader& journal, const HighWater& mark) {
  if (mark.sequence == 0) return {};
  std::string key;
  append_u64(key, mark.sequence);
  const auto marked = journal.get(Family::outbox, key);
  if (!marked) return std::unexpected(marked.error());
  if (*marked && (*marked)->starts_with(as_chars(mark.hash))) return {};
  const auto tail = tail_of(journal);
  if (!tail) return std::unexpected(tail.error());
  if (!*marked && tail->sequence > mark.sequence) return {};  // pruned since the mark was set
  return fail(Errc::corrupt, std::string("it ") + (*marked ? "differs from what was" : "has lost what was") +
                                 " on disk: " + reach_of(mark) + " was, and it ends at " +
                                 std::to_string(tail->sequence));
}

Result<void> check_reaches(const RocksStore& store, const HighWater& mark) {
  if (auto outbox = check_reaches(*store.reader(), mark); !outbox) return outbox;
  if (store.writes() >= mark.writes) return {};
  return fail(Errc::corrupt, "it has lost the last " + std::to_string(mark.writes - store.writes()) +
                                 " changes that were on disk, after the outbox's end");
}

Result<std::unique_ptr<RocksStore>> open_or_salvage(const fs::path& folder,
                                                    const std::optional<HighWater>& mark) {
  const Places at(folder);
  if (auto right = check_places(at, mark); !right) return failure(right);
  if (auto room = check_room(folder); !room) return failure(room);
  auto store = open_whole(at);
  if (!store && store.error().code == Errc::corrupt) {
    if (auto saved = salvage(at, mark); !saved) return failure(saved);
    store = RocksStore::open(at.db);
  }
  if (!store || !mark) return store;
  auto reached = check_reaches(**store, *mark);
  if (!reached && reached.error().code == Errc::corrupt)
    return stays_closed(at, reached.error().detail, false);
  if (!reached) return failure(reached);
  return store;
}

Result<void> rename_synced(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  const int fd = error ? -1 : ::open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) return fail(Errc::io_failed, from.string() + " cannot be renamed to " + to.string());
  return {};
}

Result<void> sync_file_system(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::syncfs(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) return fail(Errc::io_failed, folder.string() + " cannot be synced");
  return {};
}

std::uint64_t bytes_under(const fs::path& folder) {
  std::error_code error;
  std::uint64_t bytes = 0;
  for (auto file = fs::recursive_directory_iterator(folder, error);
       !error && file != fs::recursive_directory_iterator(); file.increment(error)) {
    std::error_code unknown;
    const auto size = file->is_regular_file(unknown) ? file->file_size(unknown) : 0;
    if (!unknown) bytes += size;
  }
  return bytes;
}

}  // namespace perkline::edge::journal
