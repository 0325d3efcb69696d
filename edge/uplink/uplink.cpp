#include "edge/uplink/uplink.hpp"

#include <utility>

#include "shared/core/limits.hpp"
#include "shared/net/either.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::uplink {
namespace {

constexpr Millis listen_turn{3'600'000};

std::string reason_of(const sync::Fork& fork) {
  switch (fork.reason) {
    case sync::ForkReason::hash_differs:
      return "the hub knows another history of this store";
    case sync::ForkReason::beyond_tail:
      return "the hub knows more of this store than its journal holds";
    case sync::ForkReason::superseded:
      return "the hub has granted epoch " + std::to_string(fork.epoch) + ": adopt it, or this is a clone";
    case sync::ForkReason::epoch_unknown:
      return "the hub knows only epoch " + std::to_string(fork.epoch) + ": it was restored";
  }
  return {};
}

}  // namespace

std::string_view name_of(Standing::Kind kind) {
  switch (kind) {
    case Standing::Kind::connecting:
      return "connecting";
    case Standing::Kind::refused:
      return "refused";
    case Standing::Kind::streaming:
      return "streaming";
    case Standing::Kind::stopped:
      return "stopped";
  }
  return {};
}

Uplink::Uplink(net::HubLink& link, journal::Outbox& outbox, net::AsyncClock& clock, UplinkOptions options)
    : link_(link), outbox_(outbox), clock_(clock), options_(std::move(options)), window_(clock.mono_now()) {}

void Uplink::stop() {
  stopped_ = true;
  wake_->notify();
  granted_->notify();
}

Standing Uplink::standing() const {
  Standing standing{.kind = Standing::Kind::connecting,
                    .reason = halted_,
                    .is_forked = forked_,
                    .acknowledged = outbox_.acked(),
                    .tail = outbox_.tail(),
                    .last_heard = window_.last_heard(),
                    .round_trip = window_.round_trip()};
  if (!halted_.empty()) {
    standing.kind = Standing::Kind::stopped;
  } else if (link_.state() == net::LinkState::refused) {
    standing.kind = Standing::Kind::refused;
    standing.reason = "the hub does not know this store's key";
  } else if (window_.phase() == sync::SendWindow::Phase::streaming &&
             link_.state() == net::LinkState::connected) {
    standing.kind = Standing::Kind::streaming;
  }
  return standing;
}

Task<void> Uplink::run() {
  outbox_.on_growth([wake = wake_] { wake->notify(); });
  co_await net::either(talk(), listen());
  outbox_.on_growth({});
}

Task<void> Uplink::talk() {
  while (!stopped_) {
    act();
    if (!halted_.empty()) co_await outbox_.hold(true);
    // Between two epochs nothing is due, whatever the window says: to look again at once would leave the
    // adoption no time.
    const MonoTime until = adopting_ ? clock_.mono_now() + listen_turn : window_.wake_at();
    // Woken by what is heard, by a new event, or by the clock: which of them it was does not matter.
    (void)co_await clock_.wait_for(*wake_, until);
  }
}

Task<void> Uplink::listen() {
  while (!stopped_) {
    const auto frame = co_await link_.receive(clock_.mono_now() + listen_turn);
    if (!frame) continue;
    auto decoded = sync::decode_frame(*frame);
    if (!decoded) {
      ops::log(ops::Level::warn, "uplink", "a frame from the hub is malformed");
      continue;
    }
    co_await hear(std::move(*decoded));
    if (!halted_.empty()) co_await outbox_.hold(true);
    wake_->notify();
  }
}

Task<void> Uplink::hear(sync::Frame frame) {
  const MonoTime now = clock_.mono_now();
  if (const auto* welcome = std::get_if<sync::Welcome>(&frame)) {
    co_await welcomed(*welcome);
    if (options_.down) co_await options_.down(std::move(frame));
  } else if (const auto* ack = std::get_if<sync::Ack>(&frame)) {
    co_await acknowledged(*ack);
  } else if (const auto* nack = std::get_if<sync::Nack>(&frame)) {
    if (nack->epoch == outbox_.epoch()) window_.nacked(nack->expected, now);
  } else if (const auto* fork = std::get_if<sync::Fork>(&frame)) {
    co_await forked(*fork);
  } else if (auto* answer = std::get_if<sync::SaleAnswer>(&frame)) {
    answer_ = std::move(*answer);
    answered_->notify();
  } else if (const auto* refused = std::get_if<sync::ProtocolRefused>(&frame)) {
    halt("the hub speaks protocol " + std::to_string(refused->oldest) + " to " +
         std::to_string(refused->newest) + " only");
  } else if (options_.down) {
    co_await options_.down(std::move(frame));
  }
}

/// A fork that this store cannot see in a Welcome may have been another process's, which speaks under the
/// same name: it has to be told once more.
bool Uplink::confirmed() {
  if (suspected_) return true;
  suspected_ = true;
  window_.doubt(clock_.mono_now());
  return false;
}

Task<void> Uplink::forked(sync::Fork fork) {
  // One that speaks of another epoch than it must, seen from here, is late: of before a new epoch was
  // adopted.
  const std::uint64_t ours = outbox_.epoch();
  switch (fork.reason) {
    case sync::ForkReason::superseded:
      if (fork.epoch > ours) co_await superseded(std::move(fork));
      co_return;
    case sync::ForkReason::epoch_unknown:
      if (fork.epoch >= ours) co_return;
      halt_forked(fork);
      co_return co_await outbox_.lower_acked(0);
    case sync::ForkReason::hash_differs:
    case sync::ForkReason::beyond_tail:
      if (fork.epoch == ours && confirmed()) halt_forked(fork);
      co_return;
  }
}

Task<void> Uplink::superseded(sync::Fork fork) {
  halt_forked(fork);
  if (const auto& applied = fork.applied)
    co_await outbox_.lower_acked(applied->epoch < outbox_.epoch() ? 0 : applied->through);
  co_await outbox_.note_granted({.epoch = fork.epoch, .applied = fork.applied});
  if (grant_news_ && fork.applied) grant_news_->granted = true;
  granted_->notify();
}

Task<void> Uplink::welcomed(sync::Welcome welcome) {
  if (welcome.epoch != outbox_.epoch()) co_return;  // late: of before a new epoch was adopted
  if (welcome.protocol < sync::protocol_oldest || welcome.protocol > sync::protocol_newest)
    co_return halt("the hub speaks protocol " + std::to_string(welcome.protocol));
  // Before anything is judged: what it has forgotten must not be removed here, whatever becomes of the rest.
  const bool restored = co_await outbox_.note_hub(welcome.hub_incarnation);
  co_await outbox_.lower_acked(welcome.cursor);
  if (welcome.epoch != outbox_.epoch()) co_return;
  const auto ours = outbox_.hash_at(welcome.cursor);
  if (!ours) co_return halt("the journal cannot be read");
  if (!*ours && welcome.cursor > outbox_.tail()) co_return halt_and_tell(sync::ForkReason::beyond_tail);
  if (!*ours) co_return co_await lost_history(welcome.cursor);
  if (**ours != welcome.cursor_hash) co_return halt_and_tell(sync::ForkReason::hash_differs);
  if (!halted_.empty()) ops::log(ops::Level::info, "uplink", "the hub takes this store's history again");
  halted_.clear();
  forked_ = false;
  suspected_ = false;
  window_.welcomed(welcome, clock_.mono_now());
  if (grant_news_) grant_news_->welcomed = true;
  co_await outbox_.hold(false);
  co_await outbox_.forget_granted();
  if (restored) {
    ops::log(ops::Level::warn, "uplink", "the hub was restored from a backup: sending again what it lacks",
             {{"cursor", static_cast<std::int64_t>(welcome.cursor)}});
  }
  // Acks may have been lost: the cursor says what they said.
  if (welcome.epoch == outbox_.epoch() && welcome.cursor > outbox_.acked())
    co_await outbox_.set_acked(welcome.cursor);
}

Task<void> Uplink::acknowledged(sync::Ack ack) {
  if (ack.epoch != outbox_.epoch() || ack.through > outbox_.tail()) co_return;
  const auto ours = outbox_.hash_at(ack.through);
  if (ours && *ours && **ours != ack.hash) co_return halt_and_tell(sync::ForkReason::hash_differs);
  if (window_.acked(ack.through, clock_.mono_now())) co_await outbox_.set_acked(ack.through);
}

void Uplink::halt(std::string reason) {
  if (reason != halted_)
    ops::log(ops::Level::error, "uplink", "sync has stopped; sales go on", {{"reason", reason}});
  halted_ = std::move(reason);
  forked_ = false;
  outbox_.hold_now();
  window_.stop(clock_.mono_now());
}

void Uplink::halt_forked(const sync::Fork& fork) {
  halt(reason_of(fork));
  forked_ = true;
}

void Uplink::halt_and_tell(sync::ForkReason reason) {
  const sync::Fork fork{.epoch = outbox_.epoch(), .reason = reason};
  halt_forked(fork);
  send(fork);
}

/// The hub's operators may accept the gap.
Task<void> Uplink::lost_history(std::uint64_t cursor) {
  halt("history lost: the hub is at " + std::to_string(cursor) + ", older than the oldest event kept");
  co_await outbox_.note_lost();
  const auto oldest = outbox_.read(1, 1, 1);
  if (!oldest || oldest->empty()) co_return;
  const std::uint64_t through = oldest->front().sequence - 1;
  const auto hash = outbox_.hash_at(through);
  if (!hash || !*hash || through <= cursor) co_return;
  send(sync::HistoryLost{.epoch = outbox_.epoch(), .through = through, .hash = **hash});
}

Task<Result<journal::Adopted>> Uplink::adopt(std::uint64_t epoch) {
  if (adopting_ || grant_news_) co_return fail(Errc::session_state, "a new epoch is being adopted");
  grant_news_ = GrantNews{.granted = false, .welcomed = false};
  const auto asked = co_await ask_for_grant(epoch);
  grant_news_.reset();
  if (!asked) co_return std::unexpected(asked.error());
  adopting_ = true;
  auto adopted = co_await outbox_.adopt(epoch);
  adopting_ = false;
  wake_->notify();
  if (!adopted) co_return adopted;
  const bool all_kept = adopted->history_lost == false;
  ops::log(all_kept ? ops::Level::warn : ops::Level::error, "uplink", "a new epoch is adopted",
           {{"epoch", static_cast<std::int64_t>(epoch)},
            {"events", static_cast<std::int64_t>(adopted->events)},
            {"historyLost", all_kept                ? "no"
                            : adopted->history_lost ? "yes"
                                                    : "not known"}});
  if (adopted->lost) send(*adopted->lost);
  window_ = sync::SendWindow(clock_.mono_now());
  halted_.clear();
  forked_ = false;
  suspected_ = false;
  co_return adopted;
}

/// What was told before may be the word of a hub that was restored since, and a halted store asks twice a
/// minute only. A hub that cannot be reached holds nothing up: what it may lack is renumbered then.
Task<Result<void>> Uplink::ask_for_grant(std::uint64_t epoch) {
  const MonoTime deadline = clock_.mono_now() + grant_patience;
  if (auto may = outbox_.may_adopt(epoch); !may) co_return may;
  window_.doubt(clock_.mono_now());
  wake_->notify();
  while (!grant_news_->granted && !stopped_ && clock_.mono_now() < deadline) {
    if (!co_await clock_.wait_for(*granted_, deadline)) break;
  }
  if (stopped_) co_return fail(Errc::overloaded, "the daemon ends");
  if (grant_news_->welcomed && !grant_news_->granted) {
    co_return fail(Errc::validation_failed, "the hub has granted no epoch " + std::to_string(epoch) +
                                                ": it goes on with epoch " + std::to_string(outbox_.epoch()));
  }
  co_return Result<void>{};
}

Task<std::optional<sync::SaleAnswer>> Uplink::ask(std::vector<SessionId> sessions, MonoTime deadline) {
  if (std::exchange(asking_, true)) co_return std::nullopt;
  answer_.reset();
  send(sync::SaleQuery{std::move(sessions)});
  while (!answer_ && clock_.mono_now() < deadline) {
    if (!co_await clock_.wait_for(*answered_, deadline)) break;
  }
  asking_ = false;
  co_return std::exchange(answer_, std::nullopt);
}

void Uplink::act() {
  // Between two epochs nothing is to be said in either.
  if (adopting_) return;
  while (true) {
    switch (window_.next_move(outbox_.tail(), clock_.mono_now())) {
      case sync::SendWindow::Move::wait:
        return;
      case sync::SendWindow::Move::hello:
        say_hello();
        break;
      case sync::SendWindow::Move::batch:
        if (!send_batch()) return;
        break;
      case sync::SendWindow::Move::status:
        send(status());
        window_.said_status(clock_.mono_now());
        break;
      case sync::SendWindow::Move::reconnect:
        link_.reconnect();
        window_.reconnected(clock_.mono_now());
        break;
    }
  }
}

bool Uplink::send_batch() {
  const std::uint64_t from = window_.next();
  auto records = outbox_.read(from, limits::sync_batch_events_max, limits::sync_batch_bytes_max);
  const auto previous = outbox_.hash_at(from - 1);
  if (!records || !previous) return halt("the journal cannot be read"), false;
  if (records->empty() || records->front().sequence != from || !*previous) {
    return halt("history lost: event " + std::to_string(from) + " is no longer kept"), false;
  }
  sync::Batch batch{.epoch = outbox_.epoch(),
                    .first_sequence = from,
                    .previous_hash = **previous,
                    .hash = records->back().hash,
                    .events = {},
                    .sent_at = clock_.wall_now()};
  const std::uint64_t last = records->back().sequence;
  batch.events.reserve(records->size());
  for (auto& record : *records) batch.events.push_back(std::move(record.event));
  send(batch);
  window_.sent_batch(last, clock_.mono_now());
  return true;
}

void Uplink::say_hello() {
  send(sync::Hello{.store = options_.store,
                   .epoch = outbox_.epoch(),
                   .boot_id = options_.boot_id,
                   .protocol = sync::protocol_newest,
                   .tail = outbox_.tail(),
                   .tail_hash = outbox_.tail_hash(),
                   .status = status()});
  window_.said_hello(clock_.mono_now());
}

void Uplink::send(const sync::Frame& frame) {
  // A full queue is a lost frame, and the window finds out by the missing answer.
  if (!link_.send(sync::encode(frame)))
    ops::log(ops::Level::debug, "uplink", "the link takes no more for now");
}

void Uplink::tell_status() {
  send(status());
  window_.said_status(clock_.mono_now());
}

sync::Status Uplink::status() const {
  sync::Status status = options_.status();
  status.tail = outbox_.tail();
  status.epoch = outbox_.epoch();
  return status;
}

}  // namespace perkline::edge::uplink
