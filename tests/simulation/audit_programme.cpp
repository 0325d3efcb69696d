#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "edge/programme/claim_store.hpp"
#include "edge/programme/wheel_book.hpp"
#include "hub/wallet/wallet.hpp"
#include "hub/wheel/proof.hpp"
#include "hub/wheel/seeds.hpp"
#include "hub/wheel/verify_spins.hpp"
#include "hub/wheel/verify_stock.hpp"
#include "shared/core/assert.hpp"
#include "shared/json/value.hpp"
#include "tests/simulation/audit.hpp"

namespace perkline::simulation {
namespace {

using hub::db::Row;
using hub::db::Rows;
using hub::db::Transaction;

/// All days that have a seed are over by then, whatever a clock was set to.
constexpr days until_revealed{11 * 366};
constexpr std::int64_t promotion_minor = 2000;

/// A spin as its member was told of it.
struct ToldSpin {
  std::string owner;
  std::string spin;
  std::string prize;
  std::string commitment = {};
  std::int64_t nonce = 0;
  std::string version = {};
  bool forgotten = false;
};

ToldSpin read_spin(const TillSale& sale, std::string owner) {
  const auto document = json::parse(sale.spin_body);
  PERKLINE_ASSERT(document.has_value());
  const json::Value& root = document->root();
  const json::Value& proof = *root.find("proof");
  return {.owner = std::move(owner),
          .spin = std::string(root.find("spinId")->text()),
          .prize = std::string(root.find("prize")->find("id")->text()),
          .commitment = std::string(proof.find("serverSeedHash")->text()),
          .nonce = std::stoll(std::string(proof.find("nonce")->text())),
          .version = std::string(proof.find("tableVersion")->text()),
          .forgotten = sale.forgotten};
}

class ProgrammeAuditor {
 public:
  explicit ProgrammeAuditor(const Books& books) : books_(books) {}

  void run() {
    PERKLINE_ASSERT(books_.hub.database()
                        .write_now([this](Transaction& transaction) -> Result<void> {
                          if (auto looked = look_at_spins(transaction); !looked) return looked;
                          if (auto looked = look_at_stock(transaction); !looked) return looked;
                          if (auto looked = look_at_claims(transaction); !looked) return looked;
                          return look_at_proofs(transaction);
                        })
                        .has_value());
  }

 private:
  void check(bool holds, std::string_view invariant, std::string_view detail) {
    books_.trace.check(holds, invariant, detail);
  }

  Result<void> look_at_spins(Transaction& transaction) {
    auto rows =
        transaction.query("SELECT id, prize_id, user_id, customer_id, lease_id, store_id FROM spin", {});
    if (!rows) return failure(rows);
    std::map<std::string, std::set<std::string>> by_prize;
    std::map<std::pair<std::string, std::string>, std::set<std::string>> by_owner;
    const auto won = [&](const std::string& owner, const std::string& prize, const std::string& spin) {
      by_prize[prize].insert(spin);
      by_owner[{owner, prize}].insert(spin);
    };
    std::map<std::string, std::string> at_hub;
    for (const Row& row : *rows) {
      at_hub.emplace(row.text(0), row.text(1));
      const auto user = row.optional_text(2);
      won(user ? *user : row.text(3), row.text(1), row.text(0));
      books_.figures.leased += row.is_null(4) ? 0 : 1;
      ++(row.is_null(5) ? books_.figures.web_spins : books_.figures.spins);
    }
    gather_told();
    for (const ToldSpin& told : told_) {
      won(told.owner, told.prize, told.spin);
      const auto found = at_hub.find(told.spin);
      check(found != at_hub.end() || told.forgotten, "each acknowledged spin is at the hub", told.spin);
      check(found == at_hub.end() || found->second == told.prize, "a spin's prize is what was told",
            told.spin);
    }
    return look_at_prizes(transaction, by_prize, by_owner);
  }

  void gather_told() {
    for (const TillSale& sale : books_.sales) {
      if (!sale.spin_body.empty())
        told_.push_back(read_spin(sale, books_.programme.owner_of(sale.plan.customer)));
    }
    for (const WebSpin& spin : books_.programme.web_spins())
      told_.push_back({.owner = spin.user.str(), .spin = spin.spin, .prize = spin.prize});
  }

  Result<void> look_at_prizes(
      Transaction& transaction, const std::map<std::string, std::set<std::string>>& by_prize,
      const std::map<std::pair<std::string, std::string>, std::set<std::string>>& by_owner) {
    auto prizes = transaction.query("SELECT id, name, stock, one_time FROM prize", {});
    if (!prizes) return failure(prizes);
    for (const Row& row : *prizes) {
      const auto stock = row.optional_integer(2);
      const auto won = by_prize.find(row.text(0));
      check(!stock || won == by_prize.end() || std::ssize(won->second) <= *stock,
            "no prize is given more often than there is of it", row.text(1));
      if (row.integer(3) == 0) continue;
      for (const auto& [whose, spins] : by_owner)
        check(whose.second != row.text(0) || spins.size() <= 1, "a one-time prize is won once by a member",
              row.text(1) + " by " + whose.first);
    }
    return {};
  }

  /// Leases at the hub against what the stores' journals say of them.
  Result<void> look_at_stock(Transaction& transaction) {
    const auto wrong = hub::wheel::verify_stock(transaction);
    if (!wrong) return std::unexpected(wrong.error());
    check(wrong->empty(), "stock is what is free, leased and awarded", wrong->empty() ? "" : wrong->front());
    const auto unproven = hub::wheel::verify_spins(transaction);
    if (!unproven) return std::unexpected(unproven.error());
    check(unproven->empty(), "spins agree with what they cost, gave and took",
          unproven->empty() ? "" : unproven->front());
    for (const auto& store : books_.stores) {
      if (store->is_clone()) continue;
      if (auto looked = look_at_leases(transaction, *store); !looked) return looked;
      if (store->restores > 0) continue;
      auto open =
          transaction.query("SELECT COUNT(*) FROM spin_reservation WHERE store_id = $1 AND ended_at IS NULL",
                            {store->id().str()});
      if (!open) return failure(open);
      check(open->front().integer(0) == 0, "nothing is kept for a spin that is over", store->id().str());
    }
    return {};
  }

  Result<void> look_at_leases(Transaction& transaction, Store& store) {
    auto rows =
        transaction.query("SELECT id, awarded, returned, holder, units FROM prize_lease WHERE store_id = $1",
                          {store.id().str()});
    if (!rows) return failure(rows);
    const StoreLife& life = *store.life();
    const Uuid holder = life.programme.lease_holder().value();
    const std::string present(reinterpret_cast<const char*>(holder.bytes.data()), holder.bytes.size());
    edge::programme::Offer offer;
    for (const Row& row : *rows) offer.leases[row.text(0)].id = row.text(0);
    const auto states = edge::programme::WheelBook(life.journal).lease_states(offer);
    PERKLINE_ASSERT(states.has_value());
    for (const Row& row : *rows) {
      books_.figures.leases_returned += row.integer(2) > 0 ? 1 : 0;
      // What came before a restore or an epoch is another journal's, which nobody has any more.
      if (row.text(3) != to_hex(present)) continue;
      const auto known = states->find(row.text(0));
      const auto state = known == states->end() ? edge::programme::LeaseState{} : known->second;
      check(row.integer(1) == state.drawn && row.integer(2) == state.returned,
            "a lease's units are booked as the store has drawn and returned them", row.text(0));
    }
    return {};
  }

  Result<void> look_at_claims(Transaction& transaction) {
    auto rows = transaction.query(
        "SELECT promotion_id, user_id, claim_id, channel FROM promotion_assignment WHERE claimed_at IS NOT "
        "NULL",
        {});
    if (!rows) return failure(rows);
    std::set<std::string> credited;
    std::set<std::pair<std::string, std::string>> on_the_web;
    std::map<std::string, std::int64_t> wallets;
    for (const Row& row : *rows) {
      ++books_.figures.claims;
      wallets[row.text(1)] += promotion_minor;
      if (row.text(3) == "web") on_the_web.emplace(row.text(0), row.text(1));
      if (const auto claim = row.optional_text(2)) credited.insert(*claim);
    }
    for (const WebClaim& claim : books_.programme.web_claims())
      check(on_the_web.contains({claim.promotion.str(), claim.user.str()}), "a claim on the web is credited",
            claim.promotion.str());
    for (const auto& [user, minor] : wallets) {
      const auto balance = hub::wallet::balance_in(transaction, UserId(user), *find_currency("USD"));
      if (!balance) return std::unexpected(balance.error());
      check(balance->available.minor == minor && balance->held.minor == 0, "a promotion is credited once",
            user);
    }
    return look_at_tills_claims(transaction, credited);
  }

  Result<void> look_at_tills_claims(Transaction& transaction, const std::set<std::string>& credited) {
    auto rows = transaction.query("SELECT claim_id FROM promotion_claim_refused", {});
    if (!rows) return failure(rows);
    std::set<std::string> refused;
    for (const Row& row : *rows) refused.insert(row.text(0));
    for (const TillSale& sale : books_.sales) {
      if (!sale.claim) continue;
      const TillClaim& told = *sale.claim;
      const std::string id =
          edge::programme::claim_id_of(
              books_.stores[sale.plan.store]->id(),
              {.customer = sale.plan.customer, .promotion = told.promotion, .transaction = told.transaction})
              .str();
      const std::string& name = told.transaction.str();
      const bool is_credited = credited.contains(id);
      const bool is_refused = refused.contains(id);
      check(!(is_credited && is_refused), "a claim is credited or refused", name);
      check(told.body_200.empty() || is_credited, "a claim that was answered 200 is credited", name);
      check(told.body_202.empty() || is_credited || is_refused || sale.forgotten,
            "a claim that was answered 202 is credited or refused", name);
      check(!told.refused || !is_credited, "a claim that was refused is not credited", name);
      books_.figures.refused_claims += !told.body_202.empty() && is_refused ? 1 : 0;
    }
    return {};
  }

  Result<void> look_at_proofs(Transaction& transaction) {
    const WallTime later = books_.hub.time.wall + until_revealed;
    while (true) {
      const auto revealed = hub::wheel::reveal_seeds(transaction, later, 1'000);
      if (!revealed) return std::unexpected(revealed.error());
      if (*revealed == 0) break;
    }
    auto rows = transaction.query("SELECT id FROM spin", {});
    if (!rows) return failure(rows);
    std::map<std::string, hub::wheel::Proof> proofs;
    for (const Row& row : *rows) {
      auto proof = hub::wheel::find_proof(transaction, parse_uuid(row.text(0)).value());
      if (!proof) return failure(proof);
      PERKLINE_ASSERT(proof->has_value());
      check(holds(**proof), "each draw can be made again once its seed is revealed", row.text(0));
      proofs.emplace(row.text(0), std::move(**proof));
    }
    for (const ToldSpin& told : told_) {
      const auto found = proofs.find(told.spin);
      if (found == proofs.end() || told.commitment.empty()) continue;
      const hub::wheel::Proof& proof = found->second;
      check(proof.commitment == told.commitment && proof.draw.nonce == told.nonce &&
                to_hex(loyalty::version_of(proof.table)) == told.version,
            "a draw's proof is the one that was told", told.spin);
    }
    return {};
  }

  static bool holds(const hub::wheel::Proof& proof) {
    const auto bytes = proof.seed ? from_hex(*proof.seed) : std::nullopt;
    loyalty::ServerSeed seed;
    if (!bytes || bytes->size() != seed.bytes.size()) return false;
    std::ranges::copy(*bytes, seed.bytes.begin());
    return to_hex(loyalty::commitment_of(seed)) == proof.commitment &&
           loyalty::verify(seed, {.draw = proof.draw,
                                  .table = proof.table,
                                  .version = loyalty::version_of(proof.table),
                                  .commitment = loyalty::commitment_of(seed),
                                  .prize = proof.prize})
               .has_value();
  }

  const Books& books_;
  std::vector<ToldSpin> told_;
};

}  // namespace

void audit_programme(const Books& books) {
  if (books.scenario.promotions > 0) ProgrammeAuditor(books).run();
}

}  // namespace perkline::simulation
