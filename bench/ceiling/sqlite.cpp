// The rows that a sale, or a member's call, leaves in the hub's database, written by SQLite's C API alone:
// one thread, prepared statements, a commit a batch, WAL with synchronous=FULL as the hub has it.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <stdlib.h>

#include <CLI/CLI.hpp>

#include "bench/ceiling/bare_sqlite.hpp"
#include "bench/ceiling/hub_rows.hpp"
#include "bench/ceiling/report.hpp"

namespace {

using namespace perkline;
using namespace perkline::bench;

struct Flags {
  double seconds = 5;
  double warm_up = 0.5;
  std::size_t batch = 512;  ///< Sales, as the stores send them; calls.
  std::size_t stores = 10;
  std::uint64_t cards = 20'000;  ///< Or members.
  std::string folder;
  std::string rows = "sales";
};

constexpr std::int64_t money_of_member = 1'000'000'000;
constexpr std::int64_t points_of_member = 1'000'000;
/// More than can be claimed in a second.
constexpr double claims_a_second = 40'000;

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
      const std::int64_t side =
          writer_.bare_account("store", store.str(), unit, earned ? "issued" : "redeemed");
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
    writer_.event(maker.next_id().str(), "SALE_FINALIZED", now, sale_event(sale, store, at), sale.card.str());
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

/// Members, and what their calls have in common: each under an Idempotency-Key, its answer kept.
class Calls {
 public:
  Calls(sqlite3* database, const Flags& flags) : batch_size_(flags.batch), writer_(database) {
    for (std::uint64_t i = 0; i < flags.cards; ++i) members_.push_back(ids_.next().str());
  }

  virtual ~Calls() = default;

  void batch() {
    writer_.begin();
    for (std::size_t i = 0; i < batch_size_; ++i) write();
    writer_.commit();
  }

 protected:
  virtual void write() = 0;
  std::int64_t now() const { return clock_.wall_now().time_since_epoch().count(); }
  std::string time_now() const { return format_time(clock_.wall_now()); }
  std::string next_id() { return ids_.next().str(); }
  const std::string& any_member() { return members_[rng_.below(members_.size())]; }

  std::size_t batch_size_;
  std::vector<std::string> members_;
  Writer writer_;

 private:
  const SystemClock clock_;
  SeededRng rng_{1};
  UuidMaker ids_{clock_, rng_};
};

const std::string money = "money:USD";
const std::string points = "points:programme";

/// A cent between random members.
class Transfers final : public Calls {
 public:
  Transfers(sqlite3* database, const Flags& flags)
      : Calls(database, flags),
        wallet_(database, "INSERT INTO wallet (user_id, currency, created_at) VALUES (?1, 'USD', 0)") {
    writer_.begin();
    for (const std::string& member : members_) {
      wallet_.run(member);
      writer_.move("user", member, money, "wallet", 0, money_of_member);
    }
    writer_.commit();
  }

 private:
  void write() override {
    const std::string& payer = any_member();
    const std::string& payee = any_member();
    if (payer == payee) return;
    const std::string id = next_id();
    const auto [debit, payer_has] = writer_.move("user", payer, money, "wallet", 0, -1);
    const auto [credit, payee_has] = writer_.move("user", payee, money, "wallet", 0, 1);
    const std::int64_t sequence =
        writer_.transfer(id, "transfer:" + id, debit, credit, 1, money, "transfer", now());
    writer_.entry(2 * sequence, debit, -1, payer_has);
    writer_.entry(2 * sequence + 1, credit, 1, payee_has);
    writer_.event(next_id(), "WALLET_DEBITED", now(), wallet_event(payer, "0.01", "transfer", id));
    writer_.event(next_id(), "WALLET_CREDITED", now(), wallet_event(payee, "0.01", "transfer", id));
    writer_.answer(
        payer, "POST /api/v1/wallet/transfers", next_id(),
        fmt::format(R"({{"id":"{}","amount":"0.01","currency":"USD","createdAt":"{}","balance":)"
                    R"({{"currency":"USD","available":"{}.00","held":"0.00"}},"from":"{}","to":"{}",)"
                    R"("note":null}})",
                    id, time_now(), payer_has, payer, payee),
        now());
  }

  Statement wallet_;
};

/// For a point each, of which every third wins one: what the wheel gives with the prizes it begins with.
class Spins final : public Calls {
 public:
  Spins(sqlite3* database, const Flags& flags)
      : Calls(database, flags),
        spend_lot_(database,
                   "UPDATE lot SET remaining = remaining - ?3 WHERE account_id = ?1 AND transfer_seq = ?2"),
        lot_(database,
             "INSERT INTO lot (account_id, transfer_seq, remaining, expires_at) VALUES (?1, ?2, ?3, ?4)"),
        seed_(database,
              "INSERT INTO wheel_seed (store_id, day, commitment, made_at) VALUES ('', 0, 'bare', 0)"),
        secret_(database, "INSERT INTO wheel_secret (seed_id, seed) VALUES (?1, 'bare')"),
        nonce_(database,
               "INSERT INTO wheel_nonce (seed_id, member, nonce) VALUES (?1, ?2, 1) ON CONFLICT (seed_id, "
               "member)"
               " DO UPDATE SET nonce = wheel_nonce.nonce + 1 RETURNING nonce"),
        spin_(database,
              "INSERT INTO spin (id, user_id, member, client_seed, seed_id, nonce, table_id, prize_id,"
              " prize_name, prize_type, cost, points, created_at, took_unit)"
              " VALUES (?1, ?2, ?2, '', ?3, ?4, 1, ?5, ?6, ?7, 1, ?8, ?9, 0)") {
    writer_.begin();
    seed_.run();
    seed_id_ = sqlite3_last_insert_rowid(database);
    secret_.run(seed_id_);
    for (const std::string& member : members_) {
      const auto [account, balance] = writer_.move("user", member, points, "points", 0, points_of_member);
      const std::int64_t sequence =
          post_points("give:" + member, "issued", member, points_of_member, "adjust");
      lot_.run(account, sequence, points_of_member, now() + year_ms);
      lots_.emplace(member, Lot{account, sequence});
    }
    writer_.commit();
  }

 private:
  struct Lot {
    std::int64_t account;
    std::int64_t sequence;
  };
  static constexpr std::int64_t year_ms = 365LL * 24 * 3600 * 1000;

  /// Sequence of a transfer of points, positive to the member, with both its entries.
  std::int64_t post_points(const std::string& external_id, const std::string& other,
                           const std::string& member, std::int64_t delta, const std::string& code) {
    const std::int64_t side = writer_.bare_account("system", "hub", points, other);
    const auto [account, balance] = writer_.move("user", member, points, "points", 0, delta);
    const bool given = delta > 0;
    const std::int64_t sequence =
        writer_.transfer(next_id(), external_id, given ? side : account, given ? account : side,
                         given ? delta : -delta, points, code, now());
    writer_.entry_without_balance(2 * sequence + (given ? 0 : 1), side, -delta);
    writer_.entry(2 * sequence + (given ? 1 : 0), account, delta, balance);
    return sequence;
  }

  void write() override {
    static const std::string prize = "0190163d-8694-7000-8000-000000000001";
    const std::string& member = any_member();
    const std::string id = next_id();
    const Lot& lot = lots_.at(member);
    const std::int64_t won = ++spun_ % 3 == 0 ? 1 : 0;
    post_points("spin:" + id, "spins", member, -1, "spin");
    spend_lot_.run(lot.account, lot.sequence, std::int64_t{1});
    nonce_.start(seed_id_, member);
    const std::int64_t nonce = nonce_.column(0);
    nonce_.finish();
    const std::string name = won != 0 ? "Coupon" : "Lottery ticket";
    const std::string type = won != 0 ? "coupon" : "lottery_ticket";
    spin_.run(id, member, seed_id_, nonce, prize, name, type, won, now());
    if (won != 0) {
      const std::int64_t sequence = post_points("prize:" + id, "issued", member, won, "prize");
      lot_.run(lot.account, sequence, won, now() + year_ms);
    }
    const std::string told =
        fmt::format(R"("spinId":"{}","userId":"{}","prizeId":"{}","prizeName":"{}","prizeType":"{}")", id,
                    member, prize, name, type);
    writer_.event(next_id(), "SPIN_EXECUTED", now(),
                  fmt::format(R"({{{},"cost":1,"pointsAwarded":{},"channel":"web"}})", told, won));
    writer_.event(next_id(), "PRIZE_AWARDED", now(),
                  fmt::format(R"({{{},"points":{},"channel":"web"}})", told, won));
    writer_.answer(
        member, "POST /api/v1/spin", next_id(),
        fmt::format(R"({{"spinId":"{}","prize":{{"id":"{}","name":"{}","type":"{}"}},"pointsAwarded":{},)"
                    R"("balance":999999,"proof":{{"spinId":"{}","member":"{}","clientSeed":"","nonce":{},)"
                    R"("commitment":"{}","table":"{}"}}}})",
                    id, prize, name, type, won, id, member, nonce, std::string(64, 'a'),
                    std::string(220, 't')),
        now());
  }

  Statement spend_lot_, lot_, seed_, secret_, nonce_, spin_;
  std::map<std::string, Lot> lots_;
  std::int64_t seed_id_ = 0;
  std::uint64_t spun_ = 0;
};

/// Of promotions that everybody was assigned beforehand.
class Claims final : public Calls {
 public:
  Claims(sqlite3* database, const Flags& flags)
      : Calls(database, flags),
        promotion_(
            database,
            "INSERT INTO promotion (id, title, description, type, amount, currency, first_day, last_day,"
            " is_active, created_at) VALUES (?1, 'Bonus', 'A dollar for whoever asks', 'BONUS', 100, 'USD',"
            " 0, 1, 1, 0)"),
        assignment_(
            database,
            "INSERT INTO promotion_assignment (promotion_id, user_id, assigned_at) VALUES (?1, ?2, ?3)"),
        claim_(database,
               "UPDATE promotion_assignment SET claimed_at = ?3, channel = 'web', transfer_id = ?4"
               " WHERE promotion_id = ?1 AND user_id = ?2 AND claimed_at IS NULL") {
    const auto enough = static_cast<std::size_t>((flags.seconds + flags.warm_up) * claims_a_second);
    writer_.begin();
    while (assigned_.size() < enough) {
      promotions_.push_back(next_id());
      promotion_.run(promotions_.back());
      for (std::size_t member = 0; member < members_.size(); ++member) {
        assignment_.run(promotions_.back(), members_[member], now());
        assigned_.push_back({promotions_.size() - 1, member});
      }
    }
    writer_.commit();
    std::ranges::shuffle(assigned_, std::mt19937_64(1));
  }

 private:
  struct Assigned {
    std::size_t promotion;
    std::size_t member;
  };

  void write() override {
    if (assigned_.empty()) {
      fmt::print(stderr, "ceiling-sqlite: everything is claimed\n");
      std::exit(1);
    }
    const std::string& promotion = promotions_[assigned_.back().promotion];
    const std::string& member = members_[assigned_.back().member];
    assigned_.pop_back();
    const std::string id = next_id();
    claim_.run(promotion, member, now(), id);
    const std::int64_t side = writer_.bare_account("system", "hub", money, "promotions");
    const auto [account, balance] = writer_.move("user", member, money, "wallet", 0, 100);
    const std::int64_t sequence = writer_.transfer(id, "promotion:" + promotion + ':' + member, side, account,
                                                   100, money, "promotion", now());
    writer_.entry_without_balance(2 * sequence, side, -100);
    writer_.entry(2 * sequence + 1, account, 100, balance);
    const std::string at = time_now();
    writer_.event(next_id(), "WALLET_CREDITED", now(), wallet_event(member, "1.00", "promotion", id));
    writer_.event(next_id(), "PROMOTION_CLAIMED", now(),
                  fmt::format(R"({{"promotionId":"{}","userId":"{}","title":"Bonus","description":)"
                              R"("A dollar for whoever asks","type":"BONUS","startDate":"2026-11-21",)"
                              R"("amount":"1.00","currency":"USD","transactionId":"{}","channel":"web",)"
                              R"("claimedAt":"{}"}})",
                              promotion, member, id, at));
    writer_.answer(
        member, "POST /api/v1/promotions/claim", next_id(),
        fmt::format(
            R"({{"claim":{{"promotionId":"{}","userId":"{}","claimed":true,"claimedAt":"{}"}},)"
            R"("transaction":{{"id":"{}","userId":"{}","amount":"1.00","currency":"USD",)"
            R"("transactionType":"CREDIT","description":"Claimed 'Bonus' promotion","additionalData":)"
            R"({{"promotionId":"{}"}},"createdAt":"{}"}},"balance":{{"currency":"USD",)"
            R"("available":"{}.00","held":"0.00"}}}})",
            promotion, member, at, id, member, promotion, at, balance / 100),
        now());
  }

  Statement promotion_, assignment_, claim_;
  std::vector<std::string> promotions_;
  std::vector<Assigned> assigned_;
};

template <class Work>
void measure(sqlite3* database, const Flags& flags) {
  Work work(database, flags);
  // Pages, prepared statements and most members are there after this.
  for (const Measured warm_up("warm-up"); warm_up.elapsed().count() < flags.warm_up;) work.batch();
  Measured measured("ceiling-sqlite " + flags.rows);
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
  app.add_option("--warm-up", flags.warm_up, "seconds before that, not counted")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--batch", flags.batch, "sales or calls a commit")->check(CLI::Range(1, 100'000));
  app.add_option("--stores", flags.stores)->check(CLI::Range(1, 10'000));
  app.add_option("--cards", flags.cards, "or members")->check(CLI::Range(2, 10'000'000));
  app.add_option("--folder", flags.folder,
                 "for the database, which goes afterwards; by default a temporary one");
  app.add_option("--rows", flags.rows, "whose")
      ->check(CLI::IsMember({"sales", "transfers", "spins", "claims"}));
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
  std::optional<Checkpointer> checkpointer(std::in_place, database, path);
  if (flags.rows == "sales") measure<Sales>(database, flags);
  if (flags.rows == "transfers") measure<Transfers>(database, flags);
  if (flags.rows == "spins") measure<Spins>(database, flags);
  if (flags.rows == "claims") measure<Claims>(database, flags);
  checkpointer.reset();
  sqlite3_close(database);
  std::filesystem::remove_all(folder);
  return 0;
}
