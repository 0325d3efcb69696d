#include "bench/edge/lone_store.hpp"

#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "bench/fleet/prepare.hpp"
#include "bench/fleet/web.hpp"

namespace perkline::bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::seconds start_patience{120};
constexpr std::string_view ready = R"("message":"ready")";

std::uintmax_t size_of(const fs::path& file) {
  std::error_code none;
  const auto size = fs::file_size(file, none);
  return none ? 0 : size;
}

std::string last_of(const fs::path& log) {
  std::ifstream file(log);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  constexpr std::size_t shown = 1500;
  return text.size() > shown ? text.substr(text.size() - shown) : text;
}

std::uint16_t port_in(const std::string& line, const std::string& name) {
  const auto entry = json::parse(line);
  return entry ? static_cast<std::uint16_t>(integer_at(entry->root(), name)) : std::uint16_t{0};
}

}  // namespace

std::optional<std::string> await_ready(Child& daemon, const fs::path& log, std::uintmax_t skip) {
  const auto give_up = steady_clock::now() + start_patience;
  while (steady_clock::now() < give_up) {
    const bool running = daemon.running();
    std::ifstream file(log);
    file.seekg(static_cast<std::streamoff>(skip));
    for (std::string line; std::getline(file, line) && !file.eof();) {
      if (line.find(ready) != std::string::npos) return line;
    }
    if (!running) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::nullopt;
}

Result<LoneStore> LoneStore::prepare(Options options) {
  options.folder = fs::absolute(options.folder);
  options.bin_dir = fs::absolute(options.bin_dir);
  LoneStore store(std::move(options));
  std::error_code error;
  fs::create_directories(store.options_.folder, error);
  if (error) return fail(Errc::io_failed, store.options_.folder.string() + " cannot be made");
  store.client_secret_ = random_secret();
  if (auto made = make_certificate(store.in("sandbox.crt"), store.in("sandbox.key")); !made)
    return failure(made);
  if (auto written = store.write_edge_config(); !written) return failure(written);
  if (auto written = write_private(store.in("terminals"), ""); !written) return failure(written);
  auto key = must(store.options_.bin_dir / "perkline-edge",
                  {"terminal", "add", "till-1", "--config", store.in("edge.yaml").string()});
  if (!key) return failure(key);
  store.key_ = *key;
  return store;
}

std::string LoneStore::sandbox_url() const {
  return fmt::format("https://127.0.0.1:{}", sandbox_port_);
}

Result<void> LoneStore::write_edge_config() {
  if (auto written = write_private(in("client_secret"), client_secret_ + "\n"); !written) return written;
  return write_private(in("edge.yaml"),
                       fmt::format(
                           R"(store_id: bench
data_dir: "{0}"
api: {{ listen: "127.0.0.1:0", terminals_file: "{1}", rate_per_terminal_s: 0{2} }}
ops: {{ listen: "127.0.0.1:0" }}
pdi: {{ url: "{3}", client_id: perkline, client_secret_file: "{4}", ca_file: "{5}"{6} }}
)",
                           data().string(), in("terminals").string(),
                           options_.api_yaml.empty() ? "" : ", " + options_.api_yaml, sandbox_url(),
                           in("client_secret").string(), in("sandbox.crt").string(),
                           options_.pdi_yaml.empty() ? "" : ", " + options_.pdi_yaml));
}

Result<void> LoneStore::start_sandbox() {
  auto written = write_private(in("sandbox.yaml"), fmt::format(R"(listen: "127.0.0.1:0"
tls: {{ cert_file: "{}", key_file: "{}" }}
clients:
  - {{ id: perkline, secret: "{}" }}
)",
                                                               in("sandbox.crt").string(),
                                                               in("sandbox.key").string(), client_secret_));
  if (!written) return written;
  const OnCore on(options_.cores.load);
  const auto before = size_of(in("sandbox.log"));
  auto child = Child::start(options_.bin_dir / "pdi-sandbox",
                            {"serve", "--config", in("sandbox.yaml").string()}, in("sandbox.log"));
  if (!child) return failure(child);
  sandbox_.emplace(std::move(*child));
  const auto line = await_ready(*sandbox_, in("sandbox.log"), before);
  sandbox_port_ = line ? port_in(*line, "port") : std::uint16_t{0};
  if (sandbox_port_ == 0) return fail(Errc::io_failed, "the sandbox: " + last_of(in("sandbox.log")));
  return write_edge_config();
}

Result<std::chrono::nanoseconds> LoneStore::start_edge() {
  const OnCore on(options_.cores.server);
  const auto before = size_of(in("edge.log"));
  const auto begin = steady_clock::now();
  auto child = Child::start(options_.bin_dir / "perkline-edge",
                            {"serve", "--config", in("edge.yaml").string()}, in("edge.log"));
  if (!child) return failure(child);
  edge_.emplace(std::move(*child));
  const auto line = await_ready(*edge_, in("edge.log"), before);
  const auto took = steady_clock::now() - begin;
  if (!line) return fail(Errc::io_failed, "the edge does not start: " + last_of(in("edge.log")));
  port_ = port_in(*line, "apiPort");
  return took;
}

Result<void> LoneStore::stop_edge() {
  const int status = edge_ ? edge_->terminate() : 0;
  edge_.reset();
  if (status != 0)
    return fail(Errc::io_failed, fmt::format("the edge ended with {}: {}", status, last_of(in("edge.log"))));
  return {};
}

Result<void> LoneStore::force_open() {
  auto done = must(options_.bin_dir / "perkline-edge",
                   {"breaker", "force-open", "--config", in("edge.yaml").string()});
  if (!done) return failure(done);
  return {};
}

Result<void> LoneStore::set_fault(const std::string& fault) const {
  const auto answer = call({.method = "PUT",
                            .origin = sandbox_url(),
                            .path = "/sandbox/faults",
                            .body = fault,
                            .ca_file = in("sandbox.crt").string()});
  if (!answer || answer->status != 204) return fail(Errc::io_failed, "the sandbox takes no fault");
  return {};
}

Result<std::uint64_t> LoneStore::pending() const {
  const auto told =
      must(options_.bin_dir / "perkline-edge", {"status", "--json", "--config", in("edge.yaml").string()});
  if (!told) return std::unexpected(told.error());
  const auto status = json::parse(*told);
  if (!status || status->root().find("queueDepth") == nullptr)
    return fail(Errc::io_failed, "the edge's status does not tell its queue: " + *told);
  return static_cast<std::uint64_t>(integer_at(status->root(), "queueDepth"));
}

}  // namespace perkline::bench
