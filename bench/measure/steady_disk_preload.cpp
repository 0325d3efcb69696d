/// Preloaded into a process (LD_PRELOAD): each of its syncs takes the time that PERKLINE_SYNC_US tells, and
/// no more, however many are under way. The files are a tmpfs's, whose own syncs cost nothing.
#include <cstdlib>
#include <ctime>
#include <sys/types.h>

namespace {

int wait_as_a_disk_would() {
  static const long micros = [] {
    const char* text = std::getenv("PERKLINE_SYNC_US");
    return text == nullptr ? 0L : std::strtol(text, nullptr, 10);
  }();
  timespec left{.tv_sec = 0, .tv_nsec = micros * 1000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) != 0) {
  }
  return 0;
}

}  // namespace

extern "C" {

int fsync(int) {
  return wait_as_a_disk_would();
}
int fdatasync(int) {
  return wait_as_a_disk_would();
}
int sync_file_range(int, off64_t, off64_t, unsigned) {
  return wait_as_a_disk_would();
}
}
