#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/hub/members.hpp"
#include "bench/measure/options.hpp"
#include "bench/measure/turns.hpp"
#include "shared/core/result.hpp"

/// What a hub's calls are held against. `options` outlive each.
namespace perkline::bench {

/// Of reports that have bare_sqlite's figures.
inline constexpr const char* batch_times_note =
    "ceiling-sqlite's p50, p99 and p99.9 are of a whole commit on one thread, not of what a caller waits "
    "for, and "
    "not corrected for coordinated omission.";
/// Of reports of hubs on PostgreSQL.
inline constexpr const char* postgres_cpu_note =
    "CPU-ms are the hub's, DB-ms those of PostgreSQL's own processes.";

/// A call's rows by SQLite alone, as many a commit as there are members that wait for theirs. `rows`:
/// `transfers`, `spins`, `claims`.
Contestant bare_sqlite(const MeasureOptions& options, const std::string& rows);

/// The same reads, answered by a bare server on `core` as if nothing were behind them. `members` outlive it.
/// Errors: io_failed, connection_failed.
Result<Contestant> bare_http(const MeasureOptions& options, const std::vector<Member>& members, int core);

}  // namespace perkline::bench
