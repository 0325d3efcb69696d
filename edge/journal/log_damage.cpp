#include "edge/journal/log_damage.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <string_view>
#include <variant>
#include <vector>

namespace perkline::edge::journal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t block_bytes = std::size_t{32} * 1024;
constexpr std::size_t header_bytes = 7;            // checksum (4), length (2), type
constexpr std::size_t recycled_header_bytes = 11;  // and the log's number (4)
constexpr std::size_t length_at = 4;
constexpr std::size_t type_at = 6;
constexpr unsigned length_bits = 16;

/// CRC-32C, by the byte.
constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
    table[i] = crc;
  }
  return table;
}();

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) crc = (crc >> 8) ^ crc_table[(crc ^ static_cast<std::uint8_t>(byte)) & 0xff];
  return ~crc;
}

/// As it is stored: a checksum of bytes that hold checksums would be a weak one.
std::uint32_t masked(std::uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

std::size_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint32_t stored_crc(std::string_view record) {
  std::size_t crc = 0;
  for (std::size_t i = 0; i < 4; ++i) crc |= byte_at(record, i) << (8 * i);
  return static_cast<std::uint32_t>(crc);
}

std::size_t stored_length(std::string_view record) {
  return byte_at(record, length_at) | byte_at(record, length_at + 1) << 8;
}

/// The types from `full` to `last` of logs whose files are used again.
bool is_recycled(std::size_t type) {
  return type >= 5 && type <= 8;
}

/// Whether the record's checksum agrees, were `length` its length; the bytes must be there.
bool agrees(std::string_view record, std::size_t length) {
  const std::size_t header = is_recycled(byte_at(record, type_at)) ? recycled_header_bytes : header_bytes;
  return stored_crc(record) == masked(crc32c(record.substr(type_at, header - type_at + length)));
}

bool is_zero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char byte) { return byte == 0; });
}

/// `rest` is what the block still holds of a record that claims to be longer. Cut short by a crash it has the
/// length it was to have; with a bit of that flipped it is all there.
bool has_flipped_length(std::string_view rest) {
  const std::size_t claimed = stored_length(rest);
  for (unsigned bit = 0; bit < length_bits; ++bit) {
    const std::size_t length = claimed ^ (std::size_t{1} << bit);
    if (header_bytes + length <= rest.size() && agrees(rest, length)) return true;
  }
  return false;
}

/// Where in `block` the first record begins that is damaged; nullopt: none is. `last`: the log ends with it,
/// and may end with a record that is cut short.
std::optional<std::size_t> damage_in(std::string_view block, bool last) {
  std::size_t at = 0;
  while (at + header_bytes <= block.size()) {
    const std::string_view rest = block.substr(at);
    const bool recycled = is_recycled(byte_at(rest, type_at));
    const std::size_t bytes = (recycled ? recycled_header_bytes : header_bytes) + stored_length(rest);
    if (bytes > rest.size()) {
      // Records never leave their block.
      const bool cut_short = last && !recycled && at + bytes <= block_bytes && !has_flipped_length(rest);
      return cut_short ? std::nullopt : std::optional(at);
    }
    if (!agrees(rest, stored_length(rest))) return at;
    at += bytes;
  }
  return std::nullopt;
}

Result<std::string> content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) return fail(Errc::io_failed, file.string() + " cannot be read");
  return content;
}

bool is_write_ahead_log(const fs::path& file) {
  const std::string stem = file.stem().string();
  return file.extension() == ".log" && std::ranges::all_of(stem, [](char c) { return c >= '0' && c <= '9'; });
}

/// The logs that are there, the oldest first.
std::vector<fs::path> write_ahead_logs(const fs::path& folder) {
  std::vector<fs::path> logs;
  std::error_code error;
  for (auto file = fs::directory_iterator(folder, error); !error && file != fs::directory_iterator();
       file.increment(error)) {
    if (is_write_ahead_log(file->path())) logs.push_back(file->path());
  }
  // Their numbers have six digits, and more once those are used up.
  std::ranges::sort(logs, {}, [](const fs::path& log) {
    const std::string name = log.filename().string();
    return std::pair(name.size(), name);
  });
  return logs;
}

Result<std::optional<LogDamage>> damage_of(const fs::path& log) {
  std::ifstream in(log, std::ios::binary);
  std::error_code error;
  if (!in && !fs::exists(log, error) && !error) return std::nullopt;
  const auto at = damaged_record(in);
  if (!in.eof() && !at) return fail(Errc::io_failed, log.string() + " cannot be read");
  if (!at) return std::nullopt;
  return LogDamage{
      .file = log, .offset = *at, .what = log.string() + " is damaged at byte " + std::to_string(*at)};
}

/// Errors: io_failed. Otherwise the MANIFEST, or what is wrong with CURRENT.
Result<std::variant<fs::path, LogDamage>> manifest_of(const fs::path& folder) {
  const fs::path current = folder / "CURRENT";
  const auto named = content_of(current);
  if (!named) return std::unexpected(named.error());
  const std::string_view name = std::string_view(*named).substr(0, named->find('\n'));
  std::error_code error;
  const bool right = name.starts_with("MANIFEST-") && named->size() == name.size() + 1 &&
                     fs::is_regular_file(folder / name, error);
  if (right) return folder / name;
  return LogDamage{.file = current, .what = current.string() + " names no MANIFEST that is there"};
}

}  // namespace

std::optional<std::uint64_t> damaged_record(std::istream& log) {
  std::string block(block_bytes, '\0');
  std::optional<std::uint64_t> empty_from;
  for (std::uint64_t begin = 0; log; begin += block_bytes) {
    log.read(block.data(), static_cast<std::streamsize>(block.size()));
    const std::string_view read(block.data(), static_cast<std::size_t>(log.gcount()));
    if (empty_from && !is_zero(read)) return empty_from;
    if (empty_from) continue;
    const auto damage = damage_in(read, read.size() < block_bytes);
    if (!damage) continue;
    // Space that the file system gave to the log, and the crash came before the bytes: then none follow.
    if (!is_zero(read.substr(*damage))) return begin + *damage;
    empty_from = begin + *damage;
  }
  return std::nullopt;
}

Result<std::optional<LogDamage>> find_log_damage(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder / "CURRENT", error)) return std::nullopt;
  auto manifest = manifest_of(folder);
  if (!manifest) return failure(manifest);
  if (auto* damage = std::get_if<LogDamage>(&*manifest)) return std::move(*damage);
  std::vector<fs::path> logs{std::get<fs::path>(*manifest)};
  std::ranges::move(write_ahead_logs(folder), std::back_inserter(logs));
  for (const fs::path& log : logs) {
    auto damage = damage_of(log);
    if (!damage || *damage) return damage;
  }
  return std::nullopt;
}

bool is_directory(const LogDamage& damage) {
  return !is_write_ahead_log(damage.file);
}

}  // namespace perkline::edge::journal
