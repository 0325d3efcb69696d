#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "shared/core/random.hpp"
#include "tests/support/running_reactor.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::test {

/// A migrated database of the engine under test behind the daemon's own adapter, for many writers at once.
class LiveHub {
 public:
  LiveHub() {
    reactor_.run([&] { database_ = hub::db::open_database(*reactor_, place_.url()).value(); });
    EXPECT_TRUE(reactor_.await(hub::db::migrate(*database_, clock_, ids_)));
  }
  ~LiveHub() {
    reactor_.run([&] { database_.reset(); });
  }

  using Work = std::function<Result<void>(hub::db::Transaction&)>;

  Result<void> write(Work work) { return reactor_.await(database_->write(std::move(work))); }
  Result<void> read(Work work) { return reactor_.await(database_->read(std::move(work))); }
  /// All of them at once, each in a transaction of its own; their results in this order.
  std::vector<Result<void>> write_all(std::vector<Work> works) {
    std::vector<Result<void>> results(works.size());
    Running running{.left = works.size(), .done = {}};
    for (std::size_t i = 0; i < works.size(); ++i)
      reactor_->spawn(one(*database_, std::move(works[i]), results[i], running));
    running.done.get_future().wait();
    return results;
  }
  std::int64_t number(std::string sql, std::vector<hub::db::Value> parameters = {}) {
    std::int64_t found = 0;
    EXPECT_TRUE(read([&](hub::db::Transaction& transaction) -> Result<void> {
      auto rows = transaction.query(sql, parameters);
      if (!rows) return failure(rows);
      found = rows->at(0).integer(0);
      return {};
    })) << sql;
    return found;
  }

  const Clock& clock() const { return clock_; }
  UuidMaker& ids() { return ids_; }
  hub::db::Database& port() { return *database_; }
  RunningReactor& reactor() { return reactor_; }

 private:
  /// Counted down on the reactor's thread.
  struct Running {
    std::size_t left;
    std::promise<void> done;
  };
  static Task<void> one(hub::db::Database& database, Work work, Result<void>& result, Running& running) {
    result = co_await database.write(std::move(work));
    if (--running.left == 0) running.done.set_value();
  }

  TempDir folder_;
  DatabasePlace place_{folder_.file("hub.db")};
  SystemClock clock_;
  SystemRng rng_;
  UuidMaker ids_{clock_, rng_};
  RunningReactor reactor_;
  // Made and destroyed on the reactor's thread.
  std::unique_ptr<hub::db::Database> database_;
};

}  // namespace perkline::test
