#pragma once

#include <cstdint>
#include <string>

namespace perkline::test {

/// Where tests that are told so (`PERKLINE_TEST_DATABASE=postgresql`) have their databases instead of SQLite.
bool on_postgres();

/// The database of the fixture's cluster that has the schema of this version and nothing else.
inline constexpr const char* migrated_database = "hub_migrated";

enum class Schema : std::uint8_t {
  none,    ///< Whoever opens the database first makes it.
  copied,  ///< It is there with this version's schema, copied where there is one to copy; else as none.
};

/// A database of a test's own, gone with this, on a cluster that tests share: that of ctest's fixture
/// (postgres_fixture.cpp) while there is one, else one that this process starts for itself with its first.
/// Commits need not survive a crash there.
class PostgresDatabase {
 public:
  explicit PostgresDatabase(Schema schema = Schema::none);
  PostgresDatabase(const PostgresDatabase&) = delete;
  PostgresDatabase& operator=(const PostgresDatabase&) = delete;
  ~PostgresDatabase();
  const std::string& url() const { return url_; }

 private:
  std::string name_;
  std::string url_;
};

}  // namespace perkline::test
