#include "hub/signing_key_file.hpp"

#include <fstream>

namespace perkline::hub {

Result<identity::Es256Key> read_signing_key(const std::string& path) {
  constexpr std::size_t bytes_max = std::size_t{16} << 10;
  std::ifstream file(path, std::ios::binary);
  std::string pem(bytes_max, '\0');
  file.read(pem.data(), static_cast<std::streamsize>(pem.size()));
  if (!file.is_open() || file.bad()) return fail(Errc::validation_failed, "cannot be read");
  pem.resize(static_cast<std::size_t>(file.gcount()));
  return identity::Es256Key::from_pem(pem);
}

}  // namespace perkline::hub
