#include "tests/fault/rig/number_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "shared/core/assert.hpp"

namespace perkline::test {

NumberFile::NumberFile(std::filesystem::path file, std::string variable, std::int64_t first)
    : file_(std::move(file)), variable_(std::move(variable)) {
  set(first);
}

/// In place: who runs has the file mapped.
void NumberFile::set(std::int64_t number) {
  const int fd = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  PERKLINE_ASSERT(fd >= 0 && ::pwrite(fd, &number, sizeof number, 0) == sizeof number);
  ::close(fd);
}

}  // namespace perkline::test
