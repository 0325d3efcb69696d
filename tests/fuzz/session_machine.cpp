#include <array>

#include "edge/session/outcome.hpp"
#include "edge/session/recovery.hpp"
#include "edge/session/returns.hpp"
#include "edge/session/session_record.hpp"
#include "shared/core/assert.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {
namespace {

using namespace edge::session;

constexpr WallTime start = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};

/// What happens to one session, as the input's bytes say: which step, and one more for its particulars.
class Life {
 public:
  explicit Life(std::string_view input) : rest_(input) {}

  void run() {
    while (!rest_.empty()) {
      now_ += Millis{1000};
      const Session before = session_;
      const std::size_t event = take() % steps.size();
      const auto outcome = (this->*steps[event])();
      if (!outcome) {
        PERKLINE_ASSERT(outcome.error().code == Errc::session_state ||
                        outcome.error().code == Errc::return_exceeds_sale);
        continue;
      }
      check(before, outcome->session);
      session_ = outcome->session;
    }
  }

 private:
  using StepTaken = Result<Outcome> (Life::*)();

  unsigned char take() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  static Money usd(std::int64_t minor) { return {minor, *find_currency("USD")}; }
  static Result<Outcome> outcome_of(Result<Session> session) {
    if (!session) return failure(session);
    return Outcome{.session = std::move(*session)};
  }
  static Error nothing_to_do() { return {.code = Errc::session_state, .detail = "not called then"}; }
  Acknowledgement told() const {
    return {.now = now_, .receipt = ReceiptId("PL-1"), .provisional = Points{7}};
  }
  Sale sale() {
    const auto byte = take();
    return {.final_amount = usd(byte * 10),
            .apply_rewards = byte % 3 != 0,
            .redeem = byte % 3 == 1 ? std::optional(Points{byte}) : std::nullopt};
  }
  pdi::Finalized booking() const {
    return {.earned = Points{7},
            .redeemed = Points{3},
            .new_balance = Points{100},
            .receipt = ReceiptId("RCP-1")};
  }
  pdi::Reply<pdi::Finalized> reply() {
    const auto byte = take();
    if (byte % 4 == 0) return booking();
    return std::unexpected(pdi::Failure{.outcome = static_cast<pdi::Outcome>(1 + byte / 4 % 8),
                                        .may_have_been_sent = byte % 4 != 1,
                                        .error = {.code = Errc::pdi_unavailable, .detail = {}}});
  }

  Result<Outcome> price() {
    const bool offline = take() % 2 == 0;
    return calculated(session_,
                      {.basket = {.amount = usd(1000), .items = {}},
                       .rewards = {.earned = Points{10}, .multiplier = 1, .bonus = {}, .breakdown = {}},
                       .rules_version = offline ? std::optional<std::string>("1") : std::nullopt});
  }
  Result<Outcome> lend() { return lent(session_, ProviderSessionId("sess_1")); }
  Result<Outcome> expire() { return expired(session_); }
  Result<Outcome> acknowledge() {
    if (!is_open_sale(session_)) return fail(nothing_to_do());
    return acknowledged(session_, told());
  }
  Result<Outcome> enqueue() {
    if (session_.status != Status::calculated) return fail(nothing_to_do());
    return enqueued(session_, sale(), {}, told());
  }
  Result<Outcome> send() {
    Session intent = session_;
    if (!intent.sale) intent.sale = sale();
    return outcome_of(sending(std::move(intent), now_));
  }
  Result<Outcome> conclude() {
    if (session_.status != Status::finalizing) return fail(nothing_to_do());
    const bool waits = take() % 2 == 0;
    const bool standin = take() % 2 == 0;
    return concluded(session_, reply(), now_, waits ? std::optional(told()) : std::nullopt, standin, {});
  }
  Result<Outcome> book() {
    if (!session_.sale) return fail(nothing_to_do());
    return booked(session_, booking(), now_, {});
  }
  Result<Outcome> lose() { return outcome_of(lost(session_, now_)); }
  Result<Outcome> refer() {
    const bool refused = take() % 2 == 0;
    return outcome_of(referred(session_, "nobody knows",
                               refused ? std::optional(ProviderFault{"NO", "no"}) : std::nullopt));
  }
  Result<Outcome> reopen() { return outcome_of(reopened(session_)); }
  Result<Outcome> discard() { return discarded(session_, "closed", now_); }
  Result<Outcome> abandon() { return abandoned(session_, "left", {}, now_); }
  Result<Outcome> give_back() {
    const auto byte = take();
    // Tills are told of a sale before they bring goods of it back.
    if (is_open_sale(session_) && !session_.acknowledged) return fail(nothing_to_do());
    return returned(session_, {.id = ReturnId("ret_" + std::to_string(session_.version)),
                               .transaction = TransactionId("R-" + std::to_string(session_.version)),
                               .amount = usd(byte),
                               .receipt = ReceiptId("PL-R"),
                               .now = now_,
                               .traceparent = {}});
  }
  Result<Outcome> doubt() {
    if (!session_.sale) return fail(nothing_to_do());
    return doubted(session_, nullptr, now_);
  }

  static void check(const Session& before, const Session& after) {
    PERKLINE_ASSERT(after.version > before.version);
    PERKLINE_ASSERT(!is_end(before.status) || after.status == before.status);
    PERKLINE_ASSERT(!before.acknowledged || after.acknowledged);
    PERKLINE_ASSERT(!before.finalize_answer || after.finalize_answer == before.finalize_answer);
    PERKLINE_ASSERT(!after.acknowledged || after.sale.has_value());
    PERKLINE_ASSERT(!after.acknowledged ||
                    (after.status != Status::expired && after.status != Status::voided));
    PERKLINE_ASSERT((after.status == Status::finalized) == after.finalized_at.has_value());
    PERKLINE_ASSERT(awaits_pdi(after) == after.next_attempt_at.has_value());
    PERKLINE_ASSERT(after.returns.size() >= before.returns.size());
    std::int64_t back = 0;
    for (const Return& goods : after.returns) back += goods.amount.minor;
    PERKLINE_ASSERT(back == 0 || back <= after.sale->final_amount.minor);
    const auto read = decode(encode(after));
    PERKLINE_ASSERT(read && *read == after);
  }

  static constexpr std::array<StepTaken, 15> steps{
      &Life::price,  &Life::lend,     &Life::expire,  &Life::acknowledge, &Life::enqueue,
      &Life::send,   &Life::conclude, &Life::book,    &Life::lose,        &Life::refer,
      &Life::reopen, &Life::discard,  &Life::abandon, &Life::give_back,   &Life::doubt};

  std::string_view rest_;
  WallTime now_ = start;
  Session session_{.id = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91"),
                   .store = StoreId("store-1"),
                   .customer = CustomerId("CUST-12345"),
                   .channel = ChannelId("POS-1"),
                   .transaction = TransactionId("TXN-1"),
                   .currency = *find_currency("USD"),
                   .created_at = start,
                   .expires_at = start + hours{24},
                   .identify_answer = {.status = 200, .body = "{}"}};
};

}  // namespace

/// Whatever happens to a session, in whatever order: a 200 never changes, what a till was told of is never
/// denied, and every step can be kept and read again.
void session_machine(std::string_view input) {
  Life(input).run();
}

}  // namespace perkline::fuzz
