#include "tests/integration/paths.hpp"

#include <cstdlib>
#include <filesystem>

namespace perkline::test {

std::optional<std::string> npm_folder(const char* variable, const std::string& name,
                                      const std::string& package) {
  if (const char* told = std::getenv(variable); told != nullptr) return told;
  std::string folder = source_dir() + "/build/" + name;
  return std::filesystem::exists(folder + "/node_modules/" + package) ? std::optional(std::move(folder))
                                                                      : std::nullopt;
}

std::string bin_dir() {
  return PERKLINE_BIN_DIR;
}

std::string nginx_program() {
  if (const char* told = std::getenv("PERKLINE_NGINX"); told != nullptr) return told;
  std::string unpacked = source_dir() + "/build/nginx/usr/sbin/nginx";
  return std::filesystem::exists(unpacked) ? unpacked : "/usr/sbin/nginx";
}

std::string clock_shift_library() {
  return PERKLINE_CLOCK_SHIFT_LIBRARY;
}

std::string source_dir() {
  return PERKLINE_SOURCE_DIR;
}

}  // namespace perkline::test
