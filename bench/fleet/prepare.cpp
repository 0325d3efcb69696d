#include "bench/fleet/prepare.hpp"

#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "bench/fleet/child.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/random.hpp"

namespace perkline::bench {

namespace fs = std::filesystem;

std::string random_secret() {
  SystemRng rng;
  std::string bytes(24, '\0');
  rng.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return to_hex(bytes);
}

Result<void> write_private(const fs::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return fail(Errc::io_failed, path.string() + " cannot be written");
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  return {};
}

Result<std::string> must(const fs::path& program, std::vector<std::string> arguments) {
  const auto output = run_command(program, arguments);
  if (!output) return std::unexpected(output.error());
  if (output->status != 0) {
    return fail(Errc::io_failed, fmt::format("{} {} exited with {}: {}{}", program.filename().string(),
                                             arguments.empty() ? "" : arguments.front(), output->status,
                                             output->err, output->out));
  }
  return output->out;
}

Result<void> make_certificate(const fs::path& certificate, const fs::path& key) {
  auto made = must("openssl",
                   {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", "/CN=PDI sandbox", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                    "-keyout", key.string(), "-out", certificate.string()});
  if (!made) return failure(made);
  return {};
}

}  // namespace perkline::bench
