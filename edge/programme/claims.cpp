#include "edge/programme/claims.hpp"

#include <algorithm>

#include "edge/session/till_error.hpp"
#include "shared/core/down_limits.hpp"
#include "shared/json/writer.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::edge::programme {
namespace {

using session::Answer;
using session::SessionStore;

constexpr Millis try_again{5'000};
constexpr hours undecided_again{1};

Error already_claimed() {
  return {.code = Errc::already_claimed, .detail = "the member has claimed this promotion"};
}
Error not_active() {
  return {.code = Errc::promotion_not_active, .detail = "the promotion is not running"};
}
Error wallet_full() {
  return {.code = Errc::balance_limit, .detail = "the member's wallet cannot hold so much more"};
}
Error not_known(std::string why) {
  return {.code = Errc::overloaded, .detail = std::move(why), .retry_after = try_again};
}
Error not_assigned() {
  return {.code = Errc::not_found, .detail = "no such promotion for this member"};
}

/// Of an answer that says no. Errors it gives, as an error.
Error refusal_of(sync::ClaimOutcome outcome) {
  switch (outcome) {
    case sync::ClaimOutcome::already_claimed:
      return already_claimed();
    case sync::ClaimOutcome::not_active:
      return not_active();
    case sync::ClaimOutcome::balance_limit:
      return wallet_full();
    case sync::ClaimOutcome::claimed:
    case sync::ClaimOutcome::not_assigned:
      break;
  }
  return not_assigned();
}

/// contract.md §6, `POST /promotions/claim`, and a status.
std::string render_claimed(const Claim& claim, const sync::ClaimAnswer::Credit& credit) {
  const std::string promotion = claim.promotion.str();
  const std::string& user = credit.user.str();
  const auto currency = credit.amount.currency.code();
  json::Writer out;
  out.begin_object().field("status", "claimed").key("claim").begin_object();
  out.field("promotionId", promotion).field("userId", user).field("claimed", true);
  out.field("claimedAt", format_time(credit.claimed_at)).end_object();
  out.key("transaction").begin_object().field("id", credit.transaction.str()).field("userId", user);
  out.field("amount", format_amount(credit.amount)).field("currency", currency);
  out.field("transactionType", "CREDIT").field("description", credit.description);
  out.key("additionalData").begin_object().field("promotionId", promotion).end_object();
  out.field("createdAt", format_time(credit.created_at)).end_object();
  out.key("balance").begin_object().field("currency", currency);
  out.field("available", format_amount(credit.available)).field("held", format_amount(credit.held));
  out.end_object().end_object();
  return out.take();
}

sync::PromotionClaimed event_of(const Claim& claim, WallTime claimed_at) {
  return {.claim = claim.id,
          .customer = claim.customer,
          .promotion = claim.promotion,
          .transaction = claim.transaction,
          .claimed_at = claimed_at,
          .terms = claim.terms};
}

/// The hub has yet to say who the member is, and to book it.
std::string render_pending(const Claim& claim, const Promotion& promotion) {
  json::Writer out;
  out.begin_object().field("status", "pending").key("claim").begin_object();
  out.field("promotionId", claim.promotion.str()).key("userId").null().field("claimed", false);
  out.field("claimedAt", format_time(claim.claimed_at)).end_object();
  out.field("title", promotion.title).field("amount", format_amount(promotion.amount));
  out.field("currency", promotion.amount.currency.code()).key("transaction").null().key("balance").null();
  out.end_object();
  return out.take();
}

void write_promotion(json::Writer& out, const Promotion& promotion) {
  out.begin_object().field("id", promotion.id.str()).field("title", promotion.title);
  out.field("description", promotion.description).field("type", promotion.type);
  out.field("amount", format_amount(promotion.amount)).field("currency", promotion.amount.currency.code());
  out.field("startDate", format_day(promotion.term.first)).field("endDate", format_day(promotion.term.last));
  out.field("isActive", true).end_object();
}

}  // namespace

Claims::Claims(Parts parts, const State& state, HubDesk& hub, ClaimStore& store, Watch watch)
    : parts_(std::move(parts)), state_(state), hub_(hub), store_(store), watch_(std::move(watch)) {}

Task<Result<Answer>> Claims::claim(ClaimRequest request, std::string traceparent) {
  auto turn = co_await parts_.flows.take_turn("transaction:" + request.transaction.str());
  if (!turn) co_return failure(turn);
  auto named = parts_.ports.store.find(request.transaction);
  if (!named) co_return failure(named);
  if (*named) co_return told_before(**named, request);
  if (auto may = parts_.flows.may_begin(); !may) co_return failure(may);
  if (auto may = check_blocked(request.customer); !may) co_return failure(may);

  // Two transactions that claim the same: one after another.
  auto alone =
      co_await parts_.flows.take_turn("claim:" + request.customer.str() + '/' + request.promotion.str());
  if (!alone) co_return failure(alone);
  const auto before = store_.claim_of(request.customer, request.promotion);
  if (!before) co_return std::unexpected(before.error());
  Claim claim{.record = "clm_" + parts_.ports.uuids.next().str(),
              .customer = std::move(request.customer),
              .promotion = request.promotion,
              .transaction = std::move(request.transaction),
              .claimed_at = parts_.ports.clock.wall_now()};
  claim.id = claim_id_of(parts_.store, claim);
  // What it has decided before the hub may have forgotten since; what it has yet to decide is under way.
  const bool is_anothers = *before && (!hub_.is_up() || is_pending(**before));
  if (is_anothers) {
    const auto asked = store_.is_asked(claim.id);
    if (!asked) co_return std::unexpected(asked.error());
    if (!*asked) co_return fail(already_claimed());
  }
  const auto offered = state_.offer.promotions.find(claim.promotion);
  if (offered != state_.offer.promotions.end()) claim.terms = offered->second.terms;
  auto answer = co_await decide(std::move(claim), is_anothers, std::move(traceparent));
  if (watch_.on_claim) watch_.on_claim(!answer ? "refused" : answer->status == 200 ? "claimed" : "pending");
  co_return answer;
}

Result<Answer> Claims::told_before(const SessionStore::Named& named, const ClaimRequest& request) const {
  const auto* name = std::get_if<session::ClaimName>(&named);
  if (name == nullptr) return fail(session::transaction_reused());
  auto claim = store_.get(name->record);
  if (!claim) return failure(claim);
  if (claim->customer != request.customer || claim->promotion != request.promotion)
    return fail(session::transaction_reused());
  if (claim->refused) return fail(refusal_of(*claim->refused));
  return session::replay(std::move(claim->answer));
}

Task<Result<Answer>> Claims::decide(Claim claim, bool is_anothers, std::string traceparent) {
  if (hub_.is_up()) {
    const auto asked = co_await ask(claim, traceparent);
    if (!asked) co_return std::unexpected(asked.error());
    const auto& answer = *asked;
    if (answer && answer->credit)
      co_return co_await keep(std::move(claim), *answer->credit, std::move(traceparent));
    if (answer) co_return fail(refusal_of(answer->outcome));
  }
  // Which of the two it has booked only the hub knows.
  if (is_anothers) co_return fail(not_known("the hub has not answered"));
  co_return co_await keep_pending(std::move(claim), std::move(traceparent));
}

/// That it is asked is durable before: whoever is asked again, the hub being away, knows that it may be
/// booked.
Task<Result<std::optional<sync::ClaimAnswer>>> Claims::ask(Claim claim, std::string traceparent) {
  const Uuid id = claim.id;
  const auto before = store_.is_asked(id);
  if (!before) co_return std::unexpected(before.error());
  if (!*before) co_await store_.note_asked(id, claim.claimed_at);
  auto answer = co_await put_to_hub(std::move(claim), std::move(traceparent));
  // A question before this one may be on its way still, and be granted after this answer.
  if (answer && !answer->credit && !*before) co_await store_.note_refused(id);
  co_return answer;
}

Task<std::optional<sync::ClaimAnswer>> Claims::put_to_hub(Claim claim, std::string traceparent) {
  const MonoTime deadline = parts_.ports.clock.mono_now() + limits::claim_answer_wait;
  co_return co_await hub_.claim({.claim = claim.id,
                                 .customer = claim.customer,
                                 .promotion = claim.promotion,
                                 .transaction = claim.transaction,
                                 .claimed_at = claim.claimed_at,
                                 .terms = claim.terms,
                                 .traceparent = std::move(traceparent)},
                                deadline);
}

/// The hub has booked it. It is told all the same: one that is restored to before it would forget it else.
Task<Result<Answer>> Claims::keep(Claim claim, sync::ClaimAnswer::Credit credit, std::string traceparent) {
  claim.answer = {.status = 200, .body = render_claimed(claim, credit)};
  Answer answer = claim.answer;
  auto told = session::new_event(parts_.ports, std::move(traceparent), event_of(claim, credit.claimed_at));
  co_await store_.add(std::move(claim), std::move(told));
  co_return answer;
}

/// Nobody but this store decides now; the hub books it when it hears of it.
Task<Result<Answer>> Claims::keep_pending(Claim claim, std::string traceparent) {
  const auto promotion = claimable(claim.customer, claim.promotion);
  if (!promotion) {
    const auto asked = store_.is_asked(claim.id);
    if (!asked) co_return std::unexpected(asked.error());
    // It may have been booked all the same: neither yes nor no would be true.
    if (*asked) co_return fail(not_known("the hub has not answered"));
    co_return std::unexpected(promotion.error());
  }
  claim.terms =
      (*promotion)->terms;  // What the till is told, also where the catalogue has changed meanwhile.
  claim.answer = {.status = 202, .body = render_pending(claim, **promotion)};
  Answer answer = claim.answer;
  ops::log(ops::Level::info, "programme", "a promotion is claimed without the hub",
           {{"transactionId", claim.transaction.str()},
            {"promotionId", claim.promotion.str()},
            {"customerId", ops::hashed(claim.customer.str())},
            {"traceId", ops::trace_id_of(traceparent)},
            {"spanId", ops::span_id_of(traceparent)}});
  auto told = session::new_event(parts_.ports, std::move(traceparent), event_of(claim, claim.claimed_at));
  std::string record = claim.record;
  co_await store_.add(std::move(claim), std::move(told));
  pending_.push_back(pending_now(std::move(record)));
  co_return answer;
}

Result<void> Claims::start() {
  auto records = store_.pending();
  if (!records) return failure(records);
  for (std::string& record : *records) pending_.push_back(pending_now(std::move(record)));
  return {};
}

Claims::Pending Claims::pending_now(std::string record) const {
  return {.record = std::move(record), .epoch = parts_.outbox.epoch(), .through = parts_.outbox.tail()};
}

/// In a new epoch what the hub has not acknowledged has another sequence, no later than the present end.
bool Claims::is_told(Pending& pending) const {
  if (pending.epoch != parts_.outbox.epoch()) pending = pending_now(std::move(pending.record));
  return parts_.outbox.acked() >= pending.through;
}

Task<Result<void>> Claims::settle_pending(std::size_t count_max) {
  for (std::size_t count = std::min(count_max, pending_.size()); count > 0 && hub_.is_up(); --count) {
    Pending next = std::move(pending_.front());
    pending_.pop_front();
    if (!is_told(next) || parts_.ports.clock.mono_now() < next.not_before) {
      pending_.push_back(std::move(next));
      continue;
    }
    const auto settled = co_await settle(next.record);
    if (!settled) co_return std::unexpected(settled.error());
    if (*settled == Settled::done) continue;
    if (*settled == Settled::not_yet) next.not_before = parts_.ports.clock.mono_now() + undecided_again;
    pending_.push_back(std::move(next));
    if (*settled == Settled::unheard) break;
  }
  co_return Result<void>{};
}

Task<Result<Claims::Settled>> Claims::settle(std::string record) {
  const auto kept = store_.holds(record);
  if (!kept) co_return std::unexpected(kept.error());
  if (!*kept) co_return Settled::done;
  auto claim = store_.get(record);
  if (!claim) co_return failure(claim);
  if (!is_pending(*claim)) co_return Settled::done;
  auto answer = co_await put_to_hub(std::move(*claim), "");
  if (!answer) co_return Settled::unheard;
  // It may be taken in once the member's wallet has room.
  if (answer->outcome == sync::ClaimOutcome::balance_limit) co_return Settled::not_yet;
  if (auto written = co_await keep_outcome(std::move(record), std::move(*answer)); !written)
    co_return failure(written);
  co_return Settled::done;
}

Task<Result<void>> Claims::keep_outcome(std::string record, sync::ClaimAnswer answer) {
  const auto turn = co_await parts_.ports.locks.acquire(std::string(claims_key), MonoTime::max());
  if (!turn) co_return std::unexpected(turn.error());
  // It may be forgotten since, or its member.
  const auto held = store_.holds(record);
  if (!held) co_return std::unexpected(held.error());
  if (!*held) co_return Result<void>{};
  auto claim = store_.get(record);
  if (!claim) co_return failure(claim);
  if (!is_pending(*claim)) co_return Result<void>{};
  claim->answer = {};
  if (answer.credit)
    claim->answer = {.status = 200, .body = render_claimed(*claim, *answer.credit)};
  else
    claim->refused = answer.outcome;
  ops::log(ops::Level::info, "programme", "the hub has decided about a claim",
           {{"transactionId", claim->transaction.str()},
            {"promotionId", claim->promotion.str()},
            {"result", claim->refused ? "refused" : "claimed"}});
  co_return co_await store_.settle(std::move(*claim));
}

bool Claims::runs_now(const Promotion& promotion) const {
  return loyalty::runs_on(promotion.term, utc_day(parts_.ports.clock.wall_now()));
}

Result<void> Claims::check_blocked(const CustomerId& customer) const {
  const auto member = parts_.ports.members.find(customer);
  if (!member) return std::unexpected(member.error());
  if (*member && (*member)->blocked) return fail(session::member_blocked());
  return {};
}

Result<const Promotion*> Claims::claimable(const CustomerId& customer, const Uuid& promotion) const {
  if (!state_.has_catalogue && hub_.has_hub())
    return fail(not_known("the hub has told of no promotions yet"));
  const auto member = parts_.ports.members.find(customer);
  if (!member) return std::unexpected(member.error());
  const auto found = state_.offer.promotions.find(promotion);
  const bool is_there = found != state_.offer.promotions.end();
  // Of whom the hub has told nothing only the hub knows whether it is theirs.
  if (*member && (*member)->told) {
    const auto& theirs = (*member)->promotions;
    if (std::ranges::find(theirs, promotion) == theirs.end()) return fail(not_assigned());
    if (!is_there) return fail(not_active());
  }
  if (!is_there) return fail(not_assigned());
  if (!runs_now(found->second)) return fail(not_active());
  return &found->second;
}

Task<Result<void>> Claims::hear_of(CustomerId customer) {
  // It is written down: on a disk that is full that would wait.
  if (!hub_.is_up() || !parts_.flows.may_begin()) co_return Result<void>{};
  const MonoTime deadline = parts_.ports.clock.mono_now() + limits::member_answer_wait;
  const auto told = co_await hub_.tell_of({.id = parts_.ports.uuids.next(), .customer = customer}, deadline);
  if (!told || !told->member || told->member->member != sync::member_hash(customer)) co_return Result<void>{};
  const bool all_applied =
      told->applied_epoch == parts_.outbox.epoch() && told->applied_through >= parts_.outbox.tail();
  journal::Batch batch;
  const auto writing =
      parts_.ports.members.merge(batch, *told->member, all_applied, standin::Members::Source::asked_once);
  if (!writing) co_return std::unexpected(writing.error());
  if (*writing) co_await parts_.journal.commit(std::move(batch));
  co_return Result<void>{};
}

Task<Result<Answer>> Claims::promotions(CustomerId customer) {
  if (auto heard = co_await hear_of(customer); !heard) co_return failure(heard);
  co_return known_promotions(customer);
}

Result<Answer> Claims::known_promotions(const CustomerId& customer) const {
  const auto member = parts_.ports.members.find(customer);
  if (!member) return std::unexpected(member.error());
  if (*member && (*member)->blocked) return fail(session::member_blocked());
  json::Writer out;
  out.begin_object().key("items").begin_array();
  for (const Uuid& id : *member ? (*member)->promotions : std::vector<Uuid>{}) {
    const auto found = state_.offer.promotions.find(id);
    if (found == state_.offer.promotions.end() || !runs_now(found->second)) continue;
    const auto claimed = store_.is_claimed(customer, id);
    if (!claimed) return std::unexpected(claimed.error());
    if (!*claimed) write_promotion(out, found->second);
  }
  out.end_array().end_object();
  return Answer{.status = 200, .body = out.take()};
}

}  // namespace perkline::edge::programme
