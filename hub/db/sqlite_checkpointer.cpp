#include "hub/db/sqlite_checkpointer.hpp"

#include <utility>

namespace perkline::hub::db {

SqliteCheckpointer::SqliteCheckpointer(std::unique_ptr<SqliteConnection> connection)
    : thread_([this, own = std::move(connection)] { run(*own); }) {}

SqliteCheckpointer::~SqliteCheckpointer() {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void SqliteCheckpointer::keep_log_short(SqliteConnection& writer, std::size_t pages_max) {
  const std::scoped_lock lock(mutex_);
  if (round_ == Round::over) {
    round_ = Round::none;
    writer.checkpoint();
  } else if (round_ == Round::none && writer.log_pages() >= pages_max) {
    round_ = Round::wanted;
    changed_.notify_one();
  }
}

void SqliteCheckpointer::run(SqliteConnection& connection) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopped_ || round_ == Round::wanted; });
    if (stopped_) return;
    lock.unlock();
    connection.checkpoint();
    lock.lock();
    round_ = Round::over;
  }
}

}  // namespace perkline::hub::db
