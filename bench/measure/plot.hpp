#pragma once

#include <string>
#include <utility>
#include <vector>

/// Plots as SVG, to stand inside a page. Whose name comes at the same place has the same colour in all; more
/// than there are colours have dashes, or stripes, beside.
namespace perkline::bench {

struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< Ascending by the first.
};

/// Latency by percentile, as HdrHistogram draws it: the first of each point is the share that is no slower,
/// 0 to 1, drawn by its distance from 1; the second is milliseconds. Both axes are logarithmic.
std::string percentile_plot(const std::vector<Curve>& curves);

struct Bars {
  std::string name;
  std::vector<double> values;  ///< By turn.
};

/// The same turn's bars side by side.
std::string turn_plot(const std::vector<Bars>& bars);

}  // namespace perkline::bench
