#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "hub/db/postgres.hpp"
#include "hub/db/sqlite.hpp"
#include "shared/net/reactor.hpp"
#include "tests/support/postgres_database.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {

/// A database adapter under test, empty at first, with a way to await it from the test's thread.
class DatabaseSubject {
 public:
  virtual ~DatabaseSubject() = default;
  using Work = std::function<Result<void>(hub::db::Transaction&)>;
  virtual Result<void> write(Work work) = 0;
  virtual Result<void> read(Work work) = 0;
  /// All at once, as far as the adapter can; the results in the same order.
  virtual std::vector<Result<void>> write_all(std::vector<Work> works) = 0;
  /// Ends the adapter and opens the same database anew.
  virtual void reopen() = 0;
  /// As another process would; also from inside another call's work.
  virtual Result<void> write_from_outside(Work work) = 0;
};

/// Which adapters there are; tests are parametrised by it.
enum class Adapter : std::uint8_t { sqlite, sqlite_inline, postgres, postgres_inline };
std::unique_ptr<DatabaseSubject> make_subject(Adapter adapter);

/// An adapter with threads on a reactor that runs on a thread of its own.
class OnReactor : public DatabaseSubject {
 public:
  ~OnReactor() override;
  Result<void> write(Work work) override;
  Result<void> read(Work work) override;
  std::vector<Result<void>> write_all(std::vector<Work> works) override;
  void reopen() override;

  /// Starts all without waiting; `done(i, result)` is called on the reactor's thread, in the order they end.
  void start_all(std::vector<Work> works, std::function<void(std::size_t, Result<void>)> done);
  void start_all_reads(std::vector<Work> works, std::function<void(std::size_t, Result<void>)> done);

 protected:
  OnReactor();
  virtual std::unique_ptr<hub::db::Database> open(net::Reactor& reactor) = 0;
  void start();
  void stop();

 private:
  using Call = Task<Result<void>> (hub::db::Database::*)(Work);
  void start_all(Call call, std::vector<Work> works, std::function<void(std::size_t, Result<void>)> done);
  struct Running;
  std::unique_ptr<Running> running_;
};

class SqliteOnReactor final : public OnReactor {
 public:
  explicit SqliteOnReactor(hub::db::SqliteOptions options = {});
  ~SqliteOnReactor() override;
  Result<void> write_from_outside(Work work) override;
  const std::string& path() const { return path_; }

 private:
  std::unique_ptr<hub::db::Database> open(net::Reactor& reactor) override;

  TempDir dir_;
  std::string path_;
  hub::db::SqliteOptions options_;
};

/// On a database of a test's own, or of somebody else's.
class PostgresOnReactor final : public OnReactor {
 public:
  explicit PostgresOnReactor(hub::db::PostgresOptions options = {});
  PostgresOnReactor(std::string url, hub::db::PostgresOptions options);
  ~PostgresOnReactor() override;
  Result<void> write_from_outside(Work work) override;
  const std::string& url() const { return url_; }

 private:
  std::unique_ptr<hub::db::Database> open(net::Reactor& reactor) override;

  std::optional<PostgresDatabase> own_;
  std::string url_;
  hub::db::PostgresOptions options_;
};

}  // namespace perkline::test
