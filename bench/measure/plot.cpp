#include "bench/measure/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "shared/core/html.hpp"

namespace perkline::bench {
namespace {

constexpr double width = 560;
constexpr double height = 260;
constexpr double left = 64;
constexpr double bottom = 34;
constexpr double top = 10;
constexpr double line = 16;
constexpr double farthest = 1e-5;  ///< From 1: the plot ends at 99.999 %.
constexpr std::array colours{"#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d"};

std::string_view colour_of(std::size_t number) {
  return colours[number % colours.size()];
}

double down(double share_of_height) {
  return height - bottom - share_of_height * (height - bottom - top);
}

std::string open_svg(std::size_t legend_lines) {
  const double all = height + line * static_cast<double>(legend_lines);
  return fmt::format(R"(<svg viewBox="0 0 {} {}" width="{}" height="{}" role="img">)", width, all, width,
                     all);
}

std::string legend(std::size_t number, std::string_view name) {
  const double y = height + line * static_cast<double>(number);
  return fmt::format(R"(<rect x="{}" y="{}" width="10" height="10" fill="{}"/><text x="{}" y="{}">{}</text>)",
                     left, y, colour_of(number), left + line, y + 9, html_escaped(name));
}

std::string tick_left(double y, const std::string& text) {
  return fmt::format(
      R"(<line class="g" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/><text x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>)",
      left, width, y, left - 6, y + 4, text);
}

std::string tick_below(double x, const std::string& text) {
  return fmt::format(
      R"(<line class="g" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/><text x="{0:.1f}" y="{3}" text-anchor="middle">{4}</text>)",
      x, top, height - bottom, height - bottom + line, text);
}

double across(double share) {
  const double decades = -std::log10(std::clamp(1 - share, farthest, 1.0));
  return left + decades / -std::log10(farthest) * (width - left - line);
}

/// The powers of ten around all that is drawn.
std::pair<double, double> decades_of(const std::vector<Curve>& curves) {
  double low = 1e9;
  double high = 1e-9;
  for (const Curve& curve : curves) {
    for (const auto& [share, value] : curve.points) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  low = std::floor(std::log10(std::max(low, 1e-3)));
  return {low, std::max(std::ceil(std::log10(std::max(high, 1e-3))), low + 1)};
}

}  // namespace

std::string percentile_plot(const std::vector<Curve>& curves) {
  const auto [low, high] = decades_of(curves);
  std::string svg = open_svg(curves.size());
  for (double decade = low; decade <= high; ++decade)
    svg += tick_left(down((decade - low) / (high - low)), fmt::format("{:g} ms", std::pow(10, decade)));
  for (const auto& [share, text] :
       std::array{std::pair(0.0, "0"), std::pair(0.5, "50 %"), std::pair(0.9, "90"), std::pair(0.99, "99"),
                  std::pair(0.999, "99.9"), std::pair(0.9999, "99.99"), std::pair(0.99999, "99.999")})
    svg += tick_below(across(share), text);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    svg += fmt::format(R"(<polyline fill="none" stroke="{}" stroke-width="2" points=")", colour_of(i));
    for (const auto& [share, value] : curves[i].points) {
      const double y = (std::log10(std::max(value, 1e-3)) - low) / (high - low);
      svg += fmt::format("{:.1f},{:.1f} ", across(share), down(std::clamp(y, 0.0, 1.0)));
    }
    svg += "\"/>" + legend(i, curves[i].name);
  }
  return svg + "</svg>\n";
}

std::string turn_plot(const std::vector<Bars>& bars) {
  double most = 0;
  std::size_t turns = 1;
  for (const Bars& one : bars) {
    turns = std::max(turns, one.values.size());
    for (const double value : one.values) most = std::max(most, value);
  }
  if (most <= 0) most = 1;
  std::string svg = open_svg(bars.size());
  constexpr int ticks = 4;
  for (int i = 0; i <= ticks; ++i)
    svg += tick_left(down(static_cast<double>(i) / ticks), fmt::format("{:.4g}", most * i / ticks));
  const double group = (width - left) / static_cast<double>(turns);
  const double one_width = group * 0.8 / static_cast<double>(std::max<std::size_t>(bars.size(), 1));
  for (std::size_t i = 0; i < bars.size(); ++i) {
    for (std::size_t turn = 0; turn < bars[i].values.size(); ++turn) {
      const double y = down(bars[i].values[turn] / most);
      svg += fmt::format(
          R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"><title>{:.6g}</title></rect>)",
          left + group * (static_cast<double>(turn) + 0.1) + one_width * static_cast<double>(i), y, one_width,
          height - bottom - y, colour_of(i), bars[i].values[turn]);
    }
    svg += legend(i, bars[i].name);
  }
  for (std::size_t turn = 0; turn < turns; ++turn)
    svg += fmt::format(R"(<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)",
                       left + group * (static_cast<double>(turn) + 0.5), height - bottom + line, turn + 1);
  return svg + "</svg>\n";
}

}  // namespace perkline::bench
