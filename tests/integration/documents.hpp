#pragma once

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/paths.hpp"

/// The documents at the repository's root.
namespace perkline::test {

inline std::string document(const std::string& name) {
  std::ifstream file(source_dir() + '/' + name);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The indented blocks under that heading, each as it is to be typed.
inline std::vector<std::string> blocks_under(const std::string& heading, const std::string& markdown) {
  std::istringstream lines(markdown);
  std::vector<std::string> blocks;
  bool under = false;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) under = line == "## " + heading;
    const bool indented = line.starts_with("    ");
    if (under && indented) {
      if (!inside) blocks.emplace_back();
      blocks.back() += line.substr(4) + '\n';
    }
    inside = under && indented;
  }
  return blocks;
}

}  // namespace perkline::test
