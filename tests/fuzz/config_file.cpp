#include <sys/mman.h>
#include <unistd.h>

#include "edge/config.hpp"
#include "hub/config.hpp"
#include "shared/config/document.hpp"
#include "shared/core/assert.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {
namespace {

/// A file in memory, as its path is what is read.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : file_(::memfd_create("config", 0)) {
    PERKLINE_ASSERT(file_ >= 0);
    PERKLINE_ASSERT(::write(file_, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

template <class Config>
void check(const Result<Config>& config) {
  if (config) {
    PERKLINE_ASSERT(!print(*config).empty());
    return;
  }
  PERKLINE_ASSERT(config.error().code == Errc::validation_failed && !config.error().faults.empty());
}

}  // namespace

/// Either daemon's: whatever is wrong with one is told as faults.
void config_file(std::string_view input) {
  std::vector<FieldFault> faults;
  (void)config::read_document(std::string(input), faults);
  // Files that a configuration names are read too, and some of these never end.
  if (input.find("/dev") != std::string_view::npos || input.find("/proc") != std::string_view::npos) return;
  const MemoryFile file(input);
  check(edge::read_config(file.path()));
  check(hub::read_config(file.path()));
}

}  // namespace perkline::fuzz
