#include <algorithm>

#include "edge/session/answers.hpp"
#include "edge/session/call.hpp"
#include "edge/session/flows.hpp"
#include "edge/session/till_error.hpp"
#include "edge/standin/pricing.hpp"

/// finalize: the intent is journalled, PDI is called, its word is journalled, the till is told; or the
/// stand-in takes the sale on.
namespace perkline::edge::session {

Task<Result<Answer>> Flows::finalize(FinalizeRequest request, std::string traceparent) {
  auto turn = co_await take_turn(request.session.str());
  if (!turn) co_return failure(turn);
  auto loaded = co_await load(request.session);
  if (!loaded) co_return failure(loaded);
  SharedSession session = std::move(*loaded);
  if (auto right = check_transaction(*session, request.transaction); !right) co_return failure(right);
  if (session->sale) co_return co_await replay_finalize(std::move(session), std::move(request));
  if (auto may = may_finalize(*session, request); !may) co_return failure(may);
  if (session->mode == Mode::standin)
    co_return co_await finalize_standin(std::move(session), std::move(request.sale), std::move(traceparent));
  co_return co_await finalize_online(std::move(session), std::move(request.sale), std::move(traceparent));
}

/// A finalize names the sale twice, by session and by transaction: both must mean the same.
Result<void> Flows::check_transaction(const Session& session, const TransactionId& transaction) const {
  if (session.transaction == transaction) return {};
  auto other = ports_.store.find(transaction);
  if (!other) return failure(other);
  if (*other) return fail(transaction_reused());
  return fail(Error{.code = Errc::validation_failed,
                    .detail = "the request has faults",
                    .faults = {{"transactionId", "is not the session's"}}});
}

/// What the till is told when this sale has been asked for before. Of one that awaits PDI it may not have
/// been told anything yet: the process that was to tell it is no more.
Task<Result<Answer>> Flows::replay_finalize(SharedSession session, FinalizeRequest request) {
  if (*session->sale != request.sale) co_return fail(transaction_reused());
  if (session->finalize_answer) co_return replay(*session->finalize_answer);
  if (session->acknowledged) co_return replay(pending_answer(*session));
  co_return co_await acknowledge(session->id);
}

Result<void> Flows::may_finalize(const Session& session, const FinalizeRequest& request) const {
  if (!next_status(session.status, Step::finalize)) return fail(out_of_order(session));
  const Points redeem = request.sale.redeem.value_or(Points{});
  if (redeem.count == 0) return {};
  const auto left = redeemable(session, Mode::online);
  if (!left) return std::unexpected(left.error());
  if (redeem > *left)
    return fail(Errc::redemption_limit, "the member has " + std::to_string(left->count) + " points");
  return {};
}

/// What the member may redeem now, with PDI or without it.
Result<Points> Flows::redeemable(const Session& session, Mode mode) const {
  auto known = ports_.members.find(session.customer);
  if (!known) return failure(known);
  const standin::Member member = known->value_or(standin::Member{});
  if (mode == Mode::online) return member.spendable(session.current_points);
  const auto store = ports_.members.store_day();
  if (!store) return std::unexpected(store.error());
  return standin::redeemable(member.spendable(member.points),
                             standin::redeemed_so_far(member, *store, writer_.today()),
                             options_.standin.limits);
}

/// Without PDI. Errors: redemption_limit.
Result<void> Flows::may_redeem(const Session& session, const Sale& sale) const {
  const Points redeem = sale.redeem.value_or(Points{});
  if (redeem.count == 0) return {};
  const auto left = redeemable(session, Mode::standin);
  if (!left) return std::unexpected(left.error());
  if (redeem <= *left) return {};
  return fail(Errc::redemption_limit,
              "without the loyalty provider " + std::to_string(left->count) + " points may be redeemed");
}

/// What the till is told while PDI's word is out. What is paid may be priced anew: by the rules that priced
/// the basket.
Result<Acknowledgement> Flows::acknowledgement(const Session& session, const Sale& sale) const {
  Points provisional;
  std::optional<std::string> rules_version;
  if (sale.apply_rewards && sale.final_amount == session.basket->amount) {
    provisional = session.earned;
  } else if (sale.apply_rewards) {
    const auto priced_by = ports_.rules.of(session.rules_version);
    provisional =
        standin::price(priced_by->rewards, session.tier, {session.basket->amount, session.basket->items},
                       sale.final_amount, writer_.today())
            .earned();
    rules_version = priced_by->rewards.version;
  }
  if (provisional > points_max) return fail(too_many_points("finalAmount"));
  Acknowledgement told{.now = ports_.clock.wall_now(),
                       .receipt = ReceiptId("PND-" + ports_.uuids.next().str()),
                       .provisional = provisional,
                       .rules_version = std::move(rules_version),
                       .form = ports_.rules.now()->receipt,
                       .by_standin = options_.standin.enabled};
  if (!session.customer_name.empty()) {
    const std::int64_t left = session.current_points.count - sale.redeem.value_or(Points{}).count;
    told.balance = Points{std::min(points_max.count, left + provisional.count)};
  }
  return told;
}

Task<Result<Answer>> Flows::finalize_standin(SharedSession session, Sale sale, std::string traceparent) {
  const auto told = acknowledgement(*session, sale);
  if (!told) co_return std::unexpected(told.error());
  const SessionId id =
      std::exchange(session, nullptr)->id;  // nobody looks at it any longer: it is not copied
  auto queued = co_await writer_.change(id, [&](Session current) -> Result<Outcome> {
    if (auto may = may_redeem(current, sale); !may) return failure(may);
    return enqueued(std::move(current), sale, std::move(traceparent), *told);
  });
  if (!queued) co_return failure(queued);
  on_open_(id, ports_.clock.mono_now());
  co_return pending_answer(**queued);
}

Task<Result<Answer>> Flows::finalize_online(SharedSession session, Sale sale, std::string traceparent) {
  const auto told = acknowledgement(*session, sale);
  if (!told) co_return std::unexpected(told.error());
  const SessionId id = std::exchange(session, nullptr)->id;
  auto intent = co_await writer_.change(id, [&](Session current) -> Result<Outcome> {
    current.sale = sale;
    current.traceparent = std::move(traceparent);
    auto next = sending(std::move(current), ports_.clock.wall_now());
    if (!next) return failure(next);
    return Outcome{.session = std::move(*next)};
  });
  if (!intent) co_return failure(intent);

  const auto call = co_await ask(ports_.clock, options_.standin, finish_online(std::move(*intent), *told));
  if (!call->reply) co_return co_await acknowledge(id);
  if (!*call->reply) co_return fail((*call->reply).error());
  Finalizer::Sent& sent = **call->reply;
  if (sent.error) co_return fail(std::move(*sent.error));
  if (sent.session->finalize_answer) co_return *sent.session->finalize_answer;
  co_return pending_answer(*sent.session);
}

/// Runs on when the till has been told already.
Task<Result<Finalizer::Sent>> Flows::finish_online(SharedSession intent, Acknowledgement told) {
  const SessionId id = intent->id;
  auto sent = co_await finalizer_.send(
      std::move(intent), ports_.pdi, deadline(options_.timeouts.finalize), std::move(told),
      [this](const Session& session) { return may_redeem(session, *session.sale); });
  // What could not be kept is in doubt: settlement asks PDI again.
  if (!sent || awaits_pdi(*sent->session)) on_open_(id, ports_.clock.mono_now());
  co_return sent;
}

/// 202, and from then on only events tell the outcome; unless it has come meanwhile.
Task<Result<Answer>> Flows::acknowledge(SessionId id) {
  auto told = co_await writer_.change(id, [this](Session current) -> Result<Outcome> {
    if (current.acknowledged || !is_open_sale(current)) return fail(Errc::session_state);
    const auto words = acknowledgement(current, *current.sale);
    if (!words) return std::unexpected(words.error());
    return acknowledged(std::move(current), *words);
  });
  if (told) co_return pending_answer(**told);
  if (told.error().code != Errc::session_state) co_return failure(told);
  const auto session = ports_.store.share(id);
  if (!session || !*session) co_return fail(Errc::internal, "a session is missing");
  if ((*session)->finalize_answer) co_return *(*session)->finalize_answer;
  if ((*session)->sale) co_return pending_answer(**session);
  co_return fail(awaiting_pdi());
}

}  // namespace perkline::edge::session
