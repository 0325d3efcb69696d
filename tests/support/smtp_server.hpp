#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/fleet/child.hpp"
#include "bench/fleet/reserved_port.hpp"
#include "shared/core/random.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {

/// A real mail server on a loopback port of its own (tests/support/smtp).
class SmtpServer {
 public:
  /// Empty, or why there is none on this machine: npm's package is not installed.
  static std::string missing();

  /// `mode`: plain, starttls, tls. `login`: `user:password`, asked for if not empty.
  explicit SmtpServer(std::string mode = "plain", std::string login = "");

  void start();
  /// As when the machine dies.
  void stop() { child_.reset(); }
  std::uint16_t port() const { return port_.number(); }
  std::string url() const { return "smtp://127.0.0.1:" + std::to_string(port()); }

  struct Taken {
    std::string from;
    std::string to;
    std::string raw;  ///< As it came.
    bool secure = false;
    std::string user;
    /// A header's value, folded lines joined; empty: absent.
    std::string header(const std::string& name) const;
    std::string body() const;
  };
  /// All mails taken so far, in order.
  std::vector<Taken> taken() const;

 private:
  TempDir folder_;
  SystemRng rng_;
  bench::ReservedPort port_ = bench::ReservedPort::any(rng_);
  std::string mode_;
  std::string login_;
  std::optional<bench::Child> child_;
};

}  // namespace perkline::test
