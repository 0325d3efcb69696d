#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/fleet/mail_server.hpp"
#include "bench/fleet/reserved_port.hpp"
#include "shared/core/random.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_certificates.hpp"

namespace perkline::test {

/// A real mail server on a loopback port of its own (tests/support/smtp), which comes and goes.
class SmtpServer {
 public:
  /// Empty, or why there is none on this machine: npm's package is not installed. Where `CI` is set the test
  /// fails then.
  static std::string missing();

  /// `mode`: plain, starttls, tls. `login`: `user:password`, asked for if not empty. `certificate`: what it
  /// shows under TLS; empty: one of nobody's.
  explicit SmtpServer(std::string mode = "plain", std::string login = "",
                      TestCertificates::Files certificate = {});

  void start();
  /// As when the machine dies.
  void stop() { server_.reset(); }
  std::uint16_t port() const { return port_.number(); }
  std::string url() const { return "smtp://127.0.0.1:" + std::to_string(port()); }

  using Taken = bench::Mail;
  /// All mails taken so far, in order; also those of before it was stopped.
  std::vector<Taken> taken() const { return bench::mails_in(folder_.file("mails")); }

 private:
  TempDir folder_;
  SystemRng rng_;
  bench::ReservedPort port_ = bench::ReservedPort::any(rng_);
  std::string mode_;
  std::string login_;
  TestCertificates::Files certificate_;
  std::optional<bench::MailServer> server_;
};

}  // namespace perkline::test
