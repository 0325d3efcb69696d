#pragma once

#include <memory>
#include <string>

#include "hub/db/inline_database.hpp"

namespace perkline::hub::db {

/// The same engine as Postgres on one thread, with no limit to a statement's time.
class PostgresInline final : public InlineDatabase {
 public:
  /// Whether to make the database where the server has none of that name.
  enum class IfMissing : std::uint8_t { make, fail };
  /// `database`: another than the URL's. Errors: validation_failed (the URL), not_found (no such database),
  /// database_unavailable, internal.
  static Result<std::unique_ptr<PostgresInline>> open(const std::string& url, IfMissing if_missing,
                                                      const std::string& database = {});
  ~PostgresInline() override;

  Engine engine() const override { return Engine::postgresql; }
  Result<void> write_now(const Work& work) override;
  Result<void> read_now(const Work& work) override;

 private:
  class Impl;
  explicit PostgresInline(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace perkline::hub::db
