#include "tests/simulation/shrink.hpp"

#include <algorithm>

namespace perkline::simulation {
namespace {

constexpr std::size_t runs_max = 80;
constexpr std::size_t lines_shown = 120;

class Shrinker {
 public:
  Shrinker(const Scenario& scenario, std::string invariant)
      : scenario_(scenario), invariant_(std::move(invariant)) {}

  Shrunk shrink() {
    lower(&Cut::stores_max, scenario_.stores);
    lower(&Cut::tills_max, scenario_.tills);
    for (std::size_t i = 0; i < trouble_count; ++i) {
      Cut less = shrunk_.cut;
      less.without.set(i);
      try_cut(less);
    }
    lower(&Cut::sales_max, scenario_.sales);
    lower(&Cut::tills_max, scenario_.tills);
    shrunk_.outcome = run(cut_down(scenario_, shrunk_.cut), true);
    return shrunk_;
  }

 private:
  /// To the least that still fails, by halving, and then one by one.
  void lower(std::size_t Cut::* bound, std::size_t from) {
    std::size_t known = std::min(from, shrunk_.cut.*bound);
    for (std::size_t step = known / 2; step > 0; step = known > 1 ? std::min(step, known - 1) : 0) {
      Cut less = shrunk_.cut;
      less.*bound = known - step;
      if (less.*bound > 0 && try_cut(less)) {
        known = less.*bound;
      } else {
        step /= 2;
      }
    }
  }

  bool try_cut(const Cut& cut) {
    if (shrunk_.runs >= runs_max) return false;
    ++shrunk_.runs;
    const Outcome outcome = run(cut_down(scenario_, cut));
    if (outcome.violations.empty() || outcome.violations.front().invariant != invariant_) return false;
    shrunk_.cut = cut;
    return true;
  }

  const Scenario& scenario_;
  std::string invariant_;
  Shrunk shrunk_;
};

std::string options_of(const Cut& cut) {
  std::string options;
  const auto bound = [&options](std::string_view name, std::size_t most) {
    if (most != SIZE_MAX) options.append(" --").append(name).append(" ").append(std::to_string(most));
  };
  bound("stores", cut.stores_max);
  bound("tills", cut.tills_max);
  bound("sales", cut.sales_max);
  for (std::size_t i = 0; i < trouble_count; ++i) {
    if (cut.without.test(i)) options.append(" --without ").append(name_of(static_cast<Trouble>(i)));
  }
  return options;
}

}  // namespace

Shrunk shrink(const Scenario& scenario) {
  const Outcome whole = run(scenario);
  if (whole.violations.empty()) return {.cut = {}, .outcome = whole};
  return Shrinker(scenario, whole.violations.front().invariant).shrink();
}

std::string report(const Scenario& scenario, const Shrunk& shrunk) {
  std::string text = "seed " + std::to_string(scenario.seed) + " breaks:\n";
  for (const Violation& violation : shrunk.outcome.violations)
    text.append("  ").append(violation.invariant).append(": ").append(violation.detail).append("\n");
  text.append("again: perkline-sim --trace ").append(std::to_string(scenario.seed));
  text.append(options_of(shrunk.cut)).append("\n");
  const auto& lines = shrunk.outcome.lines;
  const std::size_t skipped = lines.size() - std::min(lines.size(), lines_shown);
  if (skipped > 0) text.append("  … ").append(std::to_string(skipped)).append(" lines before\n");
  for (std::size_t i = skipped; i < lines.size(); ++i) text.append("  ").append(lines[i]).append("\n");
  return text;
}

}  // namespace perkline::simulation
