#pragma once

#include <string>

#include "bench/measure/figures.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// Makes pgbench's own tables (TPC-B), `scale` × 100,000 accounts. Errors: io_failed (it is not there, or
/// fails).
Result<void> prepare_pgbench(const std::string& url, int scale);
/// Its transactions from so many clients. It tells no percentiles. Errors: io_failed.
Result<Figures> run_pgbench(const std::string& url, int clients, double seconds);

}  // namespace perkline::bench
