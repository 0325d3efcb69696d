#include "hub/db/migrate.hpp"

#include <map>
#include <optional>
#include <utility>

#include <openssl/sha.h>

#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::hub::db {
namespace {

constexpr std::string_view incarnation = "hub_incarnation";

std::string checksum_of(std::string_view sql) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(sql.data()), sql.size(), digest.data());
  return to_hex(digest);
}

/// What the engines have no common words for (README.md).
std::string_view token_text(Engine engine, std::string_view token) {
  switch (engine) {
    case Engine::sqlite:
      if (token == "id") return "INTEGER PRIMARY KEY AUTOINCREMENT";
      if (token == "key") return "INTEGER PRIMARY KEY";
  }
  PERKLINE_ASSERT(false);
  return {};
}

std::string in_words_of(Engine engine, std::string_view sql) {
  std::string text;
  while (true) {
    const auto open = sql.find("{{");
    text += sql.substr(0, open);
    if (open == std::string_view::npos) return text;
    const auto close = sql.find("}}", open);
    PERKLINE_ASSERT(close != std::string_view::npos);
    text += token_text(engine, sql.substr(open + 2, close - open - 2));
    sql.remove_prefix(close + 2);
  }
}

using Applied = std::map<std::int64_t, std::string>;  ///< Number → checksum.

Result<Applied> read_applied(Transaction& transaction) {
  auto made = transaction.execute(
      "CREATE TABLE IF NOT EXISTS schema_migration (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL,"
      " checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)");
  if (!made) return failure(made);
  auto rows = transaction.query("SELECT number, checksum FROM schema_migration");
  if (!rows) return failure(rows);
  Applied applied;
  for (const Row& row : *rows) applied.emplace(row.integer(0), row.text(1));
  return applied;
}

std::string digits_of(std::int64_t number) {
  return std::to_string(number);
}

/// The first migration that is still to do; nullptr: none. Pure.
Result<const Migration*> next_of(std::span<const Migration> migrations, const Applied& applied) {
  const std::int64_t newest = migrations.empty() ? 0 : migrations.back().number;
  if (!applied.empty() && applied.rbegin()->first > newest) {
    return fail(Errc::newer_format, "the database has schema " + digits_of(applied.rbegin()->first) +
                                        ", this version knows " + digits_of(newest));
  }
  const Migration* next = nullptr;
  std::size_t known = 0;
  for (const Migration& migration : migrations) {
    const auto found = applied.find(migration.number);
    if (found == applied.end()) {
      if (next == nullptr) next = &migration;
      continue;
    }
    ++known;
    if (next != nullptr) {
      return fail(Errc::corrupt, "migration " + std::string(next->name) + " was left out before a later one");
    }
    if (found->second != checksum_of(migration.sql)) {
      return fail(Errc::corrupt,
                  "migration " + std::string(migration.name) + " was changed after it was applied");
    }
  }
  if (known != applied.size()) return fail(Errc::corrupt, "the database has a migration that nobody knows");
  return next;
}

Result<void> apply(Transaction& transaction, const Migration& migration, Engine engine, WallTime now) {
  for (const std::string& statement : split_statements(in_words_of(engine, migration.sql))) {
    if (auto done = transaction.execute(statement); !done) {
      done.error().detail += " (migration " + std::string(migration.name) + ")";
      return failure(done);
    }
  }
  auto noted = transaction.execute(
      "INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
      {migration.number, std::string(migration.name), checksum_of(migration.sql),
       now.time_since_epoch().count()});
  if (!noted) return failure(noted);
  return {};
}

struct Step {
  std::int64_t before = 0;
  std::int64_t after = 0;
  bool last = false;
};

Result<Step> take_step(Transaction& transaction, std::span<const Migration> migrations, Engine engine,
                       WallTime now, const Uuid& fresh) {
  auto applied = read_applied(transaction);
  if (!applied) return failure(applied);
  auto next = next_of(migrations, *applied);
  if (!next) return failure(next);
  const std::int64_t before = applied->empty() ? 0 : applied->rbegin()->first;
  if (*next != nullptr) {
    if (auto done = apply(transaction, **next, engine, now); !done) return failure(done);
    return Step{.before = before, .after = (*next)->number, .last = false};
  }
  auto drawn =
      transaction.execute("INSERT INTO hub_meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                          {std::string(incarnation), fresh.str()});
  if (!drawn) return failure(drawn);
  return Step{.before = before, .after = before, .last = true};
}

}  // namespace

Task<Result<Migrated>> migrate(Database& database, const Clock& clock, UuidMaker& uuids,
                               std::span<const Migration> migrations) {
  std::optional<std::int64_t> from;
  while (true) {
    const Uuid fresh = uuids.next();
    const WallTime now = clock.wall_now();
    auto step = co_await write_for<Step>(
        database, [migrations, now, fresh, engine = database.engine()](Transaction& transaction) {
          return take_step(transaction, migrations, engine, now, fresh);
        });
    if (!step) co_return failure(step);
    if (!from) from = step->before;
    if (step->last) co_return Migrated{.from = *from, .to = step->after};
  }
}

Result<Uuid> hub_incarnation(Transaction& transaction) {
  auto rows = transaction.query("SELECT value FROM hub_meta WHERE name = $1", {std::string(incarnation)});
  if (!rows) return failure(rows);
  auto uuid = rows->empty() ? std::nullopt : parse_uuid(rows->front().text(0));
  if (!uuid) return fail(Errc::corrupt, "the hub has no incarnation; run migrate");
  return *uuid;
}

Result<void> renew_incarnation(Transaction& transaction, const Uuid& fresh) {
  auto renewed = transaction.execute("UPDATE hub_meta SET value = $2 WHERE name = $1",
                                     {std::string(incarnation), fresh.str()});
  if (!renewed) return failure(renewed);
  return {};
}

std::vector<std::string> split_statements(std::string_view script) {
  std::vector<std::string> statements;
  std::string current;
  const auto finish = [&] {
    if (current.find_first_not_of(" \t\r\n") != std::string::npos) statements.push_back(std::move(current));
    current.clear();
  };
  for (std::size_t at = 0; at < script.size(); ++at) {
    const char c = script[at];
    if (script.substr(at).starts_with("--")) {
      at = std::min(script.find('\n', at), script.size()) - 1;
    } else if (c == '\'' || c == '"') {
      // A doubled quote inside reads as two quoted texts, which comes to the same.
      const std::size_t end = std::min(script.find(c, at + 1), script.size() - 1);
      current += script.substr(at, end - at + 1);
      at = end;
    } else if (c == ';') {
      finish();
    } else {
      current += c;
    }
  }
  finish();
  return statements;
}

}  // namespace perkline::hub::db
