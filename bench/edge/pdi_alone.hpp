#pragma once

#include "bench/edge/lone_store.hpp"
#include "bench/measure/figures.hpp"
#include "bench/measure/options.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// How fast PDI answers: a sale's three calls to the store's sandbox, one after the other, by the client that
/// an edge has and nothing beside it, `places` sales at a time, on the server's core. An operation is a sale.
/// Errors: io_failed (a call was not answered as it should be).
Result<Figures> run_pdi_alone(const LoneStore& store, std::size_t places, const MeasureOptions& options);

}  // namespace perkline::bench
