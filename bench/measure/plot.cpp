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
constexpr double left = 80;
constexpr double right = 24;  ///< Half of the last label.
constexpr double bottom = 52;
constexpr double top = 24;
constexpr double line = 16;
constexpr double farthest = 1e-5;  ///< From 1: the plot ends at 99.999 %.
constexpr std::array colours{"#2563eb", "#dc2626", "#059669", "#d97706",
                             "#7c3aed", "#0891b2", "#be185d", "#4d7c0f"};
constexpr std::array dashes{"", "6 3", "2 3"};

std::string_view colour_of(std::size_t number) {
  return colours[number % colours.size()];
}
/// Of a line: those of one colour are told apart by it.
std::string_view dash_of(std::size_t number) {
  return dashes[number / colours.size() % dashes.size()];
}
/// Of a bar, likewise.
double opacity_of(std::size_t number) {
  constexpr std::array opacities{1.0, 0.55, 0.3};
  return opacities[number / colours.size() % opacities.size()];
}

/// `57,250`.
std::string thousands(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

/// What stands at the axes: above the left one, below the lower one.
std::string axes(std::string_view of_left, std::string_view below) {
  return fmt::format(R"(<text x="4" y="12">{}</text><text x="{}" y="{}" text-anchor="end">{}</text>)",
                     html_escaped(of_left), width - right, height - 6, html_escaped(below));
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
  constexpr double mark = 24;
  return fmt::format(
      R"(<line x1="{0}" x2="{1}" y1="{2}" y2="{2}" stroke="{3}" stroke-width="6" stroke-opacity="{4}" stroke-dasharray="{5}"/><text x="{6}" y="{7}">{8}</text>)",
      left, left + mark, y + 5, colour_of(number), opacity_of(number), dash_of(number), left + mark + 6,
      y + 9, html_escaped(name));
}

std::string tick_left(double y, const std::string& text) {
  return fmt::format(
      R"(<line class="g" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/><text x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>)",
      left, width - right, y, left - 6, y + 4, text);
}

std::string tick_below(double x, const std::string& text) {
  return fmt::format(
      R"(<line class="g" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/><text x="{0:.1f}" y="{3}" text-anchor="middle">{4}</text>)",
      x, top, height - bottom, height - bottom + line, text);
}

double across(double share) {
  const double decades = -std::log10(std::clamp(1 - share, farthest, 1.0));
  return left + decades / -std::log10(farthest) * (width - left - right);
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
  std::string svg =
      open_svg(curves.size()) + axes("latency", "of all calls, so many per cent were no slower");
  for (double decade = low; decade <= high; ++decade)
    svg += tick_left(down((decade - low) / (high - low)), fmt::format("{:g} ms", std::pow(10, decade)));
  for (const auto& [share, text] :
       std::array{std::pair(0.0, "0"), std::pair(0.5, "50 %"), std::pair(0.9, "90"), std::pair(0.99, "99"),
                  std::pair(0.999, "99.9"), std::pair(0.9999, "99.99"), std::pair(0.99999, "99.999")})
    svg += tick_below(across(share), text);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    svg += fmt::format(R"(<polyline fill="none" stroke="{}" stroke-width="2" stroke-dasharray="{}" points=")",
                       colour_of(i), dash_of(i));
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
  std::string svg = open_svg(bars.size()) + axes("operations a second", "turn");
  constexpr int ticks = 4;
  for (int i = 0; i <= ticks; ++i)
    svg += tick_left(down(static_cast<double>(i) / ticks), thousands(most * i / ticks));
  const double group = (width - left - right) / static_cast<double>(turns);
  const double one_width = group * 0.8 / static_cast<double>(std::max<std::size_t>(bars.size(), 1));
  for (std::size_t i = 0; i < bars.size(); ++i) {
    for (std::size_t turn = 0; turn < bars[i].values.size(); ++turn) {
      const double y = down(bars[i].values[turn] / most);
      svg += fmt::format(
          R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}" fill-opacity="{}"><title>{}: {}</title></rect>)",
          left + group * (static_cast<double>(turn) + 0.1) + one_width * static_cast<double>(i), y, one_width,
          height - bottom - y, colour_of(i), opacity_of(i), html_escaped(bars[i].name),
          thousands(bars[i].values[turn]));
    }
    svg += legend(i, bars[i].name);
  }
  for (std::size_t turn = 0; turn < turns; ++turn)
    svg += fmt::format(R"(<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)",
                       left + group * (static_cast<double>(turn) + 0.5), height - bottom + line, turn + 1);
  return svg + "</svg>\n";
}

}  // namespace perkline::bench
