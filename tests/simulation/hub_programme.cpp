#include "tests/simulation/hub_programme.hpp"

#include <algorithm>

#include "hub/identity/user.hpp"
#include "hub/points/purse.hpp"
#include "hub/promotions/assignments.hpp"
#include "hub/promotions/claim.hpp"
#include "hub/wallet/cause.hpp"
#include "hub/wheel/spin.hpp"
#include "shared/core/assert.hpp"

namespace perkline::simulation {
namespace {

using hub::db::Transaction;
using hub::wheel::Prize;
using hub::wheel::PrizeType;

constexpr std::string_view staff = "user:staff";
/// More than any member can spend on spins.
constexpr std::int64_t points_at_first = 1'000;

}  // namespace

HubProgramme::HubProgramme(const Around& around)
    : around_(around),
      rng_(derived_seed(around.scenario.seed, "hub programme")),
      uuids_(around_.tills.world().clock(), rng_) {}

void HubProgramme::write(const std::function<Result<void>(Transaction&)>& work) {
  PERKLINE_ASSERT(around_.hub.database().write_now(work).has_value());
}

hub::wheel::PrizeCause HubProgramme::prize_cause() {
  return {.id = uuids_.next(), .at = now(), .actor = std::string(staff)};
}

void HubProgramme::add_prize(std::string name, std::int64_t tickets, bool one_time,
                             std::optional<std::int64_t> stock) {
  const Prize prize{.id = uuids_.next().str(),
                    .name = std::move(name),
                    .type = PrizeType::coupon,
                    .tickets = tickets,
                    .points = std::nullopt,
                    .one_time = one_time,
                    .stock = stock};
  if (stock && !one_time) scarce_ = prize.id;
  write([&](Transaction& t) { return hub::wheel::add_prize(t, prize_cause(), prize); });
}

void HubProgramme::add_member(std::size_t number) {
  hub::identity::NewUser added{.user = {}, .password_hash = "none"};
  added.user.id = UserId(uuids_.next().str());
  added.user.email = added.user.id.str() + "@example.com";
  added.user.loyalty_id = CustomerId("CUST-0000" + std::to_string(number));
  added.user.loyalty_verified = true;
  const hub::points::Cause cause{.id = uuids_.next(), .at = now()};
  write([&](Transaction& t) -> Result<void> {
    if (auto made = hub::identity::insert_user(t, added); !made) return made;
    auto given = hub::points::give(t, {}, cause,
                                   {.user = added.user.id,
                                    .amount = points_at_first,
                                    .other = hub::points::programme_account("applied"),
                                    .external_id = "simulation:" + cause.id.str(),
                                    .code = "apply"});
    if (!given) return failure(given);
    return {};
  });
  users_.push_back(added.user.id);
}

void HubProgramme::open() {
  if (around_.scenario.promotions == 0) return;
  // Those that a new database brings.
  write([](Transaction& t) -> Result<void> {
    auto off = t.execute("UPDATE prize SET active = 0", {});
    if (!off) return failure(off);
    return {};
  });
  add_prize("Plenty", 10'000, false, std::nullopt);
  add_prize("Scarce", 30'000, false, around_.scenario.scarce_units);
  add_prize("Once", 10'000, true, std::nullopt);
  add_prize("Rare", 20'000, true, around_.scenario.rare_units);
  for (std::size_t number = 1; number < std::max<std::size_t>(around_.scenario.members, 2); ++number)
    add_member(number);
  add_promotion();
}

void HubProgramme::add_promotion() {
  const auto today = utc_day(now());
  const hub::promotions::Promotion promotion{
      .id = uuids_.next(),
      .title = "Twenty for you",
      .description = "As a thank-you",
      .type = loyalty::PromotionType::bonus,
      .amount = {2000, *find_currency("USD")},
      .term = {.is_active = true, .first = today - days{30}, .last = today + days{30}}};
  const hub::promotions::Cause made{.at = now(), .actor = std::string(staff), .audit = uuids_.next()};
  const hub::promotions::Cause assigned{.at = now(), .actor = std::string(staff), .audit = uuids_.next()};
  hub::promotions::AssignOrder order{.promotion = promotion.id, .users = {}, .events = {}, .traceparent = {}};
  for (const UserId& user : users_) order.users.push_back(user.str());
  std::ranges::sort(order.users);
  for (std::size_t i = 0; i < users_.size(); ++i) order.events.push_back(uuids_.next());
  write([&](Transaction& t) -> Result<void> {
    if (auto done = hub::promotions::create(t, made, promotion); !done) return done;
    auto done = hub::promotions::assign(t, assigned, order);
    if (!done) return failure(done);
    return {};
  });
  around_.tills.promotions().push_back(promotion.id);
  around_.trace.note("staff", "makes a promotion", promotion.id.str());
}

/// There is more of one prize, for whoever draws next.
void HubProgramme::change_prizes() {
  const std::int64_t more = around_.scenario.scarce_units + 1 + static_cast<std::int64_t>(rng_.below(5));
  write([&](Transaction& t) -> Result<void> {
    auto changed = hub::wheel::change_prize(t, prize_cause(), scarce_, {.stock = more});
    if (!changed) return failure(changed);
    return {};
  });
  if (around_.hub.is_up() && !around_.hub.fate.dead()) around_.hub.life()->supply.stock_changed();
  around_.trace.note("staff", "has more of a prize", std::to_string(more));
}

void HubProgramme::plan() {
  const Scenario& scenario = around_.scenario;
  if (scenario.promotions == 0) return;
  const auto sometime = [&] {
    const auto time = static_cast<std::uint64_t>(Timeline::Duration(scenario.fault_time).count());
    return Timeline::Duration(static_cast<std::int64_t>(rng_.below(time)));
  };
  for (std::size_t i = 1; i < scenario.promotions; ++i)
    around_.time.at(sometime(), [this] { add_promotion(); });
  around_.time.at(sometime(), [this] { change_prizes(); });
  for (std::size_t i = 0; i < scenario.web_calls; ++i) around_.time.at(sometime(), [this] { call(); });
}

void HubProgramme::call() {
  const UserId& user = users_[rng_.below(users_.size())];
  const auto& promotions = around_.tills.promotions();
  const Uuid& promotion = promotions[rng_.below(promotions.size())];
  const bool spins = rng_.below(3) != 0;
  Hub& hub = around_.hub;
  if (!hub.is_up() || hub.fate.dead()) return;
  around_.trace.note(user.str(), spins ? "spins on the web" : "claims on the web");
  HubLife& life = *hub.life();
  life.world->spawn(spins ? spin(life, hub.fate, user, web_spins_)
                          : claim(life, hub.fate, {.user = user, .promotion = promotion}, web_claims_));
}

/// What is told once the process is dead nobody hears.
Task<void> HubProgramme::spin(HubLife& life, Fate& fate, UserId user, std::vector<WebSpin>& told) {
  const auto cause = hub::wheel::make_cause(life.uuids, life.world->clock().wall_now(), "");
  WebSpin spun{.user = user, .spin = {}, .prize = {}};
  const auto done = co_await life.database.write([&](Transaction& t) -> Result<void> {
    auto made = hub::wheel::spin(t, {}, cause, user, "web");
    if (!made) return failure(made);
    spun.spin = made->spin.id;
    spun.prize = made->spin.prize_id;
    return {};
  });
  if (done && !fate.dead()) told.push_back(std::move(spun));
}

Task<void> HubProgramme::claim(HubLife& life, Fate& fate, WebClaim what, std::vector<WebClaim>& told) {
  const auto cause = hub::wallet::make_cause(life.uuids, life.world->clock().wall_now(), "");
  const hub::promotions::ClaimOrder order{
      .promotion = what.promotion, .user = what.user, .claimed_at = cause.at, .event = life.uuids.next()};
  const auto done = co_await life.database.write([&](Transaction& t) -> Result<void> {
    auto made = hub::promotions::claim(t, cause, order);
    if (!made) return failure(made);
    return {};
  });
  if (done && !fate.dead()) told.push_back(std::move(what));
}

std::string HubProgramme::owner_of(const CustomerId& card) const {
  for (std::size_t i = 0; i < users_.size(); ++i) {
    if (card.str() == "CUST-0000" + std::to_string(i + 1)) return users_[i].str();
  }
  return card.str();
}

}  // namespace perkline::simulation
