#include "tests/fault/soak/mischief.hpp"

#include <csignal>

#include <fmt/format.h>

#include "shared/core/limits.hpp"
#include "tests/fault/soak/paths.hpp"

namespace perkline::soak {
namespace {

using std::chrono::milliseconds;
using test::Happening;
using test::Place;

constexpr std::int64_t ample_room = 10LL * 1024 * 1024 * 1024;
constexpr std::int64_t ten_years_s = 3650LL * 24 * 3600;
/// Until a daemon that is back has answered what waited for it.
constexpr std::chrono::seconds aftermath{3};

constexpr std::array moods = {
    R"("endpoint":"*","mode":"hang")",
    R"("endpoint":"finalize","mode":"hang","probability":0.3)",
    R"("endpoint":"*","mode":"status","status":503)",
    R"("endpoint":"*","mode":"status","status":500,"probability":0.5)",
    R"("endpoint":"*","mode":"status","status":429,"retryAfter":"1","probability":0.3)",
    R"("endpoint":"*","mode":"reset","probability":0.5)",
    R"("endpoint":"*","mode":"delay","delayMs":700)",
    R"("endpoint":"finalize","mode":"delay","delayMs":3000)",
    R"("endpoint":"finalize","mode":"timeout_after_commit","probability":0.5)",
    R"("endpoint":"finalize","mode":"malformed","probability":0.5)",
    R"("endpoint":"identify","mode":"malformed")",
    R"("endpoint":"*","mode":"drip","probability":0.3)",
    R"("endpoint":"token","mode":"status","status":503)",
};

void rest(const std::stop_token& stop, milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(milliseconds(20));
}

std::string in(const std::filesystem::path& state, const char* name, std::size_t number) {
  return (state / fmt::format("{}-{}", name, number + 1)).string();
}

}  // namespace

Mischief::Edge::Edge(const std::filesystem::path& state, std::size_t number)
    : failpoint(in(state, "failpoint", number)),
      clock(in(state, "clock", number), "PERKLINE_CLOCK_SHIFT", 0),
      disk(in(state, "disk", number), "PERKLINE_DISK_FREE", ample_room) {}

Mischief::Mischief(const std::filesystem::path& state)
    : edges_{Edge(state, 0), Edge(state, 1)}, hub_failpoint_(state / "failpoint-hub") {}

void Mischief::preload(bench::Fleet& fleet) const {
  for (std::size_t i = 0; i < edges; ++i) {
    auto environment = edges_[i].failpoint.environment(
        failpoint_library() + ":" + small_disk_library() + ":" + clock_shift_library(),
        {.folder = fleet.edge_data(i), .pdi_port = fleet.sandbox_port(), .hub_port = fleet.sync_port()});
    environment.push_back(edges_[i].clock.environment());
    environment.push_back(edges_[i].disk.environment());
    environment.push_back("PERKLINE_DISK_FOLDER=" + fleet.edge_data(i).string());
    fleet.set_edge_environment(i, std::move(environment));
  }
  fleet.set_hub_environment(hub_failpoint_.environment(
      failpoint_library(), {.folder = fleet.hub_database().parent_path(), .hub_port = fleet.sync_port()}));
}

void Mischief::start(bench::Fleet& fleet, test::Supervisor& supervisor, Options options) {
  fleet_ = &fleet;
  supervisor_ = &supervisor;
  options_ = std::move(options);
  began_ = Clock::now();
  rng_ = SeededRng(options_.seed);
  mood_rng_ = SeededRng(options_.seed + 1);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  moods_ = std::jthread([this](const std::stop_token& stop) { run_moods(stop); });
}

void Mischief::stop() {
  thread_ = {};
  moods_ = {};
}

bool Mischief::disturbed_since(std::size_t edge, Clock::time_point then) const {
  return edges_[edge].disturbed_until > then.time_since_epoch().count();
}

std::map<std::string, std::size_t> Mischief::counts() const {
  const std::scoped_lock lock(mutex_);
  return counts_;
}

void Mischief::begin(const std::string& kind, const std::string& what) {
  {
    const std::scoped_lock lock(mutex_);
    ++counts_[kind];
  }
  if (options_.on_event) options_.on_event(what);
}

std::vector<test::Asked> Mischief::asked() const {
  const std::scoped_lock lock(mutex_);
  return asked_;
}

void Mischief::ask(test::Supervisor::Part part, Happening happening) {
  const std::scoped_lock lock(mutex_);
  asked_.push_back({.part = part, .happening = happening, .from = Clock::now()});
}

void Mischief::asked_enough() {
  const std::scoped_lock lock(mutex_);
  asked_.back().until = Clock::now() + aftermath;
}

void Mischief::disturb(std::size_t edge) {
  edges_[edge].disturbed_until = Clock::time_point::max().time_since_epoch().count();
}

void Mischief::calm(std::size_t edge) {
  edges_[edge].disturbed_until = (Clock::now() + aftermath).time_since_epoch().count();
}

milliseconds Mischief::up_to(std::int64_t least_ms, std::int64_t most_ms) {
  const auto range = static_cast<std::uint64_t>(most_ms - least_ms + 1);
  return milliseconds(least_ms + static_cast<std::int64_t>(rng_.below(range)));
}

void Mischief::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    rest(stop, up_to(500, 4000));
    if (!stop.stop_requested()) one_thing(stop);
  }
}

void Mischief::one_thing(const std::stop_token& stop) {
  switch (rng_.below(6)) {
    case 0:
      return kill_edge();
    case 1:
      return break_edge(stop);
    case 2:
      return fill_disk(stop);
    case 3:
      return jump_clock(stop);
    default:
      return trouble_hub(stop);
  }
}

void Mischief::kill_edge() {
  begin("edge killed", "edge-1 is killed");
  disturb(0);
  supervisor_->kill(0);
  calm(0);
}

/// At one of its next writes, syncs, sends or receipts: it crashes there, or the disk fails it.
void Mischief::break_edge(const std::stop_token& stop) {
  static constexpr std::array places{Place::write,       Place::sync,     Place::pdi_send,
                                     Place::pdi_receive, Place::hub_send, Place::hub_receive};
  const Place place = places[rng_.below(places.size())];
  const bool on_disk = place == Place::write || place == Place::sync;
  const auto happening = static_cast<Happening>(rng_.below(on_disk ? 4 : 2));
  const auto n = 1 + rng_.below(40);
  begin(happening == Happening::io_error || happening == Happening::disk_full ? "edge's disk fails"
                                                                              : "edge crashes at a point",
        fmt::format("edge-1: {} its {}. {}", name_of(happening), n, name_of(place)));
  disturb(0);
  ask(0, happening);
  edges_[0].failpoint.arm(happening, place, n);
  const auto give_up = Clock::now() + std::chrono::seconds(5);
  while (edges_[0].failpoint.armed() && Clock::now() < give_up && !stop.stop_requested())
    std::this_thread::sleep_for(milliseconds(10));
  edges_[0].failpoint.disarm();
  asked_enough();
  calm(0);
}

void Mischief::fill_disk(const std::stop_token& stop) {
  const std::size_t edge = rng_.below(edges);
  const bool to_the_brim = rng_.below(2) == 0;
  begin("disk full", fmt::format("edge-{}: its disk is {}", edge + 1, to_the_brim ? "full" : "nearly full"));
  disturb(edge);
  edges_[edge].disk.set(8 * static_cast<std::int64_t>(limits::mib));
  rest(stop, milliseconds(1500));
  if (to_the_brim) edges_[edge].disk.set(0);
  rest(stop, up_to(500, 5000));
  edges_[edge].disk.set(ample_room);
  calm(edge);
}

/// Nobody is kept waiting by it. A start while the clock is wrong would rightly end tills' sessions.
void Mischief::jump_clock(const std::stop_token& stop) {
  const std::size_t edge = rng_.below(edges);
  const std::int64_t off = rng_.below(2) == 0 ? ten_years_s : -ten_years_s;
  begin("clock jumps",
        fmt::format("edge-{}: its clock jumps by {} years", edge + 1, off > 0 ? "+10" : "-10"));
  edges_[edge].clock.set(off);
  rest(stop, up_to(1000, 8000));
  edges_[edge].clock.set(0);
}

void Mischief::trouble_hub(const std::stop_token& stop) {
  const auto hub = supervisor_->hub();
  // Afterwards it shows what grows.
  const bool may_die = Clock::now() < began_ + options_.duration / 2;
  const auto draw = rng_.below(3);
  if (!may_die || draw == 0) {
    // To its stores a hub that stands still is a line that has gone dead.
    begin("hub frozen", "the hub stands still");
    ::kill(supervisor_->pid(hub), SIGSTOP);
    rest(stop, up_to(500, 20'000));
    ::kill(supervisor_->pid(hub), SIGCONT);
  } else if (draw == 1) {
    begin("hub killed", "the hub is killed, and away for a while");
    supervisor_->keep_down(hub);
    rest(stop, up_to(0, 10'000));
    supervisor_->let_up(hub);
  } else {
    const Place place = rng_.below(2) == 0 ? Place::write : Place::sync;
    const auto happening = static_cast<Happening>(rng_.below(4));
    begin("hub breaks at a point", fmt::format("hub: {} one of its {}s", name_of(happening), name_of(place)));
    ask(hub, happening);
    hub_failpoint_.arm(happening, place, 1 + rng_.below(place == Place::write ? 60 : 4));
    rest(stop, milliseconds(4000));
    hub_failpoint_.disarm();
    asked_enough();
  }
}

void Mischief::run_moods(const std::stop_token& stop) {
  const auto up_to_ms = [this](std::int64_t most) {
    return milliseconds(1000 + static_cast<std::int64_t>(mood_rng_.below(static_cast<std::uint64_t>(most))));
  };
  while (!stop.stop_requested()) {
    rest(stop, up_to_ms(10'000));
    if (stop.stop_requested()) break;
    const std::string mood = moods[mood_rng_.below(moods.size())];
    begin("PDI misbehaves", "PDI: " + mood);
    (void)fleet_->set_fault("{" + mood + "}");
    rest(stop, up_to_ms(12'000));
    (void)fleet_->set_fault(R"({"endpoint":"*","mode":"ok"})");
  }
}

}  // namespace perkline::soak
