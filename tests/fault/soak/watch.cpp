#include "tests/fault/soak/watch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fmt/format.h>

namespace perkline::soak {
namespace {

/// Of one spell it takes so many calls to say anything of one in a hundred.
constexpr std::uint64_t spell_calls_min = 100;
constexpr int slow_spells_max = 3;
/// Of a life; its first quarter is for caches to fill.
constexpr std::size_t life_samples_min = 24;

double millis(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

/// The median of a quarter of them, the first being 0.
template <class Member>
std::int64_t quarter_median(const std::vector<Use>& samples, std::size_t quarter, Member member) {
  std::vector<std::int64_t> values;
  for (std::size_t i = samples.size() * quarter / 4; i < samples.size() * (quarter + 1) / 4; ++i)
    values.push_back(samples[i].*member);
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

template <class Member>
std::int64_t growth(const std::vector<Use>& samples, Member member) {
  return quarter_median(samples, 3, member) - quarter_median(samples, 1, member);
}

}  // namespace

Use use_of(pid_t pid) {
  Use use;
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) use.rss_kib = std::atoll(line.c_str() + 6);
    if (line.starts_with("Threads:")) use.threads = std::atoll(line.c_str() + 8);
  }
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder + "/fd", error), end; !error && at != end;
       at.increment(error))
    ++use.descriptors;
  return use;
}

void TillWaits::add(std::chrono::nanoseconds took, bool disturbed) {
  const std::scoped_lock lock(mutex_);
  (disturbed ? spell_.disturbed : spell_.quiet).add(took);
}

TillWaits::Spell TillWaits::take() {
  const std::scoped_lock lock(mutex_);
  all_.quiet.merge(spell_.quiet);
  all_.disturbed.merge(spell_.disturbed);
  return std::exchange(spell_, Spell{});
}

TillWaits::Spell TillWaits::all() const {
  const std::scoped_lock lock(mutex_);
  return all_;
}

void Watch::breach(std::string what) {
  breaches_.push_back(std::move(what));
}

void Watch::note(const std::string& part, pid_t pid, const Use& use) {
  if (use.rss_kib == 0) return;  // between two lives
  Part& known = parts_[part];
  if (known.lives.empty() || known.lives.back().pid != pid)
    known.lives.push_back({.pid = pid, .samples = {}});
  known.lives.back().samples.push_back(use);
  known.rss_kib_most = std::max(known.rss_kib_most, use.rss_kib);
  known.descriptors_most = std::max(known.descriptors_most, use.descriptors);
  if (use.rss_kib > bounds_.rss_kib_max)
    breach(fmt::format("{} uses {} MiB of memory, more than {}", part, use.rss_kib / 1024,
                       bounds_.rss_kib_max / 1024));
  if (use.descriptors > bounds_.descriptors_max)
    breach(fmt::format("{} has {} descriptors open, more than {}", part, use.descriptors,
                       bounds_.descriptors_max));
}

void Watch::note_waits(const std::string& part, const TillWaits::Spell& waits) {
  Part& known = parts_[part];
  known.quiet.merge(waits.quiet);
  if (waits.quiet.count() < spell_calls_min) return;
  const auto p99 = waits.quiet.quantile(0.99);
  known.slow_spells = p99 > bounds_.p99_max ? known.slow_spells + 1 : 0;
  if (known.slow_spells == slow_spells_max)
    breach(fmt::format("{}: one till in a hundred has waited for {:.0f} ms, more than {} ms, time and again",
                       part, millis(p99), bounds_.p99_max.count()));
}

std::vector<std::string> Watch::judge() const {
  std::vector<std::string> all = breaches_;
  for (const auto& [name, part] : parts_) {
    if (part.quiet.count() > 0 && part.quiet.quantile(0.99) > bounds_.p99_max)
      all.push_back(fmt::format("{}: tills' p99 was {:.0f} ms, more than {} ms", name,
                                millis(part.quiet.quantile(0.99)), bounds_.p99_max.count()));
    for (const Life& life : part.lives) {
      if (life.samples.size() < life_samples_min) continue;
      const auto memory = growth(life.samples, &Use::rss_kib);
      if (memory > bounds_.rss_growth_kib_max)
        all.push_back(
            fmt::format("{} (pid {}) has grown by {} MiB of memory from its life's second quarter "
                        "to its last",
                        name, life.pid, memory / 1024));
      const auto descriptors = growth(life.samples, &Use::descriptors);
      if (descriptors > bounds_.descriptors_growth_max)
        all.push_back(
            fmt::format("{} (pid {}) has {} descriptors more in its life's last quarter than in its "
                        "second",
                        name, life.pid, descriptors));
    }
  }
  return all;
}

std::string Watch::to_table() const {
  std::string table =
      fmt::format("{:<8} {:>6} {:>12} {:>12} {:>14} {:>12} {:>10} {:>10}\n", "part", "lives", "most RSS MiB",
                  "most fds", "RSS grown MiB", "fds grown", "p50 ms", "p99 ms");
  for (const auto& [name, part] : parts_) {
    const auto longest =
        std::ranges::max_element(part.lives, {}, [](const Life& life) { return life.samples.size(); });
    const bool known = longest != part.lives.end() && longest->samples.size() >= life_samples_min;
    table += fmt::format(
        "{:<8} {:>6} {:>12} {:>12} {:>14} {:>12} {:>10} {:>10}\n", name, part.lives.size(),
        part.rss_kib_most / 1024, part.descriptors_most,
        known ? fmt::format("{:.1f}", static_cast<double>(growth(longest->samples, &Use::rss_kib)) / 1024)
              : "-",
        known ? std::to_string(growth(longest->samples, &Use::descriptors)) : "-",
        part.quiet.count() == 0 ? "-" : fmt::format("{:.1f}", millis(part.quiet.quantile(0.5))),
        part.quiet.count() == 0 ? "-" : fmt::format("{:.1f}", millis(part.quiet.quantile(0.99))));
  }
  return table;
}

}  // namespace perkline::soak
