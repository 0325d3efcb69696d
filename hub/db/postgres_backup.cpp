#include "hub/db/postgres_backup.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <thread>

#include "hub/db/postgres_error.hpp"
#include "hub/db/postgres_inline.hpp"
#include "hub/db/postgres_tool.hpp"
#include "hub/db/postgres_url.hpp"
#include "hub/db/postgres_wire.hpp"
#include "hub/db/whole_file.hpp"

namespace perkline::hub::db {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view in_use = "55006";
constexpr std::chrono::minutes patience{10};
/// How long it takes at the most to be gone, to PostgreSQL itself where it renames.
constexpr std::chrono::seconds leaving{5};
/// PostgreSQL cuts names off at 63 bytes: so much of the database's is in the names of its copies.
constexpr std::size_t stem_max = 30;

/// The database as a transaction that is under way sees it.
class OneMoment final : public InlineDatabase {
 public:
  explicit OneMoment(Transaction& transaction) : transaction_(transaction) {}
  Engine engine() const override { return Engine::postgresql; }
  Result<void> write_now(const Work&) override { return fail(Errc::internal, "a copy's check writes"); }
  Result<void> read_now(const Work& work) override { return work(transaction_); }

 private:
  Transaction& transaction_;
};

/// The server, from beside the database: for what cannot be done from within it.
class Server {
 public:
  static Result<Server> connect(const std::string& url) {
    auto wire = PostgresWire::connect(
        {.url = url, .database = "postgres", .statement_timeout = std::chrono::milliseconds{0}});
    if (!wire) return failure(wire);
    return Server(std::move(*wire));
  }

  /// All of them or none, but for those that PostgreSQL takes only alone.
  Result<void> run(const std::vector<std::string>& commands) const {
    std::vector<WireStep> steps;
    for (const std::string& command : commands) steps.push_back({.text = command});
    const auto done = wire_->exchange(steps, std::chrono::steady_clock::now() + patience);
    if (!done) return std::unexpected(done.error());
    for (const WireResult& result : *done) {
      if (!has_failed(result.get())) continue;
      const std::string_view state = state_of(result.get());
      if (state == in_use) return fail(Errc::session_state, "the database is in use: stop every hub first");
      return fail(postgres_error(state).code, reason_of(result.get()));
    }
    return {};
  }

  Result<bool> finds(const std::string& question) const {
    const std::array steps{WireStep{.text = question}};
    const auto found = wire_->exchange(steps, std::chrono::steady_clock::now() + patience);
    if (!found) return std::unexpected(found.error());
    if (has_failed(found->front().get()))
      return fail(postgres_error(state_of(found->front().get())).code, reason_of(found->front().get()));
    return row_count(found->front().get()) > 0;
  }
  Result<bool> has(const std::string& database) const {
    return finds("SELECT 1 FROM pg_database WHERE datname = " + sql_literal(database));
  }
  /// By somebody who stays: those who have just gone are seen for a moment yet. The server's own work there,
  /// as its vacuuming, is no user's, and ends when it is in the way. (Of others' sessions only whose they are
  /// may be seen by everybody.)
  Result<bool> is_in_use(const std::string& database) const {
    const auto give_up = std::chrono::steady_clock::now() + leaving;
    while (true) {
      auto busy = finds("SELECT 1 FROM pg_stat_activity WHERE usesysid IS NOT NULL AND datname = " +
                        sql_literal(database));
      if (!busy || !*busy || std::chrono::steady_clock::now() >= give_up) return busy;
      std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
  }
  Result<void> drop(const std::string& database) const {
    return run({"DROP DATABASE IF EXISTS " + sql_identifier(database)});
  }

 private:
  explicit Server(std::unique_ptr<PostgresWire> wire) : wire_(std::move(wire)) {}
  std::unique_ptr<PostgresWire> wire_;
};

/// A database that is being made; dropped unless it was put in its place.
class HalfRestored {
 public:
  HalfRestored(const Server& server, const std::string& target)
      : server_(server), name_(target.substr(0, stem_max) + "_restoring") {}
  HalfRestored(const HalfRestored&) = delete;
  HalfRestored& operator=(const HalfRestored&) = delete;
  ~HalfRestored() {
    if (!placed_) static_cast<void>(server_.drop(name_));
  }
  const std::string& name() const { return name_; }

  /// `kept`: the name that what is there gets; nullopt: nothing is.
  Result<void> put_in_place_of(const std::string& target, const std::optional<std::string>& kept) {
    std::vector<std::string> renames;
    const auto rename = [](const std::string& from, const std::string& to) {
      return "ALTER DATABASE " + sql_identifier(from) + " RENAME TO " + sql_identifier(to);
    };
    if (kept) renames.push_back(rename(target, *kept));
    renames.push_back(rename(name_, target));
    auto renamed = server_.run(renames);
    placed_ = renamed.has_value();
    return renamed;
  }

 private:
  const Server& server_;
  std::string name_;
  bool placed_ = false;
};

/// What is there as of one moment; until `work` has ended nobody adds draws to it. Who tries is connected
/// then, and so keeps it from being put aside.
Result<void> beside_what_was_there(const std::string& url, bool is_there,
                                   const std::function<Result<void>(Transaction*)>& work) {
  if (!is_there) return work(nullptr);
  auto database = PostgresInline::open(url, PostgresInline::IfMissing::fail);
  if (!database) return work(nullptr);
  return (*database)->read_now([&](Transaction& before) -> Result<void> {
    // Where it is no hub's there is nothing to lock, and nothing to read.
    const auto locked = before.attempt([&]() -> Result<void> {
      // What is done with the copy meanwhile may take long.
      for (const char* command : {"SET LOCAL idle_in_transaction_session_timeout = 0",
                                  "LOCK TABLE prize, prize_one_time, spin IN SHARE MODE"}) {
        if (auto done = before.execute(command); !done) return failure(done);
      }
      return {};
    });
    return work(locked ? &before : nullptr);
  });
}

}  // namespace

Result<void> copy_postgres(const std::string& url, const fs::path& copy, const CopyWork& check) {
  const auto name = postgres_database(url);
  if (!name) return std::unexpected(name.error());
  auto database = PostgresInline::open(url, PostgresInline::IfMissing::fail);
  if (!database) return failure(database);
  const WholeFile file(copy);
  // Other transactions that are told of it see what this one sees: what is dumped is what is checked.
  auto dumped = (*database)->read_now([&](Transaction& transaction) -> Result<void> {
    const auto snapshot = transaction.query("SELECT pg_export_snapshot()");
    if (!snapshot) return std::unexpected(snapshot.error());
    if (auto made = file.make(); !made) return made;
    auto done =
        run_postgres_tool("pg_dump",
                          {"--format=custom", "--no-owner", "--no-privileges",
                           "--snapshot=" + snapshot->front().text(0), "--file=" + file.path().string()},
                          url, *name);
    if (!done) return done;
    OneMoment moment(transaction);
    return check(moment);
  });
  if (!dumped) return dumped;
  // Reads all of it.
  if (auto whole = run_postgres_tool("pg_restore", {"--file=/dev/null", file.path().string()}, url, *name);
      !whole) {
    return whole;
  }
  return file.put_in_place();
}

Result<std::string> replace_postgres(const std::string& url, const fs::path& backup, WallTime now,
                                     const RestoreWork& prepare) {
  const auto name = postgres_database(url);
  if (!name) return std::unexpected(name.error());
  const auto server = Server::connect(url);
  if (!server) return std::unexpected(server.error());
  const auto is_there = server->has(*name);
  if (!is_there) return std::unexpected(is_there.error());
  // Said before anything is done, as what follows may take long; the renaming says it for good.
  const auto busy = server->is_in_use(*name);
  if (!busy) return std::unexpected(busy.error());
  if (*busy) return fail(Errc::session_state, "the database is in use: stop every hub first");

  HalfRestored restored(*server, *name);
  if (auto dropped = server->drop(restored.name()); !dropped) return failure(dropped);
  {
    // Made as the hub makes its own.
    auto made = PostgresInline::open(url, PostgresInline::IfMissing::make, restored.name());
    if (!made) return failure(made);
  }
  auto filled = run_postgres_tool("pg_restore",
                                  {"--dbname=" + restored.name(), "--single-transaction", "--exit-on-error",
                                   "--no-owner", "--no-privileges", backup.string()},
                                  url, restored.name());
  if (!filled) return failure(filled);
  {
    auto database = PostgresInline::open(url, PostgresInline::IfMissing::fail, restored.name());
    if (!database) return failure(database);
    auto prepared = beside_what_was_there(url, *is_there,
                                          [&](Transaction* before) { return prepare(**database, before); });
    if (!prepared) return failure(prepared);
  }
  std::optional<std::string> kept;
  if (*is_there)
    kept = name->substr(0, stem_max) + "_before_restore_" + std::to_string(now.time_since_epoch().count());
  if (auto placed = restored.put_in_place_of(*name, kept); !placed) return failure(placed);
  return kept.value_or("");
}

}  // namespace perkline::hub::db
