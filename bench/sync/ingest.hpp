#pragma once

#include <cstddef>
#include <optional>

#include "bench/measure/options.hpp"
#include "hub/db/database.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// Stores streaming sales to one hub, in turns with the same rows written bare (performance.md,
/// sync-ingest). `stores`: so many; nullopt: 10 by turns with 1,000. A hub with an empty database for each
/// turn, as the bare program has. Errors: io_failed, the database's, cancelled.
Result<Report> run_ingest(const MeasureOptions& options, hub::db::Engine engine,
                          std::optional<std::size_t> stores);

}  // namespace perkline::bench
