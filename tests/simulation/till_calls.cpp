#include <algorithm>

#include "shared/core/limits.hpp"
#include "shared/net/deadline.hpp"
#include "tests/simulation/tills.hpp"

namespace perkline::simulation {
namespace {

constexpr Millis pause_first{200};
constexpr Millis pause_max{4000};
/// What a till may wait beyond the stand-in's deadline: for another call of its session, and for the disk.
constexpr Millis wait_slack = limits::session_queue_wait + Millis{250};

bool is_our_fault(Errc code) {
  return code == Errc::internal || code == Errc::corrupt || code == Errc::io_failed ||
         code == Errc::newer_format || code == Errc::version_conflict || code == Errc::cancelled ||
         code == Errc::timed_out;
}

}  // namespace

/// Where a till finds the answer to its call, if the daemon lives to give one.
struct Tills::Slot {
  Heard heard;
  bool over = false;
  net::Signal given;
  void give() {
    over = true;
    given.notify();
  }
};

std::string told_as(const Result<edge::session::Answer>& heard) {
  if (!heard) return std::string(name_of(heard.error().code));
  return std::to_string(heard->status) + (heard->replayed ? " again" : "");
}

bool is_for_later(Errc code) {
  return code == Errc::session_busy || code == Errc::pdi_unavailable || code == Errc::overloaded ||
         code == Errc::storage_full;
}

Task<Result<edge::session::Answer>> Tills::until_answered(Caller caller, Call call) {
  Millis pause = pause_first;
  for (std::size_t tries = 1;; ++tries) {
    if (caller.sale.forgotten) co_return fail(Errc::cancelled);
    const bool twice = caller.twice && rng_.below(2) == 0;
    Heard heard = twice ? co_await both(caller, call) : co_await once(caller, call);
    if (caller.sale.forgotten) co_return fail(Errc::cancelled);
    trace_.note(caller.name, "hears", heard ? told_as(*heard) : "nothing");
    if (heard && (*heard || !is_for_later(heard->error().code))) {
      if (!*heard && is_our_fault(heard->error().code))
        trace_.violated("no till is told of a fault of ours", caller.name + " " + told_as(*heard));
      co_return std::move(*heard);
    }
    if (tries == caller.tries_max) co_return fail(Errc::overloaded, "nobody asks any more");
    co_await world_.clock().sleep(pause);
    pause = std::min(pause_max, 2 * pause);
  }
}

/// The same call at the same time, as by an impatient finger.
Task<Tills::Heard> Tills::both(Caller caller, Call call) {
  const auto other = std::make_shared<Slot>();
  world_.spawn(aside(caller, call, other));
  Heard first = co_await once(caller, call);
  while (!other->over) co_await other->given.wait();
  const Heard& second = other->heard;
  if (first && second && *first && *second && (*first)->status == 200 && (*second)->status == 200 &&
      !caller.sale.forgotten)
    trace_.check((*first)->body == (*second)->body, "a 200 never changes", caller.name);
  const bool first_decides = first && (*first || !is_for_later(first->error().code));
  co_return first_decides ? std::move(first) : second;
}

Task<void> Tills::aside(Caller caller, Call call, std::shared_ptr<Slot> slot) {
  slot->heard = co_await once(std::move(caller), std::move(call));
  slot->give();
}

Task<Tills::Heard> Tills::once(Caller caller, Call call) {
  const Millis patience{4000 + static_cast<std::int64_t>(rng_.below(10'000))};
  const MonoTime give_up = world_.clock().mono_now() + patience;
  Store& store = *stores_[caller.store];
  if (lost()) {
    co_await world_.clock().sleep_until(give_up);
    co_return std::nullopt;
  }
  if (store.life() == nullptr || store.fate.dead() || !store.life()->serving()) co_return std::nullopt;
  caller.sale.touched_at = timeline_.now();
  const auto slot = std::make_shared<Slot>();
  store.life()->world->spawn(serve(*this, store, call(*store.life()), slot, caller.slack));
  (void)co_await net::with_deadline(world_.clock(), give_up, told(slot));
  if (slot->over) caller.sale.touched_at = timeline_.now();
  if (lost()) {
    co_await world_.clock().sleep_until(give_up);
    co_return std::nullopt;
  }
  co_return slot->heard;
}

Task<void> Tills::serve(Tills& tills, Store& store, Task<Result<Answer>> call, std::shared_ptr<Slot> slot,
                        Millis slack) {
  const Timeline::Duration began = tills.timeline_.now();
  // What has begun waits for room on the disk.
  const bool had_room = store.has_room();
  const std::size_t fills = store.fills;
  auto answer = co_await std::move(call);
  if (store.fate.dead()) co_return;
  const Timeline::Duration took = tills.timeline_.now() - began;
  const Timeline::Duration most = tills.scenario_.standin_deadline + wait_slack + slack;
  tills.trace_.check(!tills.scenario_.standin || took <= most || !had_room || store.fills != fills,
                     "with a stand-in tills are answered in time", store.id().str());
  slot->heard = std::move(answer);
  slot->give();
}

Task<Result<void>> Tills::told(std::shared_ptr<Slot> slot) {
  co_await slot->given.wait();
  co_return Result<void>{};
}

}  // namespace perkline::simulation
