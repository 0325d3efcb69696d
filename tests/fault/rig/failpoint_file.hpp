#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/failpoint.hpp"

namespace perkline::test {

/// The test's end of a FailpointPlan: what is to happen to the daemon that was started with environment().
class FailpointFile {
 public:
  /// What of the process counts: files under `folder`, and sockets one end of which has that port.
  struct Scope {
    std::filesystem::path folder = {};
    std::uint16_t pdi_port = 0;  ///< 0: none.
    std::uint16_t hub_port = 0;
  };
  /// `file` is made.
  explicit FailpointFile(std::filesystem::path file);
  FailpointFile(const FailpointFile&) = delete;
  FailpointFile& operator=(const FailpointFile&) = delete;
  ~FailpointFile();

  /// For bench::FleetOptions. `library`: libfailpoint, and others to be preloaded, with colons between.
  std::vector<std::string> environment(const std::string& library, const Scope& scope) const;

  /// From now on the n-th there, 1 the next one. What was armed before is forgotten.
  void arm(Happening happening, Place place, std::uint64_t n);
  void disarm();
  bool armed() const;
  /// How often something has happened since the beginning.
  std::uint32_t happened() const;
  /// How many there were since arm() or disarm().
  std::uint64_t count(Place place) const;

 private:
  void forget();

  const std::filesystem::path file_;
  FailpointPlan* plan_;
};

std::string_view name_of(Place place);
std::string_view name_of(Happening happening);

}  // namespace perkline::test
