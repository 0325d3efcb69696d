#include "bench/demo/journey.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "bench/fleet/web.hpp"
#include "bench/fleet/web_socket.hpp"
#include "shared/json/writer.hpp"

namespace perkline::bench {
namespace {

constexpr std::chrono::seconds patience{20};
constexpr const char* bonus_title = "Welcome Bonus";
constexpr const char* bonus_amount = "20.00";
constexpr const char* payment = "5.00";
constexpr const char* left_after_payment = "20.00";

std::uint16_t port_of(const std::string& origin) {
  return static_cast<std::uint16_t>(std::strtoul(origin.c_str() + origin.rfind(':') + 1, nullptr, 10));
}

}  // namespace

Journey::Journey(const Fleet& fleet, const MailServer* mails, const std::atomic<bool>& stop)
    : fleet_(fleet), calls_(fleet), mails_(mails), stop_(stop), password_(random_text()) {}

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
        &Journey::ben_shows_his_receipt, &Journey::ben_spins_on_the_web, &Journey::ben_spins_at_the_till,
        &Journey::ben_claims_at_the_till, &Journey::ben_pays_cora, &Journey::cora_has_mail,
        &Journey::the_statement_shows_the_points}) {
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
  tell(fmt::format("Ben spins on the web for 1 point and wins \"{}\": {}, and he has {}",
                   shown(*spun, "prize.name"), points_text(*won), points_));
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

}  // namespace perkline::bench
