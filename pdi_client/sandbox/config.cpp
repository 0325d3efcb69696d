#include "pdi_client/sandbox/config.hpp"

#include <limits>

#include "shared/config/rules.hpp"

namespace perkline::pdi::sandbox {
namespace {

using config::Schema;

constexpr std::int64_t members_max = 1'000'000;

void describe_clients(Schema& s, std::vector<SandboxConfig::Client>& clients) {
  s.sections(
      "clients", [&] { return clients.size(); }, [&](std::size_t count) { clients.resize(count); },
      [&](Schema& client, std::size_t i) {
        client.text("id", clients[i].id, {.required = true, .choices = {}});
        client.secret("secret", clients[i].secret, {.required = true, .choices = {}});
        for (std::size_t other = 0; other < i; ++other) {
          if (clients[other].id == clients[i].id) client.fault("id", "must differ from those before");
        }
      });
  if (clients.empty()) s.fault("clients", "must hold at least one client");
}

}  // namespace

void describe(Schema& s, SandboxConfig& c) {
  config::describe_listen(s, "listen", c.listen);
  config::describe_tls(s, c.tls);
  describe_clients(s, c.clients);
  s.integer("members", c.members, 0, members_max);
  s.integer("seed", c.seed, 0, std::numeric_limits<std::int64_t>::max());
}

Result<SandboxConfig> read_config(const std::string& path) {
  SandboxConfig config;
  auto read = config::read_file(path, [&](Schema& schema) { describe(schema, config); });
  if (!read) return failure(read);
  return config;
}

std::string print(SandboxConfig config) {
  return config::print([&](Schema& schema) { describe(schema, config); });
}

}  // namespace perkline::pdi::sandbox
