#include "tests/support/sim_store.hpp"

#include "edge/journal/restored.hpp"
#include "shared/core/assert.hpp"
#include "shared/json/value.hpp"

namespace perkline::edge::session {
namespace {

Task<void> listen(Task<Result<Answer>> call, std::optional<Result<Answer>>& out) {
  out = co_await std::move(call);
}

Task<void> forget(Task<Result<Answer>> call) {
  (void)co_await std::move(call);
}

pdi_queue::Gate gate_of(pdi::Guard& guard, const Clock& clock, const LifeOptions& options,
                        const pdi_queue::Restoration& restoration) {
  const auto is_held = [&restoration] { return restoration.holds_settlement(); };
  if (options.breaker) {
    return {.open_at = [&guard] { return guard.open_at(); },
            .is_closed = [&guard] { return guard.is_closed(); },
            .may_retry = [&guard] { return guard.take_settlement_retry(); },
            .is_held = is_held};
  }
  return {.open_at = [&clock] { return clock.mono_now(); },
          .is_closed = [] { return true; },
          .may_retry = options.may_retry,
          .is_held = is_held};
}

std::unique_ptr<journal::Outbox> opened(journal::Journal& journal, const StoreId& store) {
  auto outbox = journal::Outbox::open(journal, store);
  PERKLINE_ASSERT(outbox.has_value());
  return std::move(*outbox);
}

}  // namespace

SessionId session_id_in(std::string_view body) {
  auto document = json::parse(body);
  PERKLINE_ASSERT(document.has_value());
  return SessionId(std::string(document->root().find("sessionId")->text()));
}

Life::Life(Outside& around, LifeOptions options)
    : outside(around),
      world(std::make_unique<test::SimWorld>(around.time)),
      rng(static_cast<std::uint64_t>(around.time.mono.time_since_epoch().count())),
      uuids(world->clock(), rng),
      journal(around.disk, world->clock()),
      outbox(opened(journal, options.store)),
      store(journal, *outbox),
      pdi(around.pdi, world->clock()),
      guard(pdi, world->clock(), rng, {}),
      locks(world->clock()),
      members(journal),
      rules(options.rules),
      ports{.store = store,
            .members = members,
            .rules = rules,
            .pdi = options.breaker ? guard.tills() : pdi,
            .settlement = options.breaker ? guard.settlement() : pdi,
            .clock = world->clock(),
            .locks = locks,
            .uuids = uuids},
      writer(ports, options.standin.timezone),
      finalizer(ports, writer, options.standin.enabled),
      restoration(ports, journal, writer, std::move(options.ask_hub),
                  [this](const SessionId& id) { queue.add(id, world->clock().mono_now()); }),
      queue({.quiet = options.quiet, .known_max = options.queue_known_max}, ports, writer, finalizer,
            gate_of(guard, world->clock(), options, restoration), rng),
      flows({.store = options.store,
             .currency = usd(),
             .standin = options.standin,
             .room = [this] { return this->outside.room; },
             .restored_at = journal::last_restored_at(journal)},
            ports, writer, finalizer,
            [this](const SessionId& id, MonoTime last_byte) { queue.add(id, last_byte); }) {
  ops::set_log_level(ops::Level::error);
  PERKLINE_ASSERT(run(restoration.start()).has_value());
  PERKLINE_ASSERT(queue.start().has_value());
  world->spawn(queue.run());
  world->spawn(restoration.run());
}

Life::~Life() {
  world.reset();
}

void Life::crash(std::uint64_t seed) {
  SeededRng chance(seed);
  journal.crash(chance);
  world.reset();
}

std::pair<Result<Answer>, Result<Answer>> Life::run_both(Task<Result<Answer>> first,
                                                         Task<Result<Answer>> second) {
  std::optional<Result<Answer>> one;
  std::optional<Result<Answer>> two;
  world->spawn(listen(std::move(first), one));
  world->spawn(listen(std::move(second), two));
  world->run_until([&] { return one && two; });
  return {std::move(one.value()), std::move(two.value())};
}

void Life::start(Task<Result<Answer>> task) {
  world->spawn(forget(std::move(task)));
}

SessionId Life::identify(const Till& till) {
  const auto answer = run(flows.identify(till.identify_request()));
  return answer ? session_id_in(answer->body) : SessionId();
}

bool Life::settle() {
  return world->run_until([&] { return queue.depth() == 0; });
}

Session Life::stored(const SessionId& id) {
  auto session = store.find(id);
  PERKLINE_ASSERT(session && *session);
  return std::move(**session);
}

std::vector<sync::Event> Life::events() {
  auto records = outbox->read(1, 1000, std::size_t{1} << 30);
  PERKLINE_ASSERT(records.has_value());
  std::vector<sync::Event> events;
  for (const auto& record : *records) {
    auto event = sync::decode_event(record.event);
    PERKLINE_ASSERT(event.has_value());
    events.push_back(std::move(*event));
  }
  return events;
}

}  // namespace perkline::edge::session
