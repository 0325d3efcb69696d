#pragma once

#include <string>

#include "bench/edge/till_script.hpp"
#include "bench/measure/drive.hpp"
#include "bench/measure/options.hpp"
#include "bench/measure/turns.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// Tills for one turn against one server.
struct TillTurn {
  std::uint16_t port;
  pid_t server;
  pid_t sandbox = 0;  ///< On the load's core; 0: none is asked.
  std::size_t connections;
  TillScript::Options script;  ///< Its lanes are filled in.
  double rate = 0;             ///< Calls a second; 0: closed loop.
  std::uint64_t calls = 0;     ///< Ends after so many; 0: by time.
  std::function<void(std::uint64_t calls)> counted = {};
};

/// Errors: connection_failed; drive()'s.
Result<Figures> run_turn(TillTurn turn, const MeasureOptions& options, const TurnProgress& progress);

/// Begins the transactionIds of a turn, another for each of this process and of any other.
std::string next_run_name();

}  // namespace perkline::bench
