#pragma once

#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/fleet/fleet.hpp"

namespace perkline::test {

/// What systemd is to the daemons of a fleet: starts again whatever has ended. From its making on nobody else
/// starts or stops the fleet's edges and hub. Any thread.
class Supervisor {
 public:
  /// Edges by their number, then the hub.
  using Part = std::size_t;
  struct End {
    Part part;
    int status;                                ///< As the shell has it.
    std::chrono::steady_clock::time_point at;  ///< When it was seen.
  };

  explicit Supervisor(bench::Fleet& fleet);
  /// All parts are up again by then, as far as that is in its hands.
  ~Supervisor();

  Part hub() const { return fleet_.edges(); }
  /// SIGKILL; it is started again at once.
  void kill(Part part);
  /// SIGKILL; it stays away until let_up().
  void keep_down(Part part);
  void let_up(Part part);
  pid_t pid(Part part) const;
  /// Every end so far that came by itself: not by kill() or keep_down().
  std::vector<End> ends() const;

 private:
  struct Watched {
    bool down = false;    ///< Is to be.
    bool killed = false;  ///< By us, and not yet started again.
  };
  bench::Child& child(Part part) const;
  void watch();
  void start(Part part);

  bench::Fleet& fleet_;
  mutable std::mutex mutex_;  ///< For all of the rest, and the fleet's children.
  std::vector<Watched> parts_;
  std::vector<End> ends_;
  std::jthread thread_;
};

}  // namespace perkline::test
