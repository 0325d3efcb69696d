#pragma once

#include <memory>
#include <string>

#include "tests/support/temp_dir.hpp"

namespace perkline::test {

/// A certificate authority of its own, made on the spot, and what it signs. Files go with the object.
class TestCertificates {
 public:
  TestCertificates();
  ~TestCertificates();

  struct Files {
    std::string cert_file;
    std::string key_file;
  };
  /// Valid for `host` alone: a DNS name or an address.
  Files server(const std::string& host);
  const std::string& ca_file() const { return ca_file_; }

 private:
  struct Authority;
  TempDir dir_;
  std::string ca_file_;
  std::unique_ptr<Authority> authority_;
  int made_ = 0;
};

}  // namespace perkline::test
