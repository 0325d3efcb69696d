#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/db/bulk_statement.hpp"
#include "hub/db/open.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/random.hpp"

namespace perkline::test {

/// A running hub's database, looked into and written to past the hub. One thread.
class DatabaseBeside {
 public:
  explicit DatabaseBeside(const std::string& url)
      : database_(hub::db::open_for_tool(url, hub::db::IfMissing::fail).value()) {}

  void write(const std::function<Result<void>(hub::db::Transaction&)>& work) {
    const auto done = database_->write_now(work);
    EXPECT_TRUE(done) << done.error().detail;
  }
  /// The one number that a query gives.
  std::int64_t number(const std::string& sql) {
    std::int64_t found = -1;
    const auto done = database_->read_now([&](hub::db::Transaction& transaction) -> Result<void> {
      auto rows = transaction.query(sql);
      if (!rows) return failure(rows);
      found = rows->at(0).integer(0);
      return {};
    });
    EXPECT_TRUE(done) << done.error().detail;
    return found;
  }
  /// Members with an address each, without the seconds that as many passwords take; their ids.
  std::vector<std::string> add_members(int count, const std::string& name = "m") {
    std::vector<std::string> members;
    std::vector<hub::db::Value> rows;
    for (int i = 0; i < count; ++i) {
      members.push_back(ids_.next().str());
      const std::string email = name + std::to_string(i) + "@example.com";
      hub::db::append_row(rows, members.back(), email, email);
    }
    write([&](hub::db::Transaction& transaction) -> Result<void> {
      static const hub::db::BulkStatement insert(
          "INSERT INTO users (id, email, email_key, name, role, active, password_hash, created_at) VALUES ",
          "(?, ?, ?, 'n', 'member', 1, 'x', 1)");
      auto added = insert.run(transaction, rows);
      if (!added) return failure(added);
      return {};
    });
    return members;
  }
  UuidMaker& ids() { return ids_; }

 private:
  SystemClock clock_;
  SystemRng rng_;
  UuidMaker ids_{clock_, rng_};
  std::unique_ptr<hub::db::InlineDatabase> database_;
};

}  // namespace perkline::test
