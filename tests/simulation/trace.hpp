#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/timeline.hpp"

namespace perkline::simulation {

struct Violation {
  std::string invariant;
  std::string detail;
};

/// What happened in a run, in order: as a hash always, as lines on demand; and which invariants were broken.
class Trace {
 public:
  Trace(const Timeline& time, bool keeps_lines) : time_(time), keeps_lines_(keeps_lines) {}

  void note(std::string_view who, std::string_view what, std::string_view detail = {});
  /// The first few are kept.
  void violated(std::string_view invariant, std::string detail);
  /// `violated` unless it holds.
  void check(bool holds, std::string_view invariant, std::string_view detail);

  std::uint64_t hash() const { return hash_; }
  const std::vector<std::string>& lines() const { return lines_; }
  const std::vector<Violation>& violations() const { return violations_; }

 private:
  void mix(std::string_view text);
  void mix(std::uint64_t value) { hash_ = (hash_ ^ value) * 1099511628211ULL; }

  const Timeline& time_;
  bool keeps_lines_;
  std::uint64_t hash_ = 14695981039346656037ULL;
  std::vector<std::string> lines_;
  std::vector<Violation> violations_;
};

}  // namespace perkline::simulation
