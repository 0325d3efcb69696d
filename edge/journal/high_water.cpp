#include "edge/journal/high_water.hpp"

#include <fstream>
#include <iterator>
#include <string>

namespace perkline::edge::journal {

// One line: format, sequence, hash in hex. Text, so that an operator can read it.
Result<void> write_high_water(const std::filesystem::path& file, const HighWater& mark) {
  std::filesystem::path fresh = file;
  fresh += ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << "1 " << mark.sequence << ' ' << to_hex(mark.hash) << '\n';
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(fresh, file, error);
  if (!out || error) return fail(Errc::io_failed, file.string() + " cannot be written");
  return {};
}

Result<std::optional<HighWater>> read_high_water(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return std::nullopt;
  std::ifstream in(file, std::ios::binary);
  int format = 0;
  HighWater mark;
  std::string hex;
  if (!(in >> format)) {
    // Empty after a power cut: the rename reached the disk before the text did. No mark is no claim.
    return std::nullopt;
  }
  if (format != 1) return fail(Errc::newer_format, file.string());
  if (!(in >> mark.sequence >> hex)) return std::nullopt;
  const auto hash = from_hex(hex);
  if (!hash || hash->size() != mark.hash.size()) return fail(Errc::corrupt, file.string());
  std::copy(hash->begin(), hash->end(), mark.hash.begin());
  return mark;
}

}  // namespace perkline::edge::journal
