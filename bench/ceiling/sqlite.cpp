// The rows that a sale, or a transfer between wallets, leaves in the hub's database, written by SQLite's C
// API alone: one thread, prepared statements, a commit a batch, WAL with synchronous=FULL as the hub has it.
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <sqlite3.h>

#include "bench/ceiling/hub_rows.hpp"
#include "bench/ceiling/report.hpp"

namespace {

using namespace perkline;
using namespace perkline::bench;

struct Flags {
  double seconds = 5;
  std::size_t batch = 512;  ///< Sales, as the stores send them; transfers.
  std::size_t stores = 10;
  std::uint64_t cards = 20'000;  ///< Or members.
  std::string folder;
  bool transfers = false;
};

[[noreturn]] void give_up(sqlite3* database, const char* what) {
  fmt::print(stderr, "ceiling-sqlite: {}: {}\n", what, sqlite3_errmsg(database));
  std::exit(1);
}

class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    if (sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr) != SQLITE_OK)
      give_up(database, sql);
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(handle_); }

  template <class... Values>
  void run(const Values&... values) {
    start(values...);
    finish();
  }
  /// With RETURNING: whether there is a row, whose columns are there until finish().
  template <class... Values>
  bool start(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    const int code = sqlite3_step(handle_);
    if (code != SQLITE_DONE && code != SQLITE_ROW) give_up(database_, sqlite3_sql(handle_));
    return code == SQLITE_ROW;
  }
  std::int64_t column(int number) { return sqlite3_column_int64(handle_, number); }
  void finish() { sqlite3_reset(handle_); }

 private:
  void bind(int index, std::int64_t number) { sqlite3_bind_int64(handle_, index, number); }
  void bind(int index, const std::string& text) {
    sqlite3_bind_text(handle_, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }

  sqlite3* database_;
  sqlite3_stmt* handle_ = nullptr;
};

sqlite3* open_bare(const std::string& path) {
  sqlite3* database = nullptr;
  if (sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) !=
      SQLITE_OK)
    give_up(database, "open");
  // As the hub's writer has it.
  const char* set_up =
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
      "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 10000";
  if (sqlite3_exec(database, set_up, nullptr, nullptr, nullptr) != SQLITE_OK) give_up(database, set_up);
  return database;
}

/// What both kinds write: a transfer with its entries, and events.
class Writer {
 public:
  explicit Writer(sqlite3* database) : database_(database) {}

  void begin() { begin_.run(); }
  void commit() { commit_.run(); }

  /// The account's id and its balance, moved by `delta`; makes the account if need be.
  std::pair<std::int64_t, std::int64_t> move(const std::string& kind, const std::string& owner,
                                             const std::string& unit, const std::string& code,
                                             std::int64_t may_be_negative, std::int64_t delta) {
    std::pair<std::int64_t, std::int64_t> moved;
    if (account_.start(kind, owner, unit, code, delta)) {
      moved = {account_.column(0), account_.column(1)};
    } else {
      new_account_.run(kind, owner, unit, code, may_be_negative, delta);
      moved = {sqlite3_last_insert_rowid(database_), delta};
    }
    account_.finish();
    return moved;
  }
  /// A store's own account, which keeps no balance.
  std::int64_t store_account(const std::string& store, const std::string& code) {
    const auto [place, fresh] = store_accounts_.try_emplace(store + code);
    if (fresh) {
      store_account_.run(store, code);
      place->second = sqlite3_last_insert_rowid(database_);
    }
    return place->second;
  }

  /// Sequence of the transfer.
  std::int64_t transfer(const std::string& id, const std::string& external_id, std::int64_t debit,
                        std::int64_t credit, std::int64_t amount, const std::string& unit,
                        const std::string& code, std::int64_t at) {
    transfer_.run(id, external_id, debit, credit, amount, unit, code, at);
    return sqlite3_last_insert_rowid(database_);
  }
  void entry(std::int64_t id, std::int64_t account, std::int64_t delta, std::int64_t balance) {
    entry_.run(id, id / 2, account, delta, balance);
  }
  void entry_without_balance(std::int64_t id, std::int64_t account, std::int64_t delta) {
    bare_entry_.run(id, id / 2, account, delta);
  }
  void event(const std::string& id, const std::string& type, std::int64_t at, const std::string& data) {
    event_.run(id, type, at, data, ++position_, at);
  }

 private:
  sqlite3* database_;
  Statement begin_{database_, "BEGIN IMMEDIATE"};
  Statement commit_{database_, "COMMIT"};
  Statement account_{database_,
                     "UPDATE account SET balance = balance + ?5 WHERE owner_kind = ?1 AND owner_id = ?2"
                     " AND unit = ?3 AND code = ?4 RETURNING id, balance"};
  Statement new_account_{database_,
                         "INSERT INTO account (owner_kind, owner_id, unit, code, keeps_balance,"
                         " may_be_negative, balance) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)"};
  Statement store_account_{database_,
                           "INSERT INTO account (owner_kind, owner_id, unit, code, keeps_balance,"
                           " may_be_negative) VALUES ('store', ?1, 'points:rewards', ?2, 0, 1)"};
  Statement transfer_{
      database_,
      "INSERT INTO transfer (id, external_id, debit_account, credit_account, amount, unit,"
      " code, state, created_at, meta) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'posted', ?8, '{}')"};
  Statement entry_{database_,
                   "INSERT INTO entry (id, transfer_seq, account_id, delta, balance_after)"
                   " VALUES (?1, ?2, ?3, ?4, ?5)"};
  Statement bare_entry_{database_,
                        "INSERT INTO entry (id, transfer_seq, account_id, delta) VALUES (?1, ?2, ?3, ?4)"};
  Statement event_{database_,
                   "INSERT INTO event_outbox (id, type, version, occurred_at, traceparent, data, position,"
                   " numbered_at) VALUES (?1, ?2, 1, ?3, '', ?4, ?5, ?6)"};
  std::map<std::string, std::int64_t> store_accounts_;
  std::int64_t position_ = 0;
};

/// One store's batch after another's.
class Sales {
 public:
  Sales(sqlite3* database, const Flags& flags) : database_(database), flags_(flags) {
    for (std::size_t i = 0; i < flags.stores; ++i) makers_.emplace_back(flags.cards, i + 1, clock_);
  }

  void batch() {
    const std::size_t turn = batches_++;
    SaleMaker& maker = makers_[turn % makers_.size()];
    const StoreId store = ceiling_store(turn % makers_.size());
    const std::int64_t now = clock_.wall_now().time_since_epoch().count();
    const std::string at = format_time(clock_.wall_now());
    writer_.begin();
    for (std::size_t i = 0; i < flags_.batch; ++i) write(maker, store, now, at);
    cursor_.run(store.str(), static_cast<std::int64_t>(flags_.batch), std::string(64, 'a'), now);
    writer_.commit();
  }

 private:
  void write(SaleMaker& maker, const StoreId& store, std::int64_t now, const std::string& at) {
    static const std::string unit = "points:rewards";
    const MadeSale sale = maker.next();
    sale_.run(sale.session.str(), store.str(), sale.transaction.str(), sale.card.str(), sale.amount,
              sale.earned, sale.redeemed, sale.balance, sale.receipt.str(), now);
    member_.run(sale.card.str(), sale.balance, now);
    const auto post = [&](const char* kind, bool earned, std::int64_t amount) {
      const std::int64_t side = writer_.store_account(store.str(), earned ? "issued" : "redeemed");
      const auto [account, balance] =
          writer_.move("member", sale.card.str(), unit, "rewards", 1, earned ? amount : -amount);
      const std::int64_t sequence = writer_.transfer(maker.next_id().str(), kind + sale.session.str(),
                                                     earned ? side : account, earned ? account : side, amount,
                                                     unit, earned ? "sale.earned" : "sale.redeemed", now);
      writer_.entry_without_balance(2 * sequence + (earned ? 0 : 1), side, earned ? -amount : amount);
      writer_.entry(2 * sequence + (earned ? 1 : 0), account, earned ? amount : -amount, balance);
    };
    post("sale:", true, sale.earned);
    if (sale.redeemed > 0) post("redeem:", false, sale.redeemed);
    writer_.event(maker.next_id().str(), "SALE_FINALIZED", now, sale_event(sale, store, at));
  }

  const SystemClock clock_;
  sqlite3* database_;
  const Flags& flags_;
  std::deque<SaleMaker> makers_;
  std::size_t batches_ = 0;
  Writer writer_{database_};
  Statement cursor_{
      database_,
      "UPDATE store SET cursor_sequence = cursor_sequence + ?2, cursor_hash = ?3, last_seen = ?4"
      " WHERE id = ?1"};
  Statement sale_{database_,
                  "INSERT INTO sale (session_id, store_id, transaction_id, customer_id, channel_id, currency,"
                  " amount, earned, redeemed, new_balance, tier, receipt_id, rules_version, finalized_at,"
                  " received_at, points_due, state)"
                  " VALUES (?1, ?2, ?3, ?4, 'till-1', 'USD', ?5, ?6, ?7, ?8, 'Gold', ?9, '', ?10, ?10, 0,"
                  " 'finalized')"};
  Statement member_{database_,
                    "INSERT INTO member (customer_id, tier, pdi_balance, pdi_as_of, first_seen)"
                    " VALUES (?1, 'Gold', ?2, ?3, ?3) ON CONFLICT (customer_id) DO UPDATE SET"
                    " tier = excluded.tier, tier_before = member.tier, pdi_balance = excluded.pdi_balance,"
                    " pdi_as_of = excluded.pdi_as_of, down_position = NULL"};
};

/// Between random members, each as its call to the hub leaves it: under an Idempotency-Key, its answer kept.
class Transfers {
 public:
  Transfers(sqlite3* database, const Flags& flags) : database_(database), flags_(flags) {
    writer_.begin();
    for (std::uint64_t i = 0; i < flags.cards; ++i) {
      members_.push_back(ids_.next().str());
      wallet_.run(members_.back(), std::int64_t{0});
      writer_.move("user", members_.back(), unit(), "wallet", 0, 1'000'000'000);
    }
    writer_.commit();
  }

  void batch() {
    const std::int64_t now = clock_.wall_now().time_since_epoch().count();
    writer_.begin();
    for (std::size_t i = 0; i < flags_.batch; ++i) write(now);
    writer_.commit();
  }

 private:
  static const std::string& unit() {
    static const std::string money = "money:USD";
    return money;
  }
  void write(std::int64_t now) {
    const std::string& payer = members_[rng_.below(members_.size())];
    const std::string& payee = members_[rng_.below(members_.size())];
    if (payer == payee) return;
    const std::string id = ids_.next().str();
    const auto [debit, payer_has] = writer_.move("user", payer, unit(), "wallet", 0, -1);
    const auto [credit, payee_has] = writer_.move("user", payee, unit(), "wallet", 0, 1);
    const std::int64_t sequence =
        writer_.transfer(id, "transfer:" + id, debit, credit, 1, unit(), "transfer", now);
    writer_.entry(2 * sequence, debit, -1, payer_has);
    writer_.entry(2 * sequence + 1, credit, 1, payee_has);
    writer_.event(ids_.next().str(), "WALLET_DEBITED", now, wallet_event(payer, "0.01", id));
    writer_.event(ids_.next().str(), "WALLET_CREDITED", now, wallet_event(payee, "0.01", id));
    answer_.run(payer + " POST /api/v1/wallet/transfers", ids_.next().str(), std::string(64, 'a'),
                fmt::format(R"({{"id":"{}","amount":"0.01","currency":"USD","createdAt":"{}","balance":)"
                            R"({{"currency":"USD","available":"{}.00","held":"0.00"}},"from":"{}","to":"{}",)"
                            R"("note":null}})",
                            id, format_time(WallTime{Millis{now}}), payer_has, payer, payee),
                now);
  }

  const SystemClock clock_;
  SeededRng rng_{1};
  UuidMaker ids_{clock_, rng_};
  sqlite3* database_;
  const Flags& flags_;
  std::vector<std::string> members_;
  Writer writer_{database_};
  Statement wallet_{database_, "INSERT INTO wallet (user_id, currency, created_at) VALUES (?1, 'USD', ?2)"};
  Statement answer_{
      database_,
      "INSERT INTO idempotency (scope, key, fingerprint, status, content_type, body, created_at)"
      " VALUES (?1, ?2, ?3, 201, 'application/json', ?4, ?5)"};
};

template <class Work>
void measure(sqlite3* database, const Flags& flags) {
  Work work(database, flags);
  // Pages, prepared statements and most members are there after this.
  for (const Measured warm_up("warm-up"); warm_up.elapsed().count() < flags.seconds / 10;) work.batch();
  Measured measured(flags.transfers ? "ceiling-sqlite-transfers" : "ceiling-sqlite");
  while (measured.elapsed().count() < flags.seconds) {
    const auto began = Measured::Clock::now();
    work.batch();
    measured.add(flags.batch, Measured::Clock::now() - began);
  }
  measured.print();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The hub's rows by SQLite alone", "ceiling-sqlite");
  Flags flags;
  app.add_option("--seconds", flags.seconds)->check(CLI::PositiveNumber);
  app.add_option("--batch", flags.batch, "sales or transfers a commit")->check(CLI::Range(1, 100'000));
  app.add_option("--stores", flags.stores)->check(CLI::Range(1, 10'000));
  app.add_option("--cards", flags.cards, "or members")->check(CLI::Range(2, 10'000'000));
  app.add_option("--folder", flags.folder,
                 "for the database, which goes afterwards; by default a temporary one");
  app.add_flag("--transfers", flags.transfers, "transfers between wallets instead of sales");
  CLI11_PARSE(app, argc, argv);

  const auto parent =
      flags.folder.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(flags.folder);
  std::string folder = (parent / "ceiling-sqlite-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    fmt::print(stderr, "ceiling-sqlite: --folder: {} cannot be written to\n", parent.string());
    return 2;
  }
  const std::string path = folder + "/hub.db";
  if (const auto made = make_hub_schema("sqlite:" + path, flags.stores); !made) {
    fmt::print(stderr, "ceiling-sqlite: {}\n", made.error().detail);
    return 1;
  }
  sqlite3* database = open_bare(path);
  flags.transfers ? measure<Transfers>(database, flags) : measure<Sales>(database, flags);
  sqlite3_close(database);
  std::filesystem::remove_all(folder);
  return 0;
}
