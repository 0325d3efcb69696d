#include "tests/fault/rig/supervisor.hpp"

namespace perkline::test {
namespace {

constexpr std::chrono::milliseconds look_every{5};

}  // namespace

Supervisor::Supervisor(bench::Fleet& fleet) : fleet_(fleet), parts_(fleet.edges() + 1) {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      watch();
      std::this_thread::sleep_for(look_every);
    }
  });
}

Supervisor::~Supervisor() {
  thread_.request_stop();
  thread_.join();
  for (auto& part : parts_) part.down = false;
  watch();
}

bench::Child& Supervisor::child(Part part) const {
  return part == hub() ? fleet_.hub() : fleet_.edge(part);
}

void Supervisor::kill(Part part) {
  const std::scoped_lock lock(mutex_);
  if (!child(part).running()) return;  // of itself, which watch() is to see
  parts_[part].killed = true;
  child(part).kill();
}

void Supervisor::keep_down(Part part) {
  kill(part);
  const std::scoped_lock lock(mutex_);
  parts_[part].down = true;
}

void Supervisor::let_up(Part part) {
  const std::scoped_lock lock(mutex_);
  parts_[part].down = false;
}

pid_t Supervisor::pid(Part part) const {
  const std::scoped_lock lock(mutex_);
  return child(part).pid();
}

std::vector<Supervisor::End> Supervisor::ends() const {
  const std::scoped_lock lock(mutex_);
  return ends_;
}

void Supervisor::watch() {
  for (Part part = 0; part < parts_.size(); ++part) {
    const std::scoped_lock lock(mutex_);
    Watched& watched = parts_[part];
    if (child(part).running()) continue;
    if (watched.down && watched.killed) continue;
    if (!watched.killed) ends_.push_back({part, child(part).terminate(), std::chrono::steady_clock::now()});
    watched.killed = watched.down;  // what has ended by itself while it is to be down has been told
    if (!watched.down) start(part);
  }
}

/// Does not wait until it answers: another may have ended meanwhile.
void Supervisor::start(Part part) {
  [[maybe_unused]] const auto launched = part == hub() ? fleet_.launch_hub() : fleet_.launch_edge(part);
}

}  // namespace perkline::test
