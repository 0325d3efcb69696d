#pragma once

#include <string>

namespace perkline::test {

/// Where tests that are told so (`PERKLINE_TEST_DATABASE=postgresql`) have their databases instead of SQLite.
bool on_postgres();

/// A database of a test's own, made by whoever opens it first and gone with this, on a cluster that tests
/// share: that of ctest's fixture (postgres_fixture.cpp) while there is one, else one that this process
/// starts for itself with its first. Commits need not survive a crash there.
class PostgresDatabase {
 public:
  PostgresDatabase();
  PostgresDatabase(const PostgresDatabase&) = delete;
  PostgresDatabase& operator=(const PostgresDatabase&) = delete;
  ~PostgresDatabase();
  const std::string& url() const { return url_; }

 private:
  std::string name_;
  std::string url_;
};

}  // namespace perkline::test
