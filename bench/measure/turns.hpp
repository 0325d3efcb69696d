#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "bench/measure/figures.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// How long a turn has been going on.
using TurnProgress = std::function<void(std::chrono::milliseconds)>;

/// Who takes turns: the server under measurement, or a ceiling.
struct Contestant {
  std::string name;
  std::function<Result<Figures>(const TurnProgress&)> turn;
};

struct Series {
  std::string name;
  std::vector<Figures> turns = {};

  double per_second() const;  ///< The median of its turns; so of those below.
  double p50_us() const;
  double p99_us() const;
  double p999_us() const;
  double cpu_ms_per_operation() const;
  double database_cpu_ms_per_operation() const;
  double load_share() const;
  double rss_mib() const;   ///< The most of any.
  Histogram times() const;  ///< Of all.
};

/// One's figure by another's, in each round: turns that lie side by side share what the machine was like.
struct Ratio {
  std::string name;
  std::vector<double> rounds = {};
  double median() const;  ///< 0: there was no round.
  /// Between these two lies, with 95 %, what ever more rounds would come to: by drawing rounds anew from
  /// these again and again (bootstrap, the same every time).
  double low() const;
  double high() const;
};

struct TurnsOptions {
  std::string title;  ///< Of the progress bar.
  std::size_t rounds = 1;
  std::chrono::milliseconds turn{1000};  ///< How long one takes, about.
  const std::atomic<bool>* stop = nullptr;
};

/// A B, B A, A B …, so many rounds, with a progress bar: what gets slower or faster meanwhile favours nobody.
/// Errors: the first turn's that fails, with its name; cancelled.
Result<std::vector<Series>> take_turns(const std::vector<Contestant>& contestants,
                                       const TurnsOptions& options);

/// Of their throughputs.
Ratio ratio_of(const Series& subject, const Series& ceiling);
/// Of operations in the same CPU time: what of the ceiling's throughput is left where both do nothing but
/// compute. It does not follow the disk's moods, as the other does.
Ratio cpu_ratio_of(const Series& subject, const Series& ceiling);
double median_of(std::vector<double> values);

}  // namespace perkline::bench
