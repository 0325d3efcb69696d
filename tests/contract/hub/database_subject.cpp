#include "tests/contract/hub/database_subject.hpp"

#include <future>
#include <thread>

#include "hub/db/sqlite_inline.hpp"
#include "shared/core/assert.hpp"

namespace perkline::test {
namespace {

using hub::db::Database;
using hub::db::Sqlite;
using hub::db::SqliteInline;
using Work = DatabaseSubject::Work;

Result<void> write_beside(const std::string& path, const Work& work) {
  auto other = SqliteInline::open(path);
  if (!other) return failure(other);
  return (*other)->write_now(work);
}

class InlineSubject final : public DatabaseSubject {
 public:
  InlineSubject() { reopen(); }
  Result<void> write(Work work) override { return database_->write_now(work); }
  Result<void> read(Work work) override { return database_->read_now(work); }
  std::vector<Result<void>> write_all(std::vector<Work> works) override {
    std::vector<Result<void>> results;
    for (const Work& work : works) results.push_back(database_->write_now(work));
    return results;
  }
  void reopen() override {
    database_.reset();
    auto opened = SqliteInline::open(dir_.file("hub.db"));
    PERKLINE_ASSERT(opened.has_value());
    database_ = std::move(*opened);
  }
  Result<void> write_from_outside(Work work) override { return write_beside(dir_.file("hub.db"), work); }

 private:
  TempDir dir_;
  std::unique_ptr<SqliteInline> database_;
};

Task<void> fulfil(Task<Result<void>> task, std::promise<Result<void>>& promise) {
  promise.set_value(co_await std::move(task));
}

Task<void> report(Task<Result<void>> task, std::size_t index,
                  std::function<void(std::size_t, Result<void>)> done) {
  auto result = co_await std::move(task);
  done(index, std::move(result));
}

}  // namespace

struct SqliteOnReactor::Running {
  net::Reactor reactor;
  std::unique_ptr<Sqlite> database;
  std::thread thread;

  Result<void> await(Task<Result<void>> task) {
    std::promise<Result<void>> promise;
    reactor.spawn(fulfil(std::move(task), promise));
    return promise.get_future().get();
  }
};

SqliteOnReactor::SqliteOnReactor(hub::db::SqliteOptions options)
    : path_(dir_.file("hub.db")), options_(options) {
  start();
}

SqliteOnReactor::~SqliteOnReactor() {
  stop();
}

void SqliteOnReactor::start() {
  running_ = std::make_unique<Running>();
  auto opened = Sqlite::open(running_->reactor, path_, options_);
  PERKLINE_ASSERT(opened.has_value());
  running_->database = std::move(*opened);
  running_->thread = std::thread([this] { running_->reactor.run(); });
}

void SqliteOnReactor::stop() {
  running_->reactor.stop();
  running_->thread.join();
  running_->database.reset();
  running_.reset();
}

void SqliteOnReactor::reopen() {
  stop();
  start();
}

Result<void> SqliteOnReactor::write_from_outside(Work work) {
  return write_beside(path_, work);
}

Result<void> SqliteOnReactor::write(Work work) {
  return running_->await(running_->database->write(std::move(work)));
}

Result<void> SqliteOnReactor::read(Work work) {
  return running_->await(running_->database->read(std::move(work)));
}

void SqliteOnReactor::start_all(std::vector<Work> works,
                                std::function<void(std::size_t, Result<void>)> done) {
  // In one go, so that all wait before the first is taken up again.
  running_->reactor.post([this, works = std::move(works), done = std::move(done)]() mutable {
    for (std::size_t i = 0; i < works.size(); ++i) {
      running_->reactor.spawn(report(running_->database->write(std::move(works[i])), i, done));
    }
  });
}

std::vector<Result<void>> SqliteOnReactor::write_all(std::vector<Work> works) {
  std::vector<Result<void>> results(works.size());
  std::size_t left = works.size();
  std::promise<void> all_done;
  start_all(std::move(works), [&](std::size_t index, Result<void> result) {
    results[index] = std::move(result);
    if (--left == 0) all_done.set_value();
  });
  all_done.get_future().wait();
  return results;
}

std::unique_ptr<DatabaseSubject> make_subject(Adapter adapter) {
  switch (adapter) {
    case Adapter::sqlite:
      return std::make_unique<SqliteOnReactor>();
    case Adapter::sqlite_inline:
      return std::make_unique<InlineSubject>();
  }
  return nullptr;
}

}  // namespace perkline::test
