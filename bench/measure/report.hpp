#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "bench/measure/turns.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// What a scenario is to reach (performance.md).
struct Target {
  enum class Bound : std::uint8_t { at_least, at_most };
  std::string name;  ///< With its unit: `p99 at 32 connections, ms`.
  double is;
  double bound;
  Bound kind = Bound::at_most;
  bool met() const { return kind == Bound::at_most ? is <= bound : is >= bound; }
};

/// How it was measured.
struct Measuring {
  std::size_t rounds = 0;      ///< How often each had its turn.
  double seconds = 0;          ///< Of a turn; 0: it takes as long as it takes.
  double warm_up_seconds = 0;  ///< Before it, not counted.
  double rate = 0;             ///< Calls a second that were asked for; 0: as many as go.
  bool quick = false;          ///< For function only: whether goals are met is not told then.
};

/// A scenario as it went. Its figures, ratios and goals in the order they are told in.
struct Report {
  std::string scenario;  ///< `edge-standin`: its name at `./run bench` and of its files.
  Measuring measuring = {};
  std::vector<std::pair<std::string, std::string>> settings = {};
  bool rates = true;  ///< False: a turn is one operation, of which there is a time and no throughput.
  std::vector<Series> series = {};
  std::vector<Ratio> ratios = {};
  std::vector<Target> targets = {};
  std::vector<std::string> notes = {};  ///< What the reader must know of it.

  Target& at_least(std::string name, double is, double bound);
  Target& at_most(std::string name, double is, double bound);
};

/// As a table, goals last.
std::string to_text(const Report& report);
/// With the machine, how it was measured, the commit and the date; all turns and each series' histogram.
std::string to_json(const Report& report);
/// Writes `folder`/SCENARIO.json, and index.html anew from all such files there. Errors: io_failed.
Result<void> publish(const Report& report, const std::filesystem::path& folder);

}  // namespace perkline::bench
