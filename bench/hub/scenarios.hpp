#pragma once

#include "bench/measure/options.hpp"
#include "hub/db/database.hpp"
#include "shared/core/result.hpp"

/// What one hub does for its members (performance.md). Each starts a hub of its own. Errors: io_failed, the
/// database's, cancelled.
namespace perkline::bench {

/// Transfers between members' wallets, random ones and to one hot member; with what the database does bare.
Result<Report> run_wallet(const MeasureOptions& options, hub::db::Engine engine);
Result<Report> run_spin(const MeasureOptions& options, hub::db::Engine engine);
/// Of promotions that are assigned beforehand.
Result<Report> run_claim(const MeasureOptions& options, hub::db::Engine engine);
/// Wallets read, each call's token checked.
Result<Report> run_balance(const MeasureOptions& options, hub::db::Engine engine);
/// Balance, history and spin over ledgers of 10^4, 10^5 and 10^6 entries, `full`: and 10^7, by turns.
Result<Report> run_growth(const MeasureOptions& options, hub::db::Engine engine, bool full);

}  // namespace perkline::bench
