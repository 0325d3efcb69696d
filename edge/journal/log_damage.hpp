#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>

#include "shared/core/result.hpp"

namespace perkline::edge::journal {

/// Where one of the database's logs is damaged.
struct LogDamage {
  std::filesystem::path file;
  std::uint64_t offset = 0;  ///< Of the damaged record: what lies before it is whole.
  std::string what;          ///< For people.
};

/// Looks for damage that RocksDB would take for the log's end, and for all other damage in its logs. Some
/// flipped bits make a record one of an older log, or reach beyond the file's end: RocksDB reads on with the
/// next log then, without a word, and what lay behind is gone. The format is that of LevelDB's logs
/// (log_format.md): blocks of 32 KiB, records with a checksum, a length and a type.
///
/// Returns where the first record begins that is neither whole nor cut short by the log's end, as a crash
/// leaves it. One that is cut short and whole but for one bit of its length counts as damaged. `log` is read
/// from where it stands, a block at a time.
std::optional<std::uint64_t> damaged_record(std::istream& log);

/// Reads the write-ahead logs of the database in `folder`, its MANIFEST, and CURRENT, which names that one.
/// nullopt: none is damaged, or there is no database yet. What another process removes meanwhile is none of
/// its logs any more. Costs reading them: some 64 MiB at most. Errors: io_failed.
Result<std::optional<LogDamage>> find_log_damage(const std::filesystem::path& folder);

/// Whether the log is the MANIFEST or CURRENT, without which the tables cannot be read.
bool is_directory(const LogDamage& damage);

}  // namespace perkline::edge::journal
