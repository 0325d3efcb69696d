#include "bench/hub/members.hpp"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "hub/db/open.hpp"
#include "hub/identity/access_token.hpp"
#include "hub/identity/refresh_families.hpp"
#include "hub/identity/signing_keys.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/promotions/promotions.hpp"
#include "hub/wallet/wallet.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::bench {
namespace {

using hub::db::Transaction;

/// Of one transaction.
constexpr std::size_t made_at_once = 500;
constexpr hours session_life{12};
constexpr minutes statement_patience{30};

/// Draws ids, and makes members with them.
class Maker {
 public:
  Maker(const MembersOrder& order, hub::identity::Es256Key key)
      : order_(order), key_(std::move(key)), now_(clock_.wall_now()) {}

  /// The next members, and what they have.
  Result<void> make(Transaction& transaction, std::vector<Member>& members) {
    std::vector<hub::ledger::Transfer> given;
    const std::size_t end = std::min(order_.count, members.size() + made_at_once);
    while (members.size() < end) {
      const std::size_t number = members.size();
      const UserId id(ids_.next().str());
      const hub::identity::RefreshFamily family{
          .id = ids_.next(), .user = id, .rotated_at = now_, .expires_at = now_ + session_life};
      hub::identity::NewUser added{.user = {}, .password_hash = "!"};
      added.user.id = id;
      added.user.email = fmt::format("member-{}@example.com", number);
      added.user.name = fmt::format("Member {}", number);
      added.user.created_at = now_;
      auto made = hub::identity::insert_user(transaction, added);
      if (made) made = hub::identity::insert_family(transaction, family);
      if (made) {
        made = hub::wallet::open_wallet(transaction, hub::wallet::make_cause(ids_, now_, ""), ids_.next(), id,
                                        usd_);
      }
      if (!made) return made;
      if (order_.money > 0) given.push_back(money_for(id));
      if (order_.points > 0) given.push_back(points_for(id));
      members.push_back({id, token_of(id, family.id)});
    }
    return hub::ledger::post_all(transaction, given);
  }

 private:
  hub::ledger::Transfer money_for(const UserId& user) {
    const Uuid id = ids_.next();
    return {.id = id,
            .external_id = "credit:" + id.str(),
            .debit = hub::ledger::system_account("wallet_credits", hub::ledger::money_unit(usd_)),
            .credit = hub::ledger::wallet_of(user, usd_),
            .amount = order_.money,
            .code = "credit",
            .created_at = now_};
  }
  hub::ledger::Transfer points_for(const UserId& user) {
    const Uuid id = ids_.next();
    return {.id = id,
            .external_id = "apply:" + id.str(),
            .debit = hub::ledger::system_account("issued", std::string(hub::ledger::programme_unit)),
            .credit = hub::ledger::points_of(user),
            .amount = order_.points,
            .code = "apply",
            .created_at = now_,
            .expires_at = now_ + days{365}};
  }
  std::string token_of(const UserId& user, const Uuid& session) {
    return hub::identity::issue_token(key_, {.issuer = "perkline"},
                                      {.user = user,
                                       .role = "member",
                                       .session = session,
                                       .id = ids_.next(),
                                       .issued_at = now_,
                                       .expires_at = now_ + session_life});
  }

  const MembersOrder& order_;
  hub::identity::Es256Key key_;
  const Currency usd_ = *find_currency("USD");
  SystemClock clock_;
  SystemRng rng_;
  UuidMaker ids_{clock_, rng_};
  WallTime now_;
};

/// What growing books, in this order. Each statement is one for both engines; ids are as long as others.
constexpr std::string_view grown_transfers =
    "INSERT INTO transfer (id, external_id, debit_account, credit_account, amount, unit, code, state,"
    " created_at, meta)"
    " WITH RECURSIVE place(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM place"
    " WHERE i < CAST($1 AS BIGINT)),"
    " wallet_of(id, place) AS (SELECT id, ROW_NUMBER() OVER (ORDER BY id) - 1 FROM account"
    " WHERE code = 'wallet')"
    " SELECT '00000000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT),"
    " 'credit:00000000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT),"
    " (SELECT id FROM account WHERE owner_kind = 'system' AND code = 'wallet_credits'), wallet_of.id, 1,"
    " 'money:USD', 'grown', 'posted', CAST($2 AS BIGINT), '{}' FROM place JOIN wallet_of"
    " ON wallet_of.place = place.i % (SELECT COUNT(*) FROM wallet_of)";
constexpr std::string_view grown_debits =
    "INSERT INTO entry (id, transfer_seq, account_id, delta)"
    " SELECT 2 * seq, seq, debit_account, -1 FROM transfer WHERE code = 'grown'";
constexpr std::string_view grown_credits =
    "INSERT INTO entry (id, transfer_seq, account_id, delta, balance_after)"
    " SELECT 2 * seq + 1, seq, credit_account, 1,"
    " CAST($1 AS BIGINT) + ROW_NUMBER() OVER (PARTITION BY credit_account ORDER BY seq)"
    " FROM transfer WHERE code = 'grown'";
constexpr std::string_view grown_balances =
    "UPDATE account SET balance = (SELECT CAST(SUM(delta) AS BIGINT) FROM entry"
    " WHERE entry.account_id = account.id) WHERE code = 'wallet'";

}  // namespace

Result<std::vector<Member>> make_members(const std::string& database_url, const MembersOrder& order) {
  auto database = hub::db::open_for_tool(database_url, hub::db::IfMissing::fail);
  if (!database) return failure(database);
  std::optional<hub::identity::Es256Key> key;
  auto done = (*database)->read_now([&](Transaction& transaction) -> Result<void> {
    const auto keys = hub::identity::load_signing_keys(transaction);
    if (!keys) return std::unexpected(keys.error());
    key = hub::identity::signing_key_at(*keys, SystemClock().wall_now()).key;
    return {};
  });
  if (!done) return failure(done);
  Maker maker(order, *key);
  std::vector<Member> members;
  while (members.size() < order.count) {
    // Work may run more than once.
    std::vector<Member> more;
    done = (*database)->write_now([&](Transaction& transaction) {
      more = members;
      return maker.make(transaction, more);
    });
    if (!done) return failure(done);
    members = std::move(more);
  }
  return members;
}

Result<std::vector<MadeAssignment>> assign_promotions(const std::string& database_url,
                                                      const std::vector<Member>& members,
                                                      std::size_t promotions) {
  auto database = hub::db::open_for_tool(database_url, hub::db::IfMissing::fail);
  if (!database) return failure(database);
  const SystemClock clock;
  SystemRng rng;
  UuidMaker ids(clock, rng);
  const WallTime now = clock.wall_now();
  const auto today = utc_day(now);
  std::vector<MadeAssignment> made;
  for (std::size_t i = 0; i < promotions; ++i) {
    const hub::promotions::Promotion promotion{
        .id = ids.next(),
        .title = "Bonus",
        .description = "A dollar for whoever asks",
        .type = loyalty::PromotionType::bonus,
        .amount = {100, *find_currency("USD")},
        .term = {.is_active = true, .first = today - days{1}, .last = today + days{30}}};
    const hub::promotions::Cause cause{.at = now, .actor = "cli:bench", .audit = ids.next()};
    // Not by promotions::assign: its notices to everybody would be taken round while the claims are measured.
    auto done = (*database)->write_now([&](Transaction& transaction) -> Result<void> {
      if (auto created = hub::promotions::create(transaction, cause, promotion); !created) return created;
      transaction.allow(statement_patience);
      auto assigned = transaction.execute(
          "INSERT INTO promotion_assignment (promotion_id, user_id, assigned_at)"
          " SELECT CAST($1 AS TEXT), id, CAST($2 AS BIGINT) FROM users WHERE role = 'member'",
          {promotion.id.str(), stamp(now)});
      if (!assigned) return failure(assigned);
      return {};
    });
    if (!done) return failure(done);
    for (std::size_t member = 0; member < members.size(); ++member)
      made.push_back({promotion.id.str(), member});
  }
  std::ranges::shuffle(made, std::mt19937_64(members.size()));
  return made;
}

Result<void> grow_ledger(const std::string& database_url, std::int64_t transfers, std::int64_t before) {
  auto database = hub::db::open_for_tool(database_url, hub::db::IfMissing::fail);
  if (!database) return failure(database);
  return (*database)->write_now([&](Transaction& transaction) -> Result<void> {
    transaction.allow(statement_patience);
    const std::int64_t now = stamp(SystemClock().wall_now());
    auto done = transaction.execute(grown_transfers, {transfers, now});
    if (done) done = transaction.execute(grown_debits);
    if (done) done = transaction.execute(grown_credits, {before});
    if (done) done = transaction.execute(grown_balances);
    // Its statistics come by themselves otherwise, in a minute or so.
    if (done && (*database)->engine() == hub::db::Engine::postgresql) done = transaction.execute("ANALYZE");
    if (!done) return failure(done);
    return {};
  });
}

}  // namespace perkline::bench
