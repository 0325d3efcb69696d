#include "hub/signing_key_file.hpp"

#include <fstream>

namespace perkline::hub {

Result<std::vector<identity::SigningKey>> read_signing_keys(const std::string& path) {
  constexpr std::size_t bytes_max = std::size_t{16} << 10;
  constexpr std::string_view begin = "-----BEGIN ";
  std::ifstream file(path, std::ios::binary);
  std::string text(bytes_max, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) return fail(Errc::validation_failed, "cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  std::vector<identity::SigningKey> keys;
  std::size_t at = text.find(begin);
  do {
    const std::size_t next = at == std::string::npos ? at : text.find(begin, at + begin.size());
    auto key = identity::Es256Key::from_pem(at == std::string::npos ? text : text.substr(at, next - at));
    if (!key) return failure(key);
    // All from the same time: none takes over from another before the file says so.
    keys.push_back({std::move(*key), WallTime{}});
    at = next;
  } while (at != std::string::npos);
  return keys;
}

}  // namespace perkline::hub
