#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "hub/commands.hpp"
#include "shared/net/link.hpp"

namespace perkline::hub {
namespace {

bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) == 0;
}

/// Whole or not at all, and at no moment readable by others. Errors: io_failed.
Result<void> write_private_file(const std::string& path, std::string_view content) {
  const std::string half_done = path + ".new";
  ::unlink(half_done.c_str());
  const int file =
      ::open(half_done.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (file < 0) return fail(Errc::io_failed, path + " cannot be written");
  const bool written = write_all(file, content);
  if (::close(file) != 0 || !written || std::rename(half_done.c_str(), path.c_str()) != 0) {
    ::unlink(half_done.c_str());
    return fail(Errc::io_failed, path + " cannot be written");
  }
  return {};
}

}  // namespace

int keygen(const std::string& out_path) {
  const net::CurveKeys keys = net::make_curve_keys();
  if (auto written = write_private_file(out_path, keys.secret_key + '\n'); !written)
    return report(written.error());
  fmt::print("{}\n", keys.public_key);
  return exit_ok;
}

}  // namespace perkline::hub
