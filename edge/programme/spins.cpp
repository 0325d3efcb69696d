#include "edge/programme/spins.hpp"

#include <algorithm>

#include "edge/session/till_error.hpp"
#include "shared/core/down_limits.hpp"
#include "shared/ops/log.hpp"
#include "shared/ops/trace.hpp"

namespace perkline::edge::programme {
namespace {

using session::Answer;
using session::Outcome;
using session::Session;

constexpr Millis try_again{60'000};
constexpr std::string_view no_prize = "none";

Error no_such_sale() {
  return {.code = Errc::session_state, .detail = "no finalized or pending sale of that member here"};
}

Error not_yet(std::string why) {
  return {.code = Errc::overloaded, .detail = std::move(why), .retry_after = try_again};
}

/// Where a journal that comes after another begins to count: at when it became itself, in milliseconds since
/// 1970, which its id tells (UUIDv7). Of several that came of one backup none knows what the others have
/// drawn.
std::int64_t nonces_before(const journal::LeaseHolder& holder) {
  if (!holder.seeds_closed) return 0;
  std::int64_t millis = 0;
  for (std::size_t i = 0; i < 6; ++i) millis = millis << 8 | holder.id.bytes[i];
  return millis;
}

sync::SpinDrawn event_of(const Drawn& drawn, const Session& session, WallTime now) {
  sync::SpinDrawn event{.spin = drawn.spin,
                        .session = session.id,
                        .transaction = session.transaction,
                        .customer = session.customer,
                        .commitment = drawn.seed.commitment,
                        .client_seed = drawn.draw.client_seed,
                        .nonce = drawn.draw.nonce,
                        .slots = {},
                        .prize = drawn.prize.id,
                        .lease = drawn.unit ? drawn.unit->lease : std::string(),
                        .ordinal = drawn.unit ? drawn.unit->ordinal() : 0,
                        .drawn_at = now,
                        .terms = drawn.prize.terms};
  for (const loyalty::PrizeTable::Slot& slot : drawn.table.slots)
    event.slots.push_back({.prize = slot.prize, .tickets = slot.tickets});
  return event;
}

/// The sale with its spin. Errors: session_state.
Result<Outcome> spun(Session session, const Drawn& drawn, WallTime now) {
  if (session.spin) return fail(Errc::session_state, "the sale has had its spin");
  auto next = take_step(std::move(session), session::Step::spin);
  if (!next) return failure(next);
  next->spin = session::Spin{.id = drawn.spin,
                             .client_seed = drawn.draw.client_seed,
                             .drawn_at = now,
                             .answer = {.status = 200, .body = render_spin(drawn)}};
  sync::EventPayload event = event_of(drawn, *next, now);
  return Outcome{.session = std::move(*next), .event = std::move(event)};
}

}  // namespace

Spins::Spins(Parts parts, State& state, HubDesk& hub, Watch watch)
    : parts_(std::move(parts)), state_(state), hub_(hub), watch_(std::move(watch)), book_(parts_.journal) {}

Task<Result<Answer>> Spins::spin(SpinRequest request, std::string traceparent) {
  auto id = sale_of(request);
  if (!id) co_return failure(id);
  auto turn = co_await parts_.flows.take_turn(id->str());
  if (!turn) co_return failure(turn);
  auto session = co_await parts_.flows.load(*id);
  if (!session) co_return failure(session);
  auto told = told_before(**session, request);
  if (!told) co_return failure(told);
  if (*told) co_return std::move(**told);
  if (auto may = co_await may_spin(**session); !may) co_return failure(may);
  auto begun = co_await begin(**session, traceparent);
  if (!begun) co_return failure(begun);
  const Begun asked = *begun;
  const Intent intent{.session = *id, .spin = asked.spin, .customer = request.customer};
  auto answer = co_await draw_and_keep(*id, std::move(request), std::move(*begun), std::move(traceparent));
  if (answer || !asked.is_intent) co_return answer;
  // The till may try again as often as it likes: that is one spin, and one question.
  if (answer.error().code == Errc::no_prize_available && asked.kept.empty())
    refused_.emplace(*id, Refused{.intent = intent, .at = parts_.ports.clock.mono_now()});
  else
    co_await drop({intent});
  co_return answer;
}

/// Errors: session_state, whatever else the transaction may be.
Result<SessionId> Spins::sale_of(const SpinRequest& request) const {
  auto named = parts_.ports.store.find(request.transaction);
  if (!named) return failure(named);
  const Session* session = *named ? std::get_if<Session>(&**named) : nullptr;
  if (session == nullptr || session->transaction != request.transaction) return fail(no_such_sale());
  return session->id;
}

/// What the till was told of this sale's spin; nullopt: it has not had it. Errors: session_state,
/// transaction_reused.
Result<std::optional<Answer>> Spins::told_before(const Session& session, const SpinRequest& request) const {
  if (session.customer != request.customer) return fail(no_such_sale());
  if (!session.spin) return std::nullopt;
  if (session.spin->client_seed != request.client_seed) return fail(session::transaction_reused());
  return session::replay(session.spin->answer);
}

/// Whether it may begin. What can be known before the hub is asked is told before.
Task<Result<void>> Spins::may_spin(const Session& session) {
  const std::string_view word = wire_name(session);
  if (word != "finalized" && word != "pending") co_return fail(session::out_of_order(session));
  if (state_.restored_at && session.after_restore != state_.restored_at)
    co_return fail(Errc::session_state, "the sale is of before a restore, and may have had its spin");
  if (auto may = parts_.flows.may_begin(); !may) co_return failure(may);
  const auto member = parts_.ports.members.find(session.customer);
  if (!member) co_return std::unexpected(member.error());
  if (*member && (*member)->blocked) co_return fail(session::member_blocked());
  if (auto settled = co_await settle_seeds(); !settled) co_return settled;
  if (const auto seed = seed_now(); !seed) co_return std::unexpected(seed.error());
  if (!is_open_sale(session) || session.acknowledged) co_return Result<void>{};
  // The process that was to tell the till is no more, and the hub has not heard of the sale: it is to hear of
  // that before it hears of the spin.
  if (auto told = co_await parts_.flows.acknowledge(session.id); !told) co_return failure(told);
  co_return Result<void>{};
}

/// Of a journal that came after another one: as soon as that can be told. Errors: storage's.
Task<Result<void>> Spins::settle_seeds() {
  if (!state_.holder || !state_.holder->unsettled) co_return Result<void>{};
  const auto turn = co_await parts_.ports.locks.acquire(std::string(wheel_key), MonoTime::max());
  if (!turn) co_return std::unexpected(turn.error());
  if (!state_.holder->unsettled) co_return Result<void>{};
  const auto closed = closed_by_now(*state_.holder->unsettled);
  if (!closed) co_return Result<void>{};
  const journal::LeaseHolder settled{.id = state_.holder->id, .seeds_closed = *closed};
  journal::Batch batch;
  put(batch, settled);
  co_await parts_.journal.commit(std::move(batch));
  state_.holder = settled;
  ops::log(ops::Level::warn, "programme", "seeds that the journal before may have drawn with are left alone",
           {{"seedsClosedThrough", format_day(*closed)}});
  co_return Result<void>{};
}

/// Errors: overloaded, no_prize_available.
Result<const Seed*> Spins::seed_now() const {
  if (!state_.has_catalogue) {
    if (!hub_.has_hub()) return fail(Errc::no_prize_available, "a store without a hub has no prizes");
    return fail(not_yet("the hub has not told yet what there is to be won"));
  }
  if (state_.offer.prizes.empty()) return fail(Errc::no_prize_available, "there is nothing to be won");
  const Seed* seed = nullptr;
  if (const auto& holder = state_.holder; holder && !holder->unsettled)
    seed = seed_for(state_.offer, utc_day(parts_.ports.clock.wall_now()), holder->seeds_closed);
  if (seed == nullptr) return fail(not_yet("the hub has committed to no seed for this store's draws yet"));
  return seed;
}

SeedStanding Spins::seeds() const {
  const auto& holder = state_.holder;
  if (!holder || !state_.has_catalogue || state_.offer.prizes.empty()) return {};
  const auto today = utc_day(parts_.ports.clock.wall_now());
  if (seed_for(state_.offer, today, std::nullopt) == nullptr) return {.left = 0, .trouble = "none_left"};
  // What is not settled yet the next spin settles, if it can be.
  const auto closed = holder->unsettled ? closed_by_now(*holder->unsettled) : holder->seeds_closed;
  if (holder->unsettled && !closed) return {.left = 0, .trouble = "awaits_clock"};
  const std::int64_t left = seeds_left(state_.offer, today, closed);
  return {.left = left, .trouble = left == 0 ? "closed" : ""};
}

std::optional<std::chrono::sys_days> Spins::closed_by_now(
    const journal::LeaseHolder::Unsettled& unsettled) const {
  const auto& clock = parts_.ports.clock;
  return seeds_to_close(state_.offer, unsettled, utc_day(clock.wall_now()),
                        clock.mono_now() >= state_.clock_awaited_until);
}

Result<Stock> Spins::stock() const {
  auto states = book_.lease_states(state_.offer);
  if (!states) return failure(states);
  // A copy of this journal has the same leases, and may give the same units away.
  const bool holds = state_.holder && !hub_.is_forked();
  return Stock(state_.offer, std::move(*states), holds ? state_.holder->id : Uuid{});
}

/// Asks the hub to keep one-time prizes, where there are any; that it was asked is durable before.
Task<Result<Spins::Begun>> Spins::begin(const Session& session, const std::string& traceparent) {
  Begun begun;
  if (const auto refused = refused_.extract(session.id)) {
    begun.spin = refused.mapped().intent.spin;
    begun.is_intent = true;
  } else {
    begun.spin = parts_.ports.uuids.next();
  }
  const auto now = stock();
  if (!now) co_return std::unexpected(now.error());
  if (!now->has_one_time()) co_return begun;
  begun.reserve = "away";
  if (!hub_.is_up()) co_return begun;
  if (!begun.is_intent) {
    journal::Batch batch;
    book_.put(batch, {.session = session.id, .spin = begun.spin, .customer = session.customer});
    co_await parts_.journal.commit(std::move(batch));
    begun.is_intent = true;
  }
  begun.reserve = "late";
  const MonoTime deadline = parts_.ports.clock.mono_now() + limits::spin_reserve_wait;
  auto reserved = co_await hub_.reserve(
      {.spin = begun.spin, .customer = session.customer, .traceparent = traceparent}, deadline);
  if (!reserved) co_return begun;
  begun.reserve = "kept";
  begun.kept.insert(reserved->prizes.begin(), reserved->prizes.end());
  co_return begun;
}

/// While the wheel is held.
Result<Drawn> Spins::draw(const Begun& begun, const SpinRequest& request) const {
  const auto seed = seed_now();
  if (!seed) return std::unexpected(seed.error());
  const std::string member = loyalty::till_member((*seed)->member_key, request.customer);
  const auto last = book_.nonce(**seed, member);
  if (!last) return std::unexpected(last.error());
  const std::int64_t nonce = std::max(*last, nonces_before(*state_.holder)) + 1;
  const auto now = stock();
  if (!now) return std::unexpected(now.error());
  return drawn_of({.spin = begun.spin,
                   .store = parts_.store,
                   .seed = **seed,
                   .draw = {.member = member, .client_seed = request.client_seed, .nonce = nonce}},
                  *now, begun.kept);
}

Task<Result<Answer>> Spins::draw_and_keep(SessionId id, SpinRequest request, Begun begun,
                                          std::string traceparent) {
  // However long it takes: on a full disk whoever has the wheel waits for room.
  const auto turn = co_await parts_.ports.locks.acquire(std::string(wheel_key), MonoTime::max());
  if (!turn) co_return std::unexpected(turn.error());
  const auto drawn = draw(begun, request);
  if (!drawn) co_return std::unexpected(drawn.error());
  const WallTime now = parts_.ports.clock.wall_now();
  auto kept = co_await parts_.writer.change(id, [&](Session current) -> Result<Outcome> {
    if (current.customer != request.customer) return fail(no_such_sale());
    auto outcome = spun(std::move(current), *drawn, now);
    if (!outcome) return outcome;
    outcome->traceparent = traceparent;
    book_.put_nonce(outcome->also, drawn->seed, drawn->draw.member, drawn->draw.nonce);
    if (drawn->unit) book_.put(outcome->also, drawn->unit->lease, drawn->unit->after);
    if (begun.is_intent) book_.erase_intent(outcome->also, id);
    return outcome;
  });
  if (!kept) co_return failure(kept);
  if (drawn->unit) tell_units();
  if (watch_.on_spin) watch_.on_spin(drawn->prize.type == no_prize ? "nothing" : "won", begun.reserve);
  ops::log(ops::Level::info, "programme", "a spin is drawn",
           {{"sessionId", id.str()},
            {"spinId", drawn->spin.str()},
            {"prizeId", drawn->prize.id},
            {"reserve", begun.reserve},
            {"customerId", ops::hashed(request.customer.str())},
            {"traceId", ops::trace_id_of(traceparent)},
            {"spanId", ops::span_id_of(traceparent)}});
  co_return (*kept)->spin->answer;
}

Task<void> Spins::drop(std::vector<Intent> intents) {
  journal::Batch batch;
  std::vector<journal::NewEvent> events;
  for (Intent& intent : intents) {
    book_.erase_intent(batch, intent.session);
    events.push_back(session::new_event(
        parts_.ports, "", sync::SpinDropped{.spin = intent.spin, .customer = std::move(intent.customer)}));
  }
  co_await parts_.outbox.commit(std::move(batch), std::move(events));
}

Task<void> Spins::drop_refused(MonoTime until) {
  std::vector<Intent> old;
  for (auto refused = refused_.begin(); refused != refused_.end();) {
    const bool is_old = refused->second.at < until;
    if (is_old) old.push_back(std::move(refused->second.intent));
    refused = is_old ? refused_.erase(refused) : std::next(refused);
  }
  if (!old.empty()) co_await drop(std::move(old));
}

Task<Result<void>> Spins::drop_begun() {
  auto intents = book_.intents();
  if (!intents) co_return failure(intents);
  if (!intents->empty()) co_await drop(std::move(*intents));
  co_return Result<void>{};
}

Result<Answer> Spins::prizes() const {
  const auto now = stock();
  if (!now) return std::unexpected(now.error());
  return Answer{.status = 200, .body = render_prizes(*now, hub_.is_up())};
}

void Spins::tell_units() const {
  const auto now = stock();
  if (now && watch_.on_units) watch_.on_units(now->units_left());
}

bool Spins::can_be_won(const std::string& prize) const {
  const auto offered = state_.offer.prizes.find(prize);
  return offered != state_.offer.prizes.end() && offered->second.tickets > 0;
}

Task<Result<std::size_t>> Spins::return_leases() {
  if (!state_.holder) co_return std::size_t{0};
  const auto turn = co_await parts_.ports.locks.acquire(std::string(wheel_key), MonoTime::max());
  if (!turn) co_return std::unexpected(turn.error());
  const auto states = book_.lease_states(state_.offer);
  if (!states) co_return std::unexpected(states.error());
  const WallTime now = parts_.ports.clock.wall_now();
  journal::Batch batch;
  std::vector<journal::NewEvent> events;
  if (hub_.is_forked()) co_return std::size_t{0};
  const MonoTime seen_by = parts_.ports.clock.mono_now() - lease_held;
  std::erase_if(leases_seen_, [this](const auto& seen) { return !state_.offer.leases.contains(seen.first); });
  for (const auto& [id, lease] : state_.offer.leases) {
    const std::uint32_t left = left_of(lease, *states, state_.holder->id);
    if (left == 0) continue;
    const MonoTime since = leases_seen_.try_emplace(id, parts_.ports.clock.mono_now()).first->second;
    const bool is_over = lease.return_after <= now && since <= seen_by;
    if (!is_over && can_be_won(lease.prize)) continue;
    const auto known = states->find(id);
    LeaseState state = known == states->end() ? LeaseState{} : known->second;
    state.returned += left;
    book_.put(batch, id, state);
    events.push_back(
        session::new_event(parts_.ports, "", sync::LeaseReturned{.lease = id, .returned = state.returned}));
  }
  const std::size_t count = events.size();
  if (count > 0) co_await parts_.outbox.commit(std::move(batch), std::move(events));
  tell_units();
  co_return count;
}

}  // namespace perkline::edge::programme
