#include "bench/edge/till_turn.hpp"

#include <chrono>

#include <fmt/format.h>

namespace perkline::bench {

std::string next_run_name() {
  static const auto begun =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
  static int last = 0;
  return fmt::format("T{:x}-{}", begun, ++last);
}

Result<Figures> run_turn(TillTurn turn, const MeasureOptions& options, const TurnProgress& progress) {
  turn.script.lanes = turn.connections;
  if (turn.script.run.empty()) turn.script.run = next_run_name();
  TillScript script(turn.script);
  auto load = HttpLoad::connect({.port = turn.port, .connections = turn.connections}, script);
  if (!load) return failure(load);
  return drive(**load, {.warm_up = options.warm_up,
                        .time = options.time,
                        .rate = turn.rate,
                        .units = turn.calls,
                        .server = turn.server,
                        .beside = turn.sandbox,
                        .stop = options.stop,
                        .progress = progress,
                        .counted = turn.counted});
}

}  // namespace perkline::bench
