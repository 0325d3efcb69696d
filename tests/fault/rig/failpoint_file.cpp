#include "tests/fault/rig/failpoint_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include "shared/core/assert.hpp"

namespace perkline::test {

FailpointFile::FailpointFile(std::filesystem::path file) : file_(std::move(file)) {
  const int fd = ::open(file_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  PERKLINE_ASSERT(fd >= 0 && ::ftruncate(fd, sizeof(FailpointPlan)) == 0);
  void* memory = ::mmap(nullptr, sizeof(FailpointPlan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  PERKLINE_ASSERT(memory != MAP_FAILED);
  ::close(fd);
  plan_ = static_cast<FailpointPlan*>(memory);  // all zero: it counts, and nothing happens
}

FailpointFile::~FailpointFile() {
  disarm();
  ::munmap(plan_, sizeof(FailpointPlan));
}

std::vector<std::string> FailpointFile::environment(const std::string& library, const Scope& scope) const {
  return {"LD_PRELOAD=" + library, "PERKLINE_FAILPOINT=" + file_.string(),
          "PERKLINE_FAILPOINT_FOLDER=" + scope.folder.string(),
          "PERKLINE_FAILPOINT_PDI=" + std::to_string(scope.pdi_port),
          "PERKLINE_FAILPOINT_HUB=" + std::to_string(scope.hub_port)};
}

void FailpointFile::forget() {
  plan_->armed = 0;
  for (auto& count : plan_->counts) count = 0;
}

void FailpointFile::arm(Happening happening, Place place, std::uint64_t n) {
  forget();
  plan_->happening = static_cast<std::uint32_t>(happening);
  plan_->place = static_cast<std::uint32_t>(place);
  plan_->wanted = n;
  plan_->armed = 1;
}

void FailpointFile::disarm() {
  forget();
}

bool FailpointFile::armed() const {
  return plan_->armed != 0;
}

std::uint32_t FailpointFile::happened() const {
  return plan_->happened;
}

std::uint64_t FailpointFile::count(Place place) const {
  return plan_->counts[static_cast<std::size_t>(place)];
}

std::string_view name_of(Place place) {
  switch (place) {
    case Place::write:
      return "write";
    case Place::sync:
      return "sync";
    case Place::pdi_send:
      return "send to PDI";
    case Place::pdi_receive:
      return "answer of PDI";
    case Place::hub_send:
      return "send between store and hub";
    case Place::hub_receive:
      return "receipt between store and hub";
  }
  return {};
}

std::string_view name_of(Happening happening) {
  switch (happening) {
    case Happening::crash_before:
      return "crash before";
    case Happening::crash_after:
      return "crash after";
    case Happening::io_error:
      return "EIO at";
    case Happening::disk_full:
      return "ENOSPC at";
  }
  return {};
}

}  // namespace perkline::test
