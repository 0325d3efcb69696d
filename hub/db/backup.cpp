#include "hub/db/backup.hpp"

#include <algorithm>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <sqlite3.h>

#include "hub/db/sqlite_error.hpp"

namespace perkline::hub::db {
namespace {

namespace fs = std::filesystem;

constexpr int busy_timeout_ms = 10'000;

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};
using Handle = std::unique_ptr<sqlite3, Close>;

Result<Handle> open(const fs::path& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Handle handle(raw);
  if (code != SQLITE_OK) return fail(sqlite_error(code));
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, busy_timeout_ms);
  return handle;
}

Result<void> run(sqlite3* handle, const char* sql) {
  const int code = sqlite3_exec(handle, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(sqlite_error(code));
  return {};
}

/// The first column of the first row.
Result<std::string> ask(sqlite3* handle, const char* sql) {
  std::string answer;
  const auto take = [](void* out, int count, char** values, char**) {
    auto& text = *static_cast<std::string*>(out);
    if (text.empty() && count > 0 && values[0] != nullptr) text = values[0];
    return 0;
  };
  const int code = sqlite3_exec(handle, sql, take, &answer, nullptr);
  if (code != SQLITE_OK) return fail(sqlite_error(code));
  return answer;
}

Result<void> check_sound(sqlite3* handle, const fs::path& path) {
  const auto found = ask(handle, "PRAGMA integrity_check");
  if (!found) return std::unexpected(found.error());
  if (*found != "ok") return fail(Errc::corrupt, path.string() + " is damaged: " + *found);
  return {};
}

Result<void> sync_path(const fs::path& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  if (!synced) return fail(Errc::io_failed, path.string() + " cannot be synced");
  return {};
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// What root puts beside a daemon's data is the daemon's to open.
Result<void> give_to_owner_of(const fs::path& folder, const fs::path& file) {
  struct ::stat info{};
  if (::geteuid() != 0) return {};
  if (::stat(folder.c_str(), &info) == 0 && ::chown(file.c_str(), info.st_uid, info.st_gid) == 0) return {};
  return fail(Errc::io_failed, file.string() + " cannot be given to the owner of " + folder.string());
}

Result<void> make_private(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return fail(Errc::io_failed, path.string() + " cannot be written");
  ::close(file);
  return {};
}

Result<void> copy_pages(const fs::path& from, const fs::path& to) {
  if (std::error_code error; !fs::exists(from, error))
    return fail(Errc::not_found, "there is no " + from.string());
  auto source = open(from, SQLITE_OPEN_READWRITE);
  if (!source) return failure(source);
  if (auto made = make_private(to); !made) return made;
  auto target = open(to, SQLITE_OPEN_READWRITE);
  if (!target) return failure(target);
  sqlite3_backup* copying = sqlite3_backup_init(target->get(), "main", source->get(), "main");
  if (copying == nullptr) return fail(sqlite_error(sqlite3_extended_errcode(target->get())));
  // All in one step: one moment of the database; in WAL mode nobody waits for it.
  const int stepped = sqlite3_backup_step(copying, -1);
  const int finished = sqlite3_backup_finish(copying);
  if (stepped != SQLITE_DONE) return fail(sqlite_error(stepped));
  if (finished != SQLITE_OK) return fail(sqlite_error(finished));
  // One file, with nothing beside it.
  if (auto single = ask(target->get(), "PRAGMA journal_mode = DELETE"); !single) return failure(single);
  return check_sound(target->get(), to);
}

/// The copy that is being made; gone unless it was put in its place.
class HalfDone {
 public:
  explicit HalfDone(const fs::path& of) : path_(of.string() + ".new") {}
  HalfDone(const HalfDone&) = delete;
  HalfDone& operator=(const HalfDone&) = delete;
  ~HalfDone() {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) fs::remove(path_.string() + suffix, ignored);
  }
  const fs::path& path() const { return path_; }
  Result<void> put_in_place_of(const fs::path& target) const {
    if (auto synced = sync_path(path_, O_RDWR); !synced) return synced;
    std::error_code error;
    fs::rename(path_, target, error);
    if (error) return fail(Errc::io_failed, target.string() + " cannot be written");
    return sync_path(folder_of(target), O_RDONLY | O_DIRECTORY);
  }

 private:
  fs::path path_;
};

/// Holds the database for itself alone, as one file with nothing beside it. Errors: session_state.
Result<Handle> take_alone(const fs::path& database) {
  auto handle = open(database, SQLITE_OPEN_READWRITE);
  if (!handle) return handle;
  // Whoever has it open in WAL mode keeps it from leaving that mode.
  sqlite3_busy_timeout(handle->get(), 0);
  const auto mode = ask(handle->get(), "PRAGMA journal_mode = DELETE");
  if (!mode || *mode != "delete" || !run(handle->get(), "BEGIN EXCLUSIVE"))
    return fail(Errc::session_state, database.string() + " is in use: stop the hub first");
  return handle;
}

}  // namespace

Result<void> copy_database(const fs::path& database, const fs::path& copy) {
  std::error_code error;
  if (fs::exists(copy, error)) return fail(Errc::already_exists, copy.string() + " is there already");
  const HalfDone half_done(copy);
  if (auto copied = copy_pages(database, half_done.path()); !copied) return copied;
  return half_done.put_in_place_of(copy);
}

Result<fs::path> replace_database(const fs::path& backup, const fs::path& database, WallTime now,
                                  const std::function<Result<void>(SqliteInline&)>& prepare) {
  const HalfDone half_done(database);
  if (auto copied = copy_pages(backup, half_done.path()); !copied) return failure(copied);
  {
    auto copy = SqliteInline::open(half_done.path());
    if (!copy) return failure(copy);
    if (auto prepared = prepare(**copy); !prepared) return failure(prepared);
  }
  // What the preparation has left in its log goes into the one file.
  if (auto single = take_alone(half_done.path()); !single) return failure(single);
  if (auto given = give_to_owner_of(folder_of(database), half_done.path()); !given) return failure(given);
  std::error_code error;
  fs::path kept;
  Handle held;
  if (fs::exists(database, error)) {
    auto alone = take_alone(database);
    if (!alone) return failure(alone);
    held = std::move(*alone);
    kept = database.string() + ".before-restore-" + std::to_string(now.time_since_epoch().count());
    fs::create_hard_link(database, kept, error);
    if (error) return fail(Errc::io_failed, kept.string() + " cannot be made");
  }
  if (auto placed = half_done.put_in_place_of(database); !placed) return failure(placed);
  return kept;
}

}  // namespace perkline::hub::db
