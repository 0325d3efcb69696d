#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/config/schema.hpp"
#include "shared/config/sections.hpp"
#include "shared/core/result.hpp"

namespace perkline::pdi::sandbox {

/// The sandbox's configuration (contract.md §3); its defaults serve without a file.
struct SandboxConfig {
  std::string listen = "127.0.0.1:7443";
  config::TlsFiles tls;

  /// Who may ask for a token.
  struct Client {
    std::string id;
    std::string secret;
  };
  std::vector<Client> clients{{.id = "perkline", .secret = "perkline-sandbox"}};

  std::int64_t members = 5'000;  ///< CUST-00001 and on, besides CUST-12345.
  std::int64_t seed = 1;
};

void describe(config::Schema& schema, SandboxConfig& config);

/// Errors: validation_failed with every fault of the file.
Result<SandboxConfig> read_config(const std::string& path);

/// As YAML, secrets as `***`.
std::string print(SandboxConfig config);

}  // namespace perkline::pdi::sandbox
