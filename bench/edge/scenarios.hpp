#pragma once

#include "bench/measure/options.hpp"
#include "bench/measure/report.hpp"
#include "shared/core/result.hpp"

/// One store's edge under load, held against performance.md's goals. Errors of all: io_failed (something does
/// not start or does not answer as it should), cancelled.
namespace perkline::bench {

/// PDI's breaker forced open, 32 and 256 connections, by turns with ceiling-till and ceiling-http.
Result<Report> run_standin(const MeasureOptions& options);

/// Against the sandbox: without a delay, and with 50 ms and 2,000 calls open.
Result<Report> run_online(const MeasureOptions& options);

/// A start over a million pending sales (made once, and kept in `backlog` beside the run's own folder), and
/// 50,000 settled with PDI back.
Result<Report> run_drain(const MeasureOptions& options);

/// How soon edge and hub are ready, and what they hold while idle.
Result<Report> run_start(const MeasureOptions& options);

}  // namespace perkline::bench
