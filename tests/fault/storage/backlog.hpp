#pragma once

#include <cstddef>
#include <filesystem>

namespace perkline::test {

/// Fills an empty data folder with so many sales that await PDI, as a long outage would leave them: sessions,
/// names, places in `due`, and an event each that the hub has not acknowledged.
void make_backlog(const std::filesystem::path& data_dir, std::size_t sales);

}  // namespace perkline::test
