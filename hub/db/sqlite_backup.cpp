#include "hub/db/sqlite_backup.hpp"

#include <algorithm>
#include <memory>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <sqlite3.h>

#include "hub/db/sqlite_connection.hpp"
#include "hub/db/sqlite_error.hpp"
#include "hub/db/sqlite_inline.hpp"
#include "hub/db/whole_file.hpp"

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

/// What root puts beside a daemon's data is the daemon's to open.
Result<void> give_to_owner_of(const fs::path& folder, const fs::path& file) {
  struct ::stat info{};
  if (::geteuid() != 0) return {};
  if (::stat(folder.c_str(), &info) == 0 && ::chown(file.c_str(), info.st_uid, info.st_gid) == 0) return {};
  return fail(Errc::io_failed, file.string() + " cannot be given to the owner of " + folder.string());
}

Result<void> copy_pages(const fs::path& from, const WholeFile& to) {
  if (std::error_code error; !fs::exists(from, error))
    return fail(Errc::not_found, "there is no " + from.string());
  auto source = open(from, SQLITE_OPEN_READWRITE);
  if (!source) return failure(source);
  if (auto made = to.make(); !made) return made;
  auto target = open(to.path(), SQLITE_OPEN_READWRITE);
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
  return check_sound(target->get(), to.path());
}

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

/// What it leaves in its log goes into the one file.
Result<void> work_on(const WholeFile& file, const CopyWork& work) {
  {
    auto copy = SqliteInline::open(file.path());
    if (!copy) return failure(copy);
    if (auto done = work(**copy); !done) return done;
  }
  if (auto single = take_alone(file.path()); !single) return failure(single);
  return {};
}

}  // namespace

Result<void> copy_sqlite(const fs::path& database, const fs::path& copy, const CopyWork& check) {
  const WholeFile file(copy);
  if (auto copied = copy_pages(database, file); !copied) return copied;
  if (auto checked = work_on(file, check); !checked) return checked;
  return file.put_in_place();
}

Result<std::string> replace_sqlite(const fs::path& backup, const fs::path& database, WallTime now,
                                   const RestoreWork& prepare) {
  std::error_code error;
  std::unique_ptr<SqliteConnection> before;
  if (fs::exists(database, error)) {
    auto alone = SqliteConnection::open(database, SqliteConnection::Access::alone);
    if (!alone && alone.error().code == Errc::corrupt)
      return fail(Errc::corrupt, database.string() + " is damaged: move it away first");
    if (!alone) return fail(Errc::session_state, database.string() + " is in use: stop the hub first");
    before = std::move(*alone);
  }
  const WholeFile file(database);
  if (auto copied = copy_pages(backup, file); !copied) return failure(copied);
  auto prepared = work_on(file, [&](InlineDatabase& copy) {
    if (!before) return prepare(copy, nullptr);
    return before->read([&](Transaction& old) { return prepare(copy, &old); });
  });
  if (!prepared) return failure(prepared);
  if (auto given = give_to_owner_of(folder_of(database), file.path()); !given) return failure(given);
  fs::path kept;
  if (before) {
    kept = database.string() + ".before-restore-" + std::to_string(now.time_since_epoch().count());
    fs::create_hard_link(database, kept, error);
    if (error) return fail(Errc::io_failed, kept.string() + " cannot be made");
  }
  if (auto placed = file.put_in_place(); !placed) return failure(placed);
  return kept.string();
}

}  // namespace perkline::hub::db
