#include "tests/simulation/trace.hpp"

#include <cstdio>

namespace perkline::simulation {
namespace {

constexpr std::size_t violations_kept = 8;

}  // namespace

void Trace::mix(std::string_view text) {
  for (const char c : text) mix(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
  mix(std::uint64_t{0xff});
}

void Trace::note(std::string_view who, std::string_view what, std::string_view detail) {
  mix(static_cast<std::uint64_t>(time_.now().count()));
  mix(who);
  mix(what);
  mix(detail);
  if (!keeps_lines_) return;
  char stamp[32];
  std::snprintf(stamp, sizeof stamp, "%12.3f s  ", std::chrono::duration<double>(time_.now()).count());
  lines_.push_back(std::string(stamp).append(who).append(": ").append(what).append(" ").append(detail));
}

void Trace::violated(std::string_view invariant, std::string detail) {
  note("VIOLATED", invariant, detail);
  if (violations_.size() < violations_kept)
    violations_.push_back({.invariant = std::string(invariant), .detail = std::move(detail)});
}

void Trace::check(bool holds, std::string_view invariant, std::string_view detail) {
  if (!holds) violated(invariant, std::string(detail));
}

}  // namespace perkline::simulation
