#include "tests/contract/hub/database_subject.hpp"

#include <future>
#include <thread>

#include "hub/db/open.hpp"
#include "shared/core/assert.hpp"

namespace perkline::test {
namespace {

using hub::db::Database;
using hub::db::Postgres;
using hub::db::Sqlite;
using Work = DatabaseSubject::Work;

/// As another process would.
Result<void> write_beside(const std::string& url, const Work& work) {
  auto other = hub::db::open_for_tool(url, hub::db::IfMissing::fail);
  if (!other) return failure(other);
  return (*other)->write_now(work);
}

/// An adapter without threads; `Place` is what its database is in.
template <class Place>
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
    auto opened = hub::db::open_for_tool(place_.url(), hub::db::IfMissing::make);
    PERKLINE_ASSERT(opened.has_value());
    database_ = std::move(*opened);
  }
  Result<void> write_from_outside(Work work) override { return write_beside(place_.url(), work); }

 private:
  Place place_;
  std::unique_ptr<hub::db::InlineDatabase> database_;
};

class SqliteFile {
 public:
  std::string url() const { return "sqlite:" + dir_.file("hub.db"); }

 private:
  TempDir dir_;
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

struct OnReactor::Running {
  net::Reactor reactor;
  std::unique_ptr<Database> database;
  std::thread thread;

  Result<void> await(Task<Result<void>> task) {
    std::promise<Result<void>> promise;
    reactor.spawn(fulfil(std::move(task), promise));
    return promise.get_future().get();
  }
};

OnReactor::OnReactor() = default;
OnReactor::~OnReactor() = default;

void OnReactor::start() {
  running_ = std::make_unique<Running>();
  running_->database = open(running_->reactor);
  running_->thread = std::thread([this] { running_->reactor.run(); });
}

void OnReactor::stop() {
  running_->reactor.stop();
  running_->thread.join();
  running_->database.reset();
  running_.reset();
}

void OnReactor::reopen() {
  stop();
  start();
}

Result<void> OnReactor::write(Work work) {
  return running_->await(running_->database->write(std::move(work)));
}

Result<void> OnReactor::read(Work work) {
  return running_->await(running_->database->read(std::move(work)));
}

void OnReactor::start_all(Call call, std::vector<Work> works,
                          std::function<void(std::size_t, Result<void>)> done) {
  // In one go, so that all wait before the first is taken up again.
  running_->reactor.post([this, call, works = std::move(works), done = std::move(done)]() mutable {
    for (std::size_t i = 0; i < works.size(); ++i) {
      running_->reactor.spawn(report((running_->database.get()->*call)(std::move(works[i])), i, done));
    }
  });
}

void OnReactor::start_all(std::vector<Work> works, std::function<void(std::size_t, Result<void>)> done) {
  start_all(&Database::write, std::move(works), std::move(done));
}

void OnReactor::start_all_reads(std::vector<Work> works,
                                std::function<void(std::size_t, Result<void>)> done) {
  start_all(&Database::read, std::move(works), std::move(done));
}

std::vector<Result<void>> OnReactor::write_all(std::vector<Work> works) {
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

SqliteOnReactor::SqliteOnReactor(hub::db::SqliteOptions options)
    : path_(dir_.file("hub.db")), options_(options) {
  start();
}

SqliteOnReactor::~SqliteOnReactor() {
  stop();
}

std::unique_ptr<Database> SqliteOnReactor::open(net::Reactor& reactor) {
  auto opened = Sqlite::open(reactor, path_, options_);
  PERKLINE_ASSERT(opened.has_value());
  return std::move(*opened);
}

Result<void> SqliteOnReactor::write_from_outside(Work work) {
  return write_beside("sqlite:" + path_, work);
}

PostgresOnReactor::PostgresOnReactor(hub::db::PostgresOptions options)
    : own_(std::in_place), url_(own_->url()), options_(options) {
  start();
}

PostgresOnReactor::PostgresOnReactor(std::string url, hub::db::PostgresOptions options)
    : url_(std::move(url)), options_(options) {
  start();
}

PostgresOnReactor::~PostgresOnReactor() {
  stop();
}

std::unique_ptr<Database> PostgresOnReactor::open(net::Reactor& reactor) {
  auto opened = Postgres::open(reactor, url_, options_);
  PERKLINE_ASSERT(opened.has_value());
  return std::move(*opened);
}

Result<void> PostgresOnReactor::write_from_outside(Work work) {
  return write_beside(url_, work);
}

std::unique_ptr<DatabaseSubject> make_subject(Adapter adapter) {
  switch (adapter) {
    case Adapter::sqlite:
      return std::make_unique<SqliteOnReactor>();
    case Adapter::sqlite_inline:
      return std::make_unique<InlineSubject<SqliteFile>>();
    case Adapter::postgres:
      return std::make_unique<PostgresOnReactor>();
    case Adapter::postgres_inline:
      return std::make_unique<InlineSubject<PostgresDatabase>>();
  }
  return nullptr;
}

}  // namespace perkline::test
