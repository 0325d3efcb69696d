#pragma once

#include <fstream>
#include <stdlib.h>
#include <string>

#include "shared/config/schema.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

/// What check-config would tell of `yaml`, for a file named f: a line a fault, nothing where there is none.
inline std::string told(const std::string& yaml, const config::Describe& describe) {
  const TempDir dir;
  const std::string path = dir.file("f");
  write_file(path, yaml);
  const auto read = config::read_file(path, describe);
  return read ? "" : config::fault_lines("f", read.error());
}

/// An environment variable for as long as this lives.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name_.c_str()); }

 private:
  std::string name_;
};

}  // namespace perkline::test
