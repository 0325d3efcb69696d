#include "bench/fleet/state_folder.hpp"

#include <fstream>

namespace perkline::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view marker = ".perkline-bench";

/// Nothing that could be missed; what cannot be looked at may be anything.
bool is_nothing(const fs::path& folder) {
  std::error_code error;
  const fs::file_type type = fs::symlink_status(folder, error).type();
  if (type == fs::file_type::not_found) return true;
  return fs::is_directory(folder, error) && fs::is_empty(folder, error) && !error;
}

}  // namespace

Result<void> check_state(const fs::path& folder) {
  std::error_code error;
  if (is_nothing(folder) || fs::exists(folder / marker, error)) return {};
  return fail(Errc::io_failed, folder.string() +
                                   " is not empty, and nothing in it says that perkline-bench may delete it: "
                                   "name another folder by --state, or empty it yourself");
}

Result<void> mark_state(const fs::path& folder) {
  std::ofstream(folder / marker) << "perkline-bench may delete whatever is here\n";
  std::error_code error;
  if (!fs::exists(folder / marker, error))
    return fail(Errc::io_failed, "nothing can be written in " + folder.string());
  return {};
}

}  // namespace perkline::bench
