#include "bench/demo/journey.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "bench/fleet/web.hpp"
#include "bench/fleet/web_socket.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/money.hpp"
#include "shared/core/random.hpp"
#include "shared/json/writer.hpp"

namespace perkline::bench {
namespace {

constexpr std::chrono::seconds patience{20};
constexpr std::size_t store = 0;  ///< Whose till Ben buys at.
constexpr const char* bonus_title = "Welcome Bonus";
constexpr const char* bonus_amount = "20.00";
constexpr const char* basket = "150.00";
constexpr std::int64_t basket_minor = 15'000;
constexpr std::int64_t purchase_points = 2;  ///< As journey_hub_yaml has it.
constexpr const char* payment = "5.00";
constexpr const char* left_after_payment = "15.00";

void tell(const std::string& line) {
  fmt::print("   {}\n", line);
  std::fflush(stdout);
}

std::string day(int from_now) {
  return format_time(SystemClock().wall_now() + std::chrono::days{from_now}).substr(0, 10);
}

std::string random_text() {
  SystemRng rng;
  std::string bytes(12, '\0');
  rng.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return to_hex(bytes);
}

std::uint16_t port_of(const std::string& origin) {
  return static_cast<std::uint16_t>(std::strtoul(origin.c_str() + origin.rfind(':') + 1, nullptr, 10));
}

/// Two for each unit of the currency, and what the tier adds (contract.md §5).
Result<std::int64_t> points_for_basket(const std::string& tier) {
  const std::int64_t base = 2 * basket_minor / 100;
  if (tier == "Base") return base;
  if (tier == "Silver") return base + base / 4;
  if (tier == "Gold") return base + base / 2;
  if (tier == "Platinum") return 2 * base;
  return fail(Errc::io_failed, "there is no tier " + tier);
}

/// What the programme gives for a prize (contract.md §3).
Result<std::int64_t> points_for_prize(const std::string& type) {
  if (type == "cash") return 3;
  if (type == "coupon") return 1;
  if (type == "lottery_ticket" || type == "none") return 0;
  return fail(Errc::io_failed, "no prize of type " + type + " was offered");
}

std::string article(const std::string& name) {
  return std::string("AEIOUaeiou").find(name.front()) == std::string::npos ? "a " + name : "an " + name;
}

}  // namespace

Journey::Journey(const Fleet& fleet, const MailServer* mails, const std::atomic<bool>& stop)
    : fleet_(fleet), calls_(fleet, store), mails_(mails), stop_(stop), password_(random_text()) {}

std::string Journey::Member::email() const {
  std::string address = name + "@example.com";
  address.front() = static_cast<char>(address.front() - 'A' + 'a');
  return address;
}

std::string Journey::logins() const {
  return fmt::format("members        {}, {}, {} / {}\n", ada_.email(), ben_.email(), cora_.email(),
                     password_);
}

bool Journey::play() {
  for (const auto step :
       {&Journey::offer_a_welcome_bonus, &Journey::ada_registers, &Journey::ben_registers_with_her_code,
        &Journey::both_hear_of_the_bonus, &Journey::ben_claims_it, &Journey::ben_buys_at_a_till,
        &Journey::ben_shows_his_receipt, &Journey::ben_spins_on_the_web, &Journey::ben_pays_cora,
        &Journey::cora_has_mail, &Journey::the_statement_shows_the_points}) {
    if (const auto done = (this->*step)(); !done) {
      tell("WRONG: " + done.error().detail);
      return false;
    }
  }
  return true;
}

Result<void> Journey::offer_a_welcome_bonus() {
  auto staff = fleet_.log_in();
  if (!staff) return failure(staff);
  staff_ = std::move(*staff);
  const auto made = calls_.hub({.method = "POST",
                                .path = "promotions",
                                .token = staff_,
                                .body = object_of({{"title", bonus_title},
                                                   {"type", "WELCOME_BONUS"},
                                                   {"amount", bonus_amount},
                                                   {"startDate", day(0)},
                                                   {"endDate", day(30)}}),
                                .status = 201});
  if (!made) return std::unexpected(made.error());
  bonus_ = shown(*made, "id");
  tell(fmt::format("staff offer a welcome bonus of {} {} until {}", shown(*made, "amount"),
                   shown(*made, "currency"), shown(*made, "endDate")));
  return {};
}

Result<void> Journey::ada_registers() {
  if (auto registered = register_member(ada_, ""); !registered) return registered;
  if (auto none = points_are(ada_, 0); !none) return none;
  tell(fmt::format("Ada registers; her referral code is {}", ada_.referral_code));
  return {};
}

Result<void> Journey::ben_registers_with_her_code() {
  if (auto registered = register_member(ben_, ada_.referral_code); !registered) return registered;
  for (const Member* member : {&ada_, &ben_}) {
    if (auto one = points_are(*member, 1); !one) return one;
  }
  points_ = 1;
  tell("Ben registers with it: 1 point for Ada, 1 for Ben");
  return {};
}

Result<void> Journey::both_hear_of_the_bonus() {
  for (const Member* member : {&ada_, &ben_}) {
    if (auto heard = hears_of_the_bonus(*member); !heard) return heard;
  }
  tell(fmt::format("both have it, and hear so on their WebSockets: \"{}\", {} USD", bonus_title,
                   bonus_amount));
  return {};
}

Result<void> Journey::hears_of_the_bonus(const Member& member) const {
  auto socket = WebSocket::open({.port = port_of(fleet_.hub_url()),
                                 .target = "/api/v1/notifications/ws?after=0",
                                 .token = member.token});
  if (!socket) return failure(socket);
  while (const auto text = socket->next_text(patience)) {
    const auto frame = json::parse(*text);
    if (!frame) return fail(Errc::io_failed, "a notification is no JSON: " + *text);
    if (shown(*frame, "type") != "promotion") continue;
    if (auto right =
            expect(member.name + "'s notification is of", shown(*frame, "content.promotionId"), bonus_);
        !right)
      return right;
    return expect(member.name + "'s notification tells of", shown(*frame, "content.amount"), bonus_amount);
  }
  return fail(Errc::io_failed, member.name + " hears nothing of the bonus");
}

Result<void> Journey::ben_claims_it() {
  if (auto nothing = wallet_is(ben_, "0.00"); !nothing) return nothing;
  const std::string wish = object_of({{"promotionId", bonus_}});
  const auto claimed =
      calls_.hub({.method = "POST", .path = "promotions/claim", .token = ben_.token, .body = wish});
  if (!claimed) return std::unexpected(claimed.error());
  if (auto there = wallet_is(ben_, bonus_amount); !there) return there;
  const auto again = calls_.hub(
      {.method = "POST", .path = "promotions/claim", .token = ben_.token, .body = wish, .status = 409});
  if (!again) return std::unexpected(again.error());
  if (auto refused = expect("a second claim", shown(*again, "code"), "ALREADY_CLAIMED"); !refused)
    return refused;
  tell(fmt::format("Ben claims it: {} USD in his wallet; a second time he is refused", bonus_amount));
  return {};
}

Result<void> Journey::ben_buys_at_a_till() {
  auto card = new_card();
  if (!card) return failure(card);
  card_ = std::move(*card);
  month_ = day(0).substr(0, 7);
  const auto issued = statement_issued();
  if (!issued) return std::unexpected(issued.error());
  issued_before_ = std::strtoll(issued->c_str(), nullptr, 10);

  const auto identified = calls_.till(
      {.method = "POST",
       .path = "identify",
       .body = object_of(
           {{"customerId", card_}, {"channelId", "POS-001"}, {"transactionId", sale_.transaction}})});
  if (!identified) return std::unexpected(identified.error());
  sale_.session = shown(*identified, "sessionId");
  const std::string priced =
      fmt::format(R"({{"sessionId":"{}","transactionAmount":"{}","items":[]}})", sale_.session, basket);
  if (const auto calculated = calls_.till({.method = "POST", .path = "calculateRewards", .body = priced});
      !calculated)
    return std::unexpected(calculated.error());
  const auto finalized =
      calls_.till({.method = "POST",
                   .path = "finalize",
                   .body = fmt::format(
                       R"({{"sessionId":"{}","transactionId":"{}","finalAmount":"{}","applyRewards":true}})",
                       sale_.session, sale_.transaction, basket)});
  if (!finalized) return std::unexpected(finalized.error());
  sale_.earned = number(*finalized, "earnedPoints");
  sale_.balance = number(*finalized, "newBalance");
  sale_.receipt = shown(*finalized, "receiptId");
  const auto wanted = points_for_basket(shown(*identified, "tier"));
  if (!wanted) return std::unexpected(wanted.error());
  if (auto right = expect("points for the sale", sale_.earned, *wanted); !right) return right;
  if (auto right =
          expect("points at PDI", sale_.balance, number(*identified, "currentPoints") + sale_.earned);
      !right)
    return right;
  sold_.push_back({.edge = store,
                   .transaction = TransactionId(sale_.transaction),
                   .amount = {basket_minor, find_currency("USD").value()},
                   .earned = Points{sale_.earned},
                   .redeemed = {},
                   .session = sale_.session});
  tell(fmt::format("Ben buys for {} USD at {}'s till with card {} ({}): {} points from PDI, {} in all there",
                   basket, fleet_.store_id(store), card_, shown(*identified, "tier"), sale_.earned,
                   sale_.balance));
  return {};
}

Result<void> Journey::ben_shows_his_receipt() {
  const auto taken_in = once("the sale at the hub", stop_, [&] {
    const auto balance = call(
        {.origin = fleet_.hub_url(), .path = "/api/v1/points/balance?customerId=" + card_, .bearer = staff_});
    return balance && balance->status == 200 &&
           shown(balance->json(), "rewards.net") == std::to_string(sale_.earned);
  });
  if (!taken_in) return taken_in;
  const auto linked = calls_.hub({.method = "POST",
                                  .path = "auth/me/loyalty",
                                  .token = ben_.token,
                                  .body = object_of({{"loyaltyId", card_}, {"receiptId", sale_.receipt}})});
  if (!linked) return std::unexpected(linked.error());
  if (auto his = expect("the card is verified", shown(*linked, "loyaltyVerified"), "true"); !his) return his;
  const auto has = calls_.hub({.path = "points/balance", .token = ben_.token});
  if (!has) return std::unexpected(has.error());
  if (auto right = expect("Ben's rewards", number(*has, "rewards.net"), sale_.earned); !right) return right;
  if (auto right = expect("PDI's balance at the hub", number(*has, "rewards.pdiBalance"), sale_.balance);
      !right)
    return right;
  points_ += purchase_points;
  if (auto right = points_are(ben_, points_); !right) return right;
  tell(fmt::format(
      "Ben shows receipt {}: the card is his, its {} reward points too, and {} points for a sale of "
      "100 USD or more: {}",
      sale_.receipt, sale_.earned, purchase_points, points_));
  return {};
}

Result<void> Journey::ben_spins_on_the_web() {
  const auto spun = calls_.hub({.method = "POST",
                                .path = "spin",
                                .token = ben_.token,
                                .body = object_of({{"clientSeed", "Ben's own"}}),
                                .status = 201});
  if (!spun) return std::unexpected(spun.error());
  const auto won = points_for_prize(shown(*spun, "prize.type"));
  if (!won) return std::unexpected(won.error());
  if (auto right = expect("the prize's points", number(*spun, "pointsAwarded"), *won); !right) return right;
  points_ += *won - 1;
  if (auto right = expect("points after the spin", number(*spun, "balance"), points_); !right) return right;
  if (auto right = points_are(ben_, points_); !right) return right;
  tell(fmt::format("Ben spins on the web for 1 point: {}, {} points; he has {}",
                   article(shown(*spun, "prize.name")), *won, points_));
  return {};
}

Result<void> Journey::ben_pays_cora() {
  if (auto registered = register_member(cora_, ""); !registered) return registered;
  const auto begun =
      calls_.hub({.method = "POST",
                  .path = "payments",
                  .token = ben_.token,
                  .body = object_of({{"amount", payment}, {"currency", "USD"}, {"payTo", cora_.email()}}),
                  .status = 201});
  if (!begun) return std::unexpected(begun.error());
  std::string status;
  const auto decided = once("the payment's end", stop_, [&] {
    const auto now = calls_.hub_value("payments/" + shown(*begun, "id"), ben_.token, "status");
    status = now.value_or("unknown");
    return status != "pending";
  });
  if (!decided) return decided;
  if (auto right = expect("the payment", status, "completed"); !right) return right;
  if (auto right = wallet_is(ben_, left_after_payment); !right) return right;
  if (auto right = wallet_is(cora_, payment); !right) return right;
  tell(fmt::format("Cora registers, Ben pays her {} USD ({}): {} are left to him, {} are hers", payment,
                   shown(*begun, "reference"), left_after_payment, payment));
  return {};
}

Result<void> Journey::cora_has_mail() {
  if (mails_ == nullptr) {
    tell("no mail for Cora: there is no mail server (npm's smtp-server, by ./run demo where npm is)");
    return {};
  }
  const std::string subject = fmt::format("{} USD received", payment);
  const auto there = once("Cora's mail", stop_, [&] {
    const auto mails = mails_->taken();
    return std::ranges::any_of(mails, [&](const Mail& mail) {
      return mail.to == cora_.email() && mail.header("Subject") == subject;
    });
  });
  if (!there) return there;
  tell(fmt::format("Cora has mail: \"{}\"", subject));
  return {};
}

Result<void> Journey::the_statement_shows_the_points() {
  const auto issued = statement_issued();
  if (!issued) return std::unexpected(issued.error());
  const std::int64_t now = std::strtoll(issued->c_str(), nullptr, 10);
  if (auto right = expect("points issued by the statement", now, issued_before_ + sale_.earned); !right)
    return right;
  tell(fmt::format("{}'s statement of {}: {} points issued, {} before Ben's sale", fleet_.store_id(store),
                   month_, now, issued_before_));
  return {};
}

Result<void> Journey::register_member(Member& member, const std::string& referral_code) const {
  json::Writer out;
  out.begin_object().field("email", member.email()).field("name", member.name).field("password", password_);
  if (!referral_code.empty()) out.field("referralCode", referral_code);
  const auto in =
      calls_.hub({.method = "POST", .path = "auth/register", .body = out.end_object().take(), .status = 201});
  if (!in) return std::unexpected(in.error());
  member.id = shown(*in, "user.id");
  member.token = shown(*in, "accessToken");
  member.referral_code = shown(*in, "user.referralCode");
  return {};
}

Result<void> Journey::points_are(const Member& member, std::int64_t points) const {
  const auto seen = calls_.hub_value("points/balance", member.token, "balance");
  if (!seen) return std::unexpected(seen.error());
  return expect(member.name + "'s points", *seen, std::to_string(points));
}

Result<void> Journey::wallet_is(const Member& member, const std::string& amount) const {
  const auto seen = calls_.hub_value("wallet", member.token, "balances.0.available");
  if (!seen) return std::unexpected(seen.error());
  return expect(member.name + "'s wallet", *seen, amount);
}

Result<std::string> Journey::statement_issued() const {
  return calls_.hub_value("billing/statements?storeId=" + fleet_.store_id(store) + "&month=" + month_, staff_,
                          "items.0.issuedPoints");
}

Result<std::string> Journey::new_card() const {
  constexpr int first = 4000;
  constexpr int last = 5000;
  for (int number = first; number <= last; ++number) {
    const std::string card = fmt::format("CUST-{:05}", number);
    const auto known = call(
        {.origin = fleet_.hub_url(), .path = "/api/v1/points/balance?customerId=" + card, .bearer = staff_});
    if (known && known->status == 404) return card;
  }
  return fail(Errc::io_failed, "every card has been used");
}

}  // namespace perkline::bench
