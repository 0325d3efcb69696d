#include "shared/ops/health.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <string_view>
#include <utility>

#include "shared/core/assert.hpp"
#include "shared/json/writer.hpp"

namespace perkline::ops {
namespace {

struct Check {
  std::string name;
  CheckRole role;
  std::function<CheckResult()> run;
};

constexpr std::string_view name_of(CheckStatus status) {
  switch (status) {
    case CheckStatus::up:
      return "up";
    case CheckStatus::degraded:
      return "degraded";
    case CheckStatus::down:
      return "down";
  }
  return "down";
}

/// A check that throws has found out nothing good.
CheckResult outcome_of(const Check& check) {
  try {
    return check.run();
  } catch (const std::exception&) {
    CheckResult down;
    down.status = CheckStatus::down;
    return down;
  }
}

enum class Overall : unsigned char { healthy, degraded, unhealthy };

constexpr std::string_view name_of(Overall overall) {
  switch (overall) {
    case Overall::healthy:
      return "healthy";
    case Overall::degraded:
      return "degraded";
    case Overall::unhealthy:
      return "unhealthy";
  }
  return "unhealthy";
}

constexpr Overall effect_of(CheckRole role, CheckStatus status) {
  if (status == CheckStatus::up) return Overall::healthy;
  return status == CheckStatus::down && role != CheckRole::told ? Overall::unhealthy : Overall::degraded;
}

void write_check(json::Writer& out, const CheckResult& result) {
  out.begin_object();
  out.field("status", name_of(result.status));
  out.key("latency");
  const double micros = std::round(result.latency_ms.value_or(NAN) * 1000);
  std::isfinite(micros) ? out.value(micros / 1000) : out.null();
  if (!result.circuit_breaker.empty()) out.field("circuitBreaker", result.circuit_breaker);
  out.end_object();
}

}  // namespace

struct Health::State {
  explicit State(const Clock& its_clock) : clock(its_clock), started(its_clock.mono_now()) {}

  struct Told {
    Overall overall;
    std::string body;
    bool wedged;
  };
  Told tell() const;

  const Clock& clock;
  const MonoTime started;
  mutable std::mutex mutex;
  std::vector<Check> checks;  ///< Under `mutex`; copied to be run, so that a slow check never holds it.
};

Health::State::Told Health::State::tell() const {
  std::vector<Check> all;
  {
    const std::scoped_lock lock(mutex);
    all = checks;
  }
  Overall overall = Overall::healthy;
  bool wedged = false;
  json::Writer told;
  told.begin_object();
  for (const Check& check : all) {
    const CheckResult result = outcome_of(check);
    overall = std::max(overall, effect_of(check.role, result.status));
    wedged |= check.role == CheckRole::required && result.status == CheckStatus::down;
    told.key(check.name);
    write_check(told, result);
  }
  told.end_object();

  json::Writer body;
  body.begin_object();
  body.field("status", name_of(overall));
  body.field("timestamp", format_time(clock.wall_now()));
  body.field("uptime", std::chrono::duration_cast<seconds>(clock.mono_now() - started).count());
  body.key("checks").raw(told.take());
  body.end_object();
  return {.overall = overall, .body = body.take(), .wedged = wedged};
}

Health::Health(const Clock& clock) : state_(std::make_unique<State>(clock)) {}
Health::~Health() = default;

void Health::add(std::string name, CheckRole role, std::function<CheckResult()> check) {
  const std::scoped_lock lock(state_->mutex);
  PERKLINE_ASSERT(std::ranges::find(state_->checks, name, &Check::name) == state_->checks.end());
  state_->checks.push_back({std::move(name), role, std::move(check)});
}

Health::Report Health::alive() const {
  auto told = state_->tell();
  return {.http_status = 200, .body = std::move(told.body), .wedged = told.wedged};
}

Health::Report Health::ready() const {
  auto told = state_->tell();
  return {.http_status = told.overall == Overall::unhealthy ? 503 : 200,
          .body = std::move(told.body),
          .wedged = told.wedged};
}

Health::Report Health::live() const {
  return ready();
}

}  // namespace perkline::ops
