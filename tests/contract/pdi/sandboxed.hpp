#pragma once

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "pdi_client/pdi_http.hpp"
#include "pdi_client/sandbox/sandbox.hpp"
#include "shared/json/value.hpp"
#include "shared/net/http_client.hpp"
#include "tests/support/running_reactor.hpp"
#include "tests/support/test_certificates.hpp"

namespace perkline::test {

inline MonoTime within(Millis time) {
  return std::chrono::steady_clock::now() + time;
}

/// A sandbox on a port of its own.
class SandboxHost {
 public:
  SandboxHost(RunningReactor& reactor, pdi::sandbox::SandboxConfig config, std::string ca_file);
  ~SandboxHost();

  const std::string& origin() const { return origin_; }
  const std::string& ca_file() const { return ca_file_; }
  net::HttpAnswer call(net::Method method, std::string target, std::string body = "",
                       net::Headers headers = {}, std::string content_type = "application/json");
  json::Document get(std::string target);
  /// PUT /sandbox/faults, which must be taken.
  void fault(std::string body);
  /// How many calls of that endpoint have arrived.
  std::int64_t arrived(std::string_view endpoint);
  std::size_t booked();

 private:
  RunningReactor& reactor_;
  std::string ca_file_;
  std::unique_ptr<pdi::sandbox::Sandbox> sandbox_;
  std::string origin_;
  std::unique_ptr<net::HttpClient> control_;
};

/// The real client against the real sandbox over TLS, in one process.
class Sandboxed : public ::testing::Test {
 protected:
  Sandboxed();
  ~Sandboxed() override;

  pdi::sandbox::SandboxConfig sandbox_config(const std::string& host = "127.0.0.1");
  /// Options that go with `sandbox`.
  pdi::PdiHttpOptions client_options();
  /// Replaces `client`.
  void connect(pdi::PdiHttpOptions options);

  pdi::Reply<pdi::Identified> identify(const std::string& customer = "CUST-12345",
                                       Millis deadline = seconds{20});
  pdi::Reply<pdi::Rewards> calculate(const ProviderSessionId& session, Millis deadline = seconds{20});
  pdi::Reply<pdi::Finalized> finalize(const ProviderSessionId& session, Millis deadline = seconds{20});
  pdi::Reply<pdi::Finalized> finalize(pdi::FinalizeCall call, Millis deadline = seconds{20});
  pdi::Reply<pdi::SessionStatus> status(const ProviderSessionId& session, Millis deadline = seconds{20});
  static pdi::FinalizeCall sale(const ProviderSessionId& session);
  /// John Doe's session with 150.00 calculated: what finalize is ready for.
  ProviderSessionId calculated();
  /// What the client told of calls: `endpoint outcome`, how often.
  std::size_t told(const std::string& call);
  std::size_t refreshed(const std::string& result);

  TestCertificates certificates;
  RunningReactor reactor;
  std::unique_ptr<SandboxHost> sandbox;
  std::unique_ptr<pdi::PdiHttp> client;

 private:
  std::map<std::string, std::size_t> told_;  ///< Reactor's thread.
  std::map<std::string, std::size_t> refreshed_;
};

}  // namespace perkline::test
