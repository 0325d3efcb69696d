#include "bench/fleet/fleet.hpp"

#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "bench/fleet/prepare.hpp"
#include "bench/fleet/reserved_port.hpp"
#include "bench/fleet/state_folder.hpp"
#include "bench/fleet/web.hpp"
#include "shared/core/random.hpp"

namespace perkline::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds start_patience{20};

struct EdgePorts {
  std::uint16_t api;
  std::uint16_t ops;
};
struct HubPorts {
  std::uint16_t api;
  std::uint16_t ops;
  std::uint16_t sync;
};
struct Ports {
  std::uint16_t sandbox;
  HubPorts hub;
  std::vector<EdgePorts> edges;
  std::vector<HubPorts> replicas;
};

Ports choose_ports(const FleetOptions& options, std::vector<ReservedPort>& reserved) {
  SystemRng rng;
  const auto port = [&](int offset) {
    const int given = options.port_base + offset;
    reserved.push_back(options.port_base == 0 ? ReservedPort::any(rng)
                                              : ReservedPort::given(static_cast<std::uint16_t>(given)));
    return reserved.back().number();
  };
  Ports ports{.sandbox = port(443),
              .hub = {.api = port(1080), .ops = port(1081), .sync = port(90)},
              .edges = {},
              .replicas = {}};
  for (int i = 0; i < static_cast<int>(options.edges); ++i)
    ports.edges.push_back({port(70 + 2 * i), port(71 + 2 * i)});
  for (int i = 0; i < static_cast<int>(options.replicas); ++i)
    ports.replicas.push_back({port(2080 + 2 * i), port(2081 + 2 * i), port(190 + i)});
  return ports;
}

}  // namespace

struct Fleet::State {
  FleetOptions options;
  std::vector<ReservedPort> reserved;
  Ports ports;
  std::string client_secret = random_secret();
  std::string password = random_secret();
  std::string hub_public_key;
  std::vector<std::string> terminal_keys;
  std::optional<Child> sandbox;
  std::optional<Child> hub;
  std::vector<std::optional<Child>> replicas;
  std::vector<std::optional<Child>> edges;
  std::vector<std::vector<std::string>> edge_environment;
  std::vector<std::string> hub_environment;

  fs::path in(const std::string& name) const { return options.state_dir / name; }
  fs::path program(const std::string& name) const { return options.bin_dir / name; }
  std::string edge_name(std::size_t edge) const { return fmt::format("edge-{}", edge + 1); }
  fs::path edge_config(std::size_t edge) const { return in(edge_name(edge) + ".yaml"); }
  std::string replica_name(std::size_t replica) const { return fmt::format("hub-{}", replica + 2); }
  std::string url(std::uint16_t port) const { return fmt::format("http://127.0.0.1:{}", port); }
  std::string sandbox_url() const { return fmt::format("https://127.0.0.1:{}", ports.sandbox); }
  std::string pdi_url() const { return options.pdi_url.empty() ? sandbox_url() : options.pdi_url; }

  std::string database_url() const {
    return options.database_url.empty() ? "sqlite:" + in("hub.db").string() : options.database_url;
  }

  Result<void> prepare();
  Result<void> prepare_hub();
  Result<void> write_hub_config(const std::string& name, const HubPorts& at) const;
  /// Every hub's, or the line to them, as a list of the configuration's.
  std::string sync_endpoints(std::size_t edge) const;
  Result<void> prepare_edge(std::size_t edge);
  Result<Child> launch_edge(std::size_t edge) const;
  Result<Child> launch_hub() const;
  Result<Child> launch(const std::string& program_name, const fs::path& config, const std::string& log,
                       const std::vector<std::string>& environment) const;
  /// Until it answers. Errors: io_failed, with what it last wrote.
  Result<void> await(Child& child, const std::string& log, const WebCall& probe) const;
  Result<void> await_edge(std::size_t edge) {
    return await(*edges[edge], edge_name(edge), {.origin = url(ports.edges[edge].api), .path = "/health"});
  }
};

Result<void> Fleet::State::prepare() {
  std::error_code error;
  fs::remove_all(options.state_dir, error);
  fs::create_directories(options.state_dir, error);
  if (error) return fail(Errc::io_failed, options.state_dir.string() + " cannot be made");
  fs::permissions(options.state_dir, fs::perms::owner_all);
  if (auto marked = mark_state(options.state_dir); !marked) return marked;
  if (auto made = make_certificate(in("sandbox.crt"), in("sandbox.key")); !made) return made;
  auto written = write_private(in("sandbox.yaml"), fmt::format(R"(listen: "127.0.0.1:{}"
tls: {{ cert_file: "{}", key_file: "{}" }}
clients:
  - {{ id: perkline, secret: "{}" }}
)",
                                                               ports.sandbox, in("sandbox.crt").string(),
                                                               in("sandbox.key").string(), client_secret));
  if (!written) return written;
  if (auto hub_ready = prepare_hub(); !hub_ready) return hub_ready;
  terminal_keys.resize(options.edges);
  edges.resize(options.edges);
  edge_environment.resize(options.edges);
  for (std::size_t i = 0; i < options.edges; ++i) {
    if (auto edge_ready = prepare_edge(i); !edge_ready) return edge_ready;
  }
  return {};
}

Result<void> Fleet::State::prepare_hub() {
  auto key = must(program("perkline-hub"), {"keygen", "--out", in("hub.key").string()});
  if (!key) return failure(key);
  hub_public_key = *key;
  auto written = write_hub_config("hub", ports.hub);
  for (std::size_t i = 0; written && i < ports.replicas.size(); ++i)
    written = write_hub_config(replica_name(i), ports.replicas[i]);
  if (!written) return written;
  replicas.resize(ports.replicas.size());
  if (written = write_private(in("admin.password"), password + "\n"); !written) return written;
  const std::string config = in("hub.yaml").string();
  if (auto migrated = must(program("perkline-hub"), {"migrate", "--config", config}); !migrated)
    return failure(migrated);
  auto admin =
      must(program("perkline-hub"), {"admin", "create", "--email", "admin@example.com", "--password-file",
                                     in("admin.password").string(), "--config", config});
  if (!admin) return failure(admin);
  return {};
}

Result<void> Fleet::State::write_hub_config(const std::string& name, const HubPorts& at) const {
  return write_private(
      in(name + ".yaml"),
      fmt::format(R"(api: {{ listen: "127.0.0.1:{0}", public_url: "http://127.0.0.1:{0}" }}
ops: {{ listen: "127.0.0.1:{1}" }}
sync: {{ listen: "tcp://127.0.0.1:{2}", secret_key_file: "{3}" }}
database: {{ url: "{4}" }}
limits: {{ login_per_minute: 0, auth_per_address_minute: 0, member_per_second: 0,
           sockets_per_address: 0 }}
{5})",
                  at.api, at.ops, at.sync, in("hub.key").string(), database_url(), options.hub_yaml));
}

std::string Fleet::State::sync_endpoints(std::size_t edge) const {
  const std::uint16_t line = edge < options.edge_hub_ports.size() ? options.edge_hub_ports[edge] : 0;
  if (line != 0) return fmt::format("\"tcp://127.0.0.1:{}\"", line);
  std::string list = fmt::format("\"tcp://127.0.0.1:{}\"", ports.hub.sync);
  for (const HubPorts& replica : ports.replicas)
    list += fmt::format(", \"tcp://127.0.0.1:{}\"", replica.sync);
  return list;
}

Result<void> Fleet::State::prepare_edge(std::size_t edge) {
  const std::string name = edge_name(edge);
  auto key = must(program("perkline-edge"), {"keygen", "--out", in(name + ".key").string()});
  if (!key) return failure(key);
  auto store = must(program("perkline-hub"), {"store", "add", fmt::format("store-{}", edge + 1),
                                              "--public-key", *key, "--config", in("hub.yaml").string()});
  if (!store) return failure(store);
  auto written = write_private(in(name + ".client_secret"), client_secret + "\n");
  if (!written) return written;
  written = write_private(
      edge_config(edge),
      fmt::format(R"(store_id: "store-{0}"
data_dir: "{1}"
api: {{ listen: "127.0.0.1:{2}", terminals_file: "{3}", rate_per_terminal_s: 0 }}
ops: {{ listen: "127.0.0.1:{4}" }}
pdi: {{ url: "{5}", client_id: perkline, client_secret_file: "{6}", ca_file: "{7}", quiet_ms: {8}{13} }}
hub: {{ endpoint: [{9}], hub_public_key: "{10}", secret_key_file: "{11}" }}
{12})",
                  edge + 1, in(name).string(), ports.edges[edge].api, in(name + ".terminals").string(),
                  ports.edges[edge].ops, pdi_url(), in(name + ".client_secret").string(),
                  in("sandbox.crt").string(), options.pdi_quiet_ms, sync_endpoints(edge), hub_public_key,
                  in(name + ".key").string(), edge < options.edge_yaml.size() ? options.edge_yaml[edge] : "",
                  options.pdi_yaml.empty() ? "" : ", " + options.pdi_yaml));
  if (!written) return written;
  // The key file has to be there before the configuration that names it is read.
  if (written = write_private(in(name + ".terminals"), ""); !written) return written;
  auto terminal =
      must(program("perkline-edge"), {"terminal", "add", "till-1", "--config", edge_config(edge).string()});
  if (!terminal) return failure(terminal);
  terminal_keys[edge] = *terminal;
  return {};
}

Result<Child> Fleet::State::launch_edge(std::size_t edge) const {
  return launch("perkline-edge", edge_config(edge), edge_name(edge), edge_environment[edge]);
}

Result<Child> Fleet::State::launch_hub() const {
  return launch("perkline-hub", in("hub.yaml"), "hub", hub_environment);
}

Result<Child> Fleet::State::launch(const std::string& program_name, const fs::path& config,
                                   const std::string& log,
                                   const std::vector<std::string>& environment) const {
  return Child::start(program(program_name), {"serve", "--config", config.string()}, in(log + ".log"),
                      environment);
}

Result<void> Fleet::State::await(Child& child, const std::string& log, const WebCall& probe) const {
  const auto give_up = std::chrono::steady_clock::now() + start_patience;
  while (std::chrono::steady_clock::now() < give_up && child.running()) {
    if (const auto answer = call(probe); answer && answer->status == 200) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return fail(Errc::io_failed,
              fmt::format("{} does not answer; its log ends:\n{}", log, last_lines(in(log + ".log"))));
}

Fleet::Fleet(std::unique_ptr<State> state) : state_(std::move(state)) {}
Fleet::Fleet(Fleet&&) noexcept = default;
Fleet::~Fleet() {
  if (!state_) return;
  for (auto& edge : state_->edges) {
    if (edge) edge->terminate();
  }
  for (auto& replica : state_->replicas) {
    if (replica) replica->terminate();
  }
  if (state_->hub) state_->hub->terminate();
  if (state_->sandbox) state_->sandbox->terminate();
}

Result<Fleet> Fleet::start(FleetOptions options) {
  auto state = std::make_unique<State>();
  state->options = std::move(options);
  state->options.state_dir = fs::absolute(state->options.state_dir);
  state->options.bin_dir = fs::absolute(state->options.bin_dir);
  state->ports = choose_ports(state->options, state->reserved);
  if (auto prepared = state->prepare(); !prepared) return failure(prepared);
  Fleet fleet(std::move(state));
  if (fleet.state_->options.pdi_url.empty()) {
    if (auto started = fleet.start_sandbox(); !started) return failure(started);
  }
  if (auto started = fleet.start_hub(); !started) return failure(started);
  for (std::size_t i = 0; i < fleet.state_->replicas.size(); ++i) {
    if (auto started = fleet.start_replica(i); !started) return failure(started);
  }
  for (std::size_t i = 0; i < fleet.edges(); ++i) {
    if (auto launched = fleet.launch_edge(i); !launched) return failure(launched);
  }
  for (std::size_t i = 0; i < fleet.edges(); ++i) {
    if (auto answers = fleet.state_->await_edge(i); !answers) return failure(answers);
  }
  return fleet;
}

std::size_t Fleet::edges() const {
  return state_->options.edges;
}
std::string Fleet::store_id(std::size_t edge) const {
  return fmt::format("store-{}", edge + 1);
}
std::string Fleet::edge_url(std::size_t edge) const {
  return state_->url(state_->ports.edges[edge].api);
}
std::string Fleet::edge_ops_url(std::size_t edge) const {
  return state_->url(state_->ports.edges[edge].ops);
}
std::string Fleet::terminal_key(std::size_t edge) const {
  return state_->terminal_keys[edge];
}
std::string Fleet::hub_url() const {
  return state_->url(state_->ports.hub.api);
}
std::string Fleet::hub_ops_url() const {
  return state_->url(state_->ports.hub.ops);
}
std::string Fleet::sandbox_url() const {
  return state_->sandbox_url();
}
std::uint16_t Fleet::sandbox_port() const {
  return state_->ports.sandbox;
}
std::uint16_t Fleet::hub_port() const {
  return state_->ports.hub.api;
}
std::string Fleet::hub_public_key() const {
  return state_->hub_public_key;
}
std::uint16_t Fleet::sync_port() const {
  return state_->ports.hub.sync;
}
std::uint16_t Fleet::replica_sync_port(std::size_t replica) const {
  return state_->ports.replicas[replica].sync;
}
std::string Fleet::ca_file() const {
  return state_->in("sandbox.crt").string();
}
std::string Fleet::admin_login() const {
  return "admin@example.com";
}
std::string Fleet::admin_password() const {
  return state_->password;
}
fs::path Fleet::edge_config(std::size_t edge) const {
  return state_->edge_config(edge);
}
fs::path Fleet::hub_config() const {
  return state_->in("hub.yaml");
}
fs::path Fleet::edge_data(std::size_t edge) const {
  return state_->in(state_->edge_name(edge));
}
std::string Fleet::hub_database_url() const {
  return state_->database_url();
}
fs::path Fleet::hub_database() const {
  return state_->in("hub.db");
}
fs::path Fleet::log_of(const std::string& part) const {
  return state_->in(part + ".log");
}

Result<void> Fleet::set_fault(const std::string& fault) const {
  const auto answer = call({.method = "PUT",
                            .origin = sandbox_url(),
                            .path = "/sandbox/faults",
                            .body = fault,
                            .ca_file = ca_file()});
  if (!answer || answer->status != 204) return fail(Errc::io_failed, "the sandbox does not take the fault");
  return {};
}

Result<std::string> Fleet::log_in() const {
  const auto answer =
      call({.method = "POST",
            .origin = hub_url(),
            .path = "/api/v1/auth/login",
            .body = fmt::format(R"({{"login":"{}","password":"{}"}})", admin_login(), admin_password())});
  if (!answer || answer->status != 200) return fail(Errc::io_failed, "the hub let the admin not in");
  return text_at(answer->json().root(), "accessToken");
}

Child& Fleet::edge(std::size_t edge) {
  return state_->edges[edge].value();
}
Child& Fleet::hub() {
  return state_->hub.value();
}
Child& Fleet::sandbox() {
  return state_->sandbox.value();
}

Result<void> Fleet::start_edge(std::size_t edge) {
  if (auto launched = launch_edge(edge); !launched) return launched;
  return state_->await_edge(edge);
}

Result<void> Fleet::start_hub() {
  if (auto launched = launch_hub(); !launched) return launched;
  return state_->await(*state_->hub, "hub", {.origin = hub_url(), .path = "/health"});
}

std::string Fleet::replica_url(std::size_t replica) const {
  return state_->url(state_->ports.replicas[replica].api);
}

std::string Fleet::replica_ops_url(std::size_t replica) const {
  return state_->url(state_->ports.replicas[replica].ops);
}

Child& Fleet::replica(std::size_t replica) {
  return state_->replicas[replica].value();
}

Result<void> Fleet::start_replica(std::size_t replica) {
  const std::string name = state_->replica_name(replica);
  auto child = state_->launch("perkline-hub", state_->in(name + ".yaml"), name, state_->hub_environment);
  if (!child) return failure(child);
  state_->replicas[replica] = std::move(*child);
  return state_->await(*state_->replicas[replica], name, {.origin = replica_url(replica), .path = "/health"});
}

Result<void> Fleet::launch_edge(std::size_t edge) {
  auto child = state_->launch_edge(edge);
  if (!child) return failure(child);
  state_->edges[edge] = std::move(*child);
  return {};
}

Result<void> Fleet::launch_hub() {
  auto child = state_->launch_hub();
  if (!child) return failure(child);
  state_->hub = std::move(*child);
  return {};
}

void Fleet::set_edge_environment(std::size_t edge, std::vector<std::string> environment) {
  state_->edge_environment[edge] = std::move(environment);
}

void Fleet::set_hub_environment(std::vector<std::string> environment) {
  state_->hub_environment = std::move(environment);
}

Result<void> Fleet::start_sandbox() {
  auto child = state_->launch("pdi-sandbox", state_->in("sandbox.yaml"), "sandbox", {});
  if (!child) return failure(child);
  state_->sandbox = std::move(*child);
  return state_->await(*state_->sandbox, "sandbox",
                       {.origin = sandbox_url(), .path = "/sandbox/ledger", .ca_file = ca_file()});
}

Result<CommandOutput> Fleet::edge_command(std::size_t edge, std::vector<std::string> arguments) const {
  arguments.insert(arguments.end(), {"--config", edge_config(edge).string()});
  return run_command(state_->program("perkline-edge"), arguments);
}

Result<CommandOutput> Fleet::hub_command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.end(), {"--config", hub_config().string()});
  return run_command(state_->program("perkline-hub"), arguments);
}

}  // namespace perkline::bench
