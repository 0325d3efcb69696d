// The rows that sales leave in the hub's database, written by libpq alone: a batch is one transaction, and
// each table takes its rows of it in one statement through unnest().
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <CLI/CLI.hpp>
#include <libpq-fe.h>

#include "bench/ceiling/hub_rows.hpp"
#include "bench/ceiling/report.hpp"

namespace {

using namespace perkline;
using namespace perkline::bench;

struct Flags {
  std::string url;
  double seconds = 5;
  double warm_up = 0.5;
  std::size_t batch = 512;
  std::size_t connections = 4;  ///< A thread and a store each.
  std::uint64_t cards = 20'000;
};

[[noreturn]] void give_up(const char* what, const char* why) {
  fmt::print(stderr, "ceiling-postgres: {}: {}\n", what, why);
  std::exit(1);
}

/// One column of a statement's rows, as PostgreSQL spells an array. Nothing in it needs an escape but quotes.
class Array {
 public:
  void add(std::int64_t number) { text_ += fmt::format("{}{}", text_.size() > 1 ? "," : "", number); }
  void add(std::string_view text) {
    text_ += text_.size() > 1 ? ",\"" : "\"";
    for (const char c : text) {
      if (c == '"') text_ += '\\';
      text_ += c;
    }
    text_ += '"';
  }
  void add_null() { text_ += text_.size() > 1 ? ",NULL" : "NULL"; }
  std::string take() {
    text_ += '}';
    return std::exchange(text_, "{");
  }

 private:
  std::string text_ = "{";
};

class Answer {
 public:
  explicit Answer(PGresult* handle) : handle_(handle) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() { PQclear(handle_); }
  PGresult* get() const { return handle_; }
  int rows() const { return PQntuples(handle_); }
  std::string_view text(int row, int column) const { return PQgetvalue(handle_, row, column); }
  std::int64_t integer(int row, int column) const { return std::atoll(PQgetvalue(handle_, row, column)); }

 private:
  PGresult* handle_;
};

class Connection {
 public:
  explicit Connection(const std::string& url) : handle_(PQconnectdb(url.c_str())) {
    if (PQstatus(handle_) != CONNECTION_OK) give_up("connect", PQerrorMessage(handle_));
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { PQfinish(handle_); }

  void prepare(const char* name, const char* sql) { check(PQprepare(handle_, name, sql, 0, nullptr), name); }
  void simple(const char* sql) { check(PQexec(handle_, sql), sql); }
  /// A prepared statement.
  Answer run(const char* name, const std::vector<std::string>& values) {
    std::vector<const char*> pointers;
    for (const std::string& value : values) pointers.push_back(value.c_str());
    PGresult* result =
        PQexecPrepared(handle_, name, static_cast<int>(values.size()), pointers.data(), nullptr, nullptr, 0);
    const auto status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) give_up(name, PQerrorMessage(handle_));
    return Answer(result);
  }

 private:
  void check(PGresult* raw, const char* what) {
    const Answer result(raw);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) give_up(what, PQerrorMessage(handle_));
  }
  PGconn* handle_;
};

void prepare_all(Connection& connection) {
  connection.prepare(
      "cursor",
      "UPDATE store SET cursor_sequence = cursor_sequence + $2, cursor_hash = $3, last_seen = $4"
      " WHERE id = $1");
  connection.prepare(
      "sales",
      "INSERT INTO sale (session_id, store_id, transaction_id, customer_id, channel_id, currency, amount,"
      " earned, redeemed, new_balance, tier, receipt_id, rules_version, finalized_at, received_at, "
      "points_due,"
      " state) SELECT session, $1, transaction, card, 'till-1', 'USD', amount, earned, redeemed, balance, "
      "'Gold',"
      " receipt, '', $2, $2, 0, 'finalized' FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[],"
      " $7::bigint[], $8::bigint[], $9::bigint[], $10::text[])"
      " AS told (session, transaction, card, amount, earned, redeemed, balance, receipt)");
  // Cards come sorted, here and below, so that two batches never wait for one another.
  connection.prepare(
      "members",
      "INSERT INTO member (customer_id, tier, pdi_balance, pdi_as_of, first_seen)"
      " SELECT card, 'Gold', balance, $1, $1 FROM unnest($2::text[], $3::bigint[]) AS told (card, balance)"
      " ON CONFLICT (customer_id) DO UPDATE SET tier = excluded.tier, tier_before = member.tier,"
      " pdi_balance = excluded.pdi_balance, pdi_as_of = excluded.pdi_as_of, down_position = NULL");
  connection.prepare(
      "accounts",
      "INSERT INTO account (owner_kind, owner_id, unit, code, keeps_balance, may_be_negative, balance)"
      " SELECT 'member', card, 'points:rewards', 'rewards', 1, 1, delta"
      " FROM unnest($1::text[], $2::bigint[]) AS told (card, delta)"
      " ON CONFLICT (owner_kind, owner_id, unit, code) DO UPDATE SET balance = account.balance + "
      "excluded.balance"
      " RETURNING id, balance");
  connection.prepare(
      "store-account",
      "INSERT INTO account (owner_kind, owner_id, unit, code, keeps_balance, may_be_negative)"
      " VALUES ('store', $1, 'points:rewards', $2, 0, 1) ON CONFLICT (owner_kind, owner_id, unit,"
      " code) DO UPDATE SET keeps_balance = 0 RETURNING id");
  connection.prepare(
      "transfers",
      "INSERT INTO transfer (id, external_id, debit_account, credit_account, amount, unit, code, state,"
      " created_at, meta) SELECT id, external_id, debit, credit, amount, 'points:rewards', code, 'posted', "
      "$1,"
      " '{}' FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])"
      " AS told (id, external_id, debit, credit, amount, code) RETURNING seq");
  connection.prepare("entries",
                     "INSERT INTO entry (id, transfer_seq, account_id, delta, balance_after)"
                     " SELECT id, id / 2, account, delta, balance"
                     " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])"
                     " AS told (id, account, delta, balance)");
  connection.prepare(
      "events",
      "INSERT INTO event_outbox (id, type, version, occurred_at, traceparent, data, position, numbered_at, "
      "card)"
      " SELECT id, 'SALE_FINALIZED', 1, $1, '', data, position, $1, card"
      " FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) AS told (id, data, position, card)");
}

/// One store, one connection.
class Store {
 public:
  Store(const Flags& flags, std::size_t number, std::atomic<std::int64_t>& position)
      : flags_(flags),
        id_(ceiling_store(number)),
        maker_(flags.cards, number + 1, clock_),
        connection_(flags.url),
        position_(position) {
    prepare_all(connection_);
    issued_ = connection_.run("store-account", {id_.str(), "issued"}).integer(0, 0);
    redeemed_ = connection_.run("store-account", {id_.str(), "redeemed"}).integer(0, 0);
  }

  void batch() {
    now_ = std::to_string(clock_.wall_now().time_since_epoch().count());
    std::vector<MadeSale> sales;
    for (std::size_t i = 0; i < flags_.batch; ++i) sales.push_back(maker_.next());
    connection_.simple("BEGIN");
    connection_.run("cursor", {id_.str(), std::to_string(sales.size()), std::string(64, 'a'), now_});
    write_sales(sales);
    const auto moves = moves_of(sales);
    write_ledger(moves, move_accounts(moves));
    write_events(sales);
    connection_.simple("COMMIT");
  }

 private:
  struct Move {
    const MadeSale* sale;
    bool earned;
    std::int64_t amount() const { return earned ? sale->earned : sale->redeemed; }
    std::int64_t delta() const { return earned ? sale->earned : -sale->redeemed; }
  };
  struct Line {
    std::int64_t account = 0;
    std::int64_t balance = 0;  ///< As it was before the batch.
  };
  using Book = std::unordered_map<std::string, Line>;

  void write_sales(const std::vector<MadeSale>& sales) {
    Array sessions, transactions, cards, amounts, earned, redeemed, balances, receipts;
    std::map<std::string, std::int64_t> newest;
    for (const MadeSale& sale : sales) {
      sessions.add(sale.session.str());
      transactions.add(sale.transaction.str());
      cards.add(sale.card.str());
      amounts.add(sale.amount);
      earned.add(sale.earned);
      redeemed.add(sale.redeemed);
      balances.add(sale.balance);
      receipts.add(sale.receipt.str());
      newest[sale.card.str()] = sale.balance;
    }
    connection_.run("sales",
                    {id_.str(), now_, sessions.take(), transactions.take(), cards.take(), amounts.take(),
                     earned.take(), redeemed.take(), balances.take(), receipts.take()});
    Array members, words;
    for (const auto& [card, balance] : newest) {
      members.add(card);
      words.add(balance);
    }
    connection_.run("members", {now_, members.take(), words.take()});
  }

  static std::vector<Move> moves_of(const std::vector<MadeSale>& sales) {
    std::vector<Move> moves;
    for (const MadeSale& sale : sales) {
      moves.push_back({&sale, true});
      if (sale.redeemed > 0) moves.push_back({&sale, false});
    }
    return moves;
  }

  Book move_accounts(const std::vector<Move>& moves) {
    std::map<std::string, std::int64_t> deltas;
    for (const Move& move : moves) deltas[move.sale->card.str()] += move.delta();
    Array cards, amounts;
    for (const auto& [card, delta] : deltas) {
      cards.add(card);
      amounts.add(delta);
    }
    const auto rows = connection_.run("accounts", {cards.take(), amounts.take()});
    Book book;
    int row = 0;
    for (const auto& [card, delta] : deltas) {
      book[card] = {rows.integer(row, 0), rows.integer(row, 1) - delta};
      ++row;
    }
    return book;
  }

  void write_ledger(const std::vector<Move>& moves, Book book) {
    Array ids, external_ids, debits, credits, amounts, codes;
    for (const Move& move : moves) {
      const std::int64_t account = book.at(move.sale->card.str()).account;
      ids.add(maker_.next_id().str());
      external_ids.add((move.earned ? "sale:" : "redeem:") + move.sale->session.str());
      debits.add(move.earned ? issued_ : account);
      credits.add(move.earned ? account : redeemed_);
      amounts.add(move.amount());
      codes.add(move.earned ? "sale.earned" : "sale.redeemed");
    }
    const auto rows = connection_.run("transfers", {now_, ids.take(), external_ids.take(), debits.take(),
                                                    credits.take(), amounts.take(), codes.take()});
    Array entries, accounts, deltas, balances;
    for (std::size_t i = 0; i < moves.size(); ++i) {
      const Move& move = moves[i];
      Line& line = book.at(move.sale->card.str());
      const std::int64_t debit = 2 * rows.integer(static_cast<int>(i), 0);
      line.balance += move.delta();
      entries.add(move.earned ? debit : debit + 1);
      accounts.add(move.earned ? issued_ : redeemed_);
      deltas.add(-move.delta());
      balances.add_null();
      entries.add(move.earned ? debit + 1 : debit);
      accounts.add(line.account);
      deltas.add(move.delta());
      balances.add(line.balance);
    }
    connection_.run("entries", {entries.take(), accounts.take(), deltas.take(), balances.take()});
  }

  void write_events(const std::vector<MadeSale>& sales) {
    const std::string at = format_time(clock_.wall_now());
    std::int64_t position = position_.fetch_add(static_cast<std::int64_t>(sales.size()));
    Array ids, data, positions, cards;
    for (const MadeSale& sale : sales) {
      ids.add(maker_.next_id().str());
      data.add(sale_event(sale, id_, at));
      positions.add(++position);
      cards.add(sale.card.str());
    }
    connection_.run("events", {now_, ids.take(), data.take(), positions.take(), cards.take()});
  }

  const SystemClock clock_;
  const Flags& flags_;
  StoreId id_;
  SaleMaker maker_;
  Connection connection_;
  std::atomic<std::int64_t>& position_;  ///< Of the newest event.
  std::int64_t issued_ = 0;
  std::int64_t redeemed_ = 0;
  std::string now_;
};

/// All stores at once for so long.
void run(std::vector<std::unique_ptr<Store>>& stores, double seconds, std::size_t batch, Measured& all) {
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (const auto& store : stores) {
    threads.emplace_back([&, writer = store.get()] {
      Measured own("");
      while (own.elapsed().count() < seconds) {
        const auto began = Measured::Clock::now();
        writer->batch();
        own.add(batch, Measured::Clock::now() - began);
      }
      const std::scoped_lock lock(mutex);
      all.merge(own);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The hub's rows by PostgreSQL alone", "ceiling-postgres");
  Flags flags;
  app.add_option("--url", flags.url, "postgresql://… of a database that is empty, or not there yet")
      ->required();
  app.add_option("--seconds", flags.seconds)->check(CLI::PositiveNumber);
  app.add_option("--warm-up", flags.warm_up, "seconds before that, not counted")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--batch", flags.batch, "sales a commit")->check(CLI::Range(1, 100'000));
  app.add_option("--connections", flags.connections)->check(CLI::Range(1, 64));
  app.add_option("--cards", flags.cards)->check(CLI::Range(2, 10'000'000));
  CLI11_PARSE(app, argc, argv);
  if (const auto made = make_hub_schema(flags.url, flags.connections); !made) {
    fmt::print(stderr, "ceiling-postgres: {}\n", made.error().detail);
    return 1;
  }
  std::atomic<std::int64_t> position{0};
  std::vector<std::unique_ptr<Store>> stores;
  for (std::size_t i = 0; i < flags.connections; ++i)
    stores.push_back(std::make_unique<Store>(flags, i, position));
  Measured warm_up("warm-up");
  run(stores, flags.warm_up, flags.batch, warm_up);
  Measured measured("ceiling-postgres");
  run(stores, flags.seconds, flags.batch, measured);
  measured.print();
  return 0;
}
