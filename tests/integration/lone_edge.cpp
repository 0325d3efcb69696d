#include "tests/integration/lone_edge.hpp"

#include <csignal>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/integration/paths.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

const std::string program = bin_dir() + "/perkline-edge";

constexpr std::string_view ready = R"("message":"ready")";

std::size_t readies_in(const std::string& log) {
  std::size_t count = 0;
  for (std::size_t at = log.find(ready); at != std::string::npos; at = log.find(ready, at + 1)) ++count;
  return count;
}

/// A whole number of the last log line that has it: `"apiPort":7070`.
std::uint16_t number_in(const std::string& log, const std::string& name) {
  const std::size_t at = log.rfind('"' + name + "\":");
  return at == std::string::npos ? std::uint16_t{0}
                                 : static_cast<std::uint16_t>(std::stoi(log.substr(at + name.size() + 3)));
}

}  // namespace

LoneEdge::LoneEdge(LoneEdgeOptions options) : options_(std::move(options)) {
  configure(options_.api, options_.more);
  key_ = add_terminal("till-1");
  start();
}

void LoneEdge::start() {
  std::vector<std::string> command = options_.environment;
  command.insert(command.end(), {program, "serve", "--config", file("edge.yaml")});
  const std::size_t before = readies_in(log());
  auto child = bench::Child::start("/usr/bin/env", command, file("log"));
  EXPECT_TRUE(child);
  if (!child) return;
  child_.emplace(std::move(*child));
  EXPECT_TRUE(eventually([&] { return readies_in(log()) > before; })) << log();
  port_ = number_in(log(), "apiPort");
  ops_port_ = number_in(log(), "opsPort");
}

void LoneEdge::restart() {
  child_->kill();
  start();
}

void LoneEdge::configure(const std::string& api, const std::string& more) {
  std::ofstream(file("edge.yaml")) << "store_id: lone\n"
                                   << "data_dir: " << file("data") << "\n"
                                   << "api: { listen: \"127.0.0.1:0\", terminals_file: " << file("terminals")
                                   << (api.empty() ? "" : ", ") << api << " }\n"
                                   << "ops: { listen: \"127.0.0.1:0\" }\n"
                                   << "pdi: { " << options_.pdi << " }\n"
                                   << more;
}

std::string LoneEdge::add_terminal(const std::string& name) {
  const auto added = bench::run_command(program, {"terminal", "add", name, "--config", file("edge.yaml")});
  EXPECT_TRUE(added && added->status == 0) << (added ? added->err : "");
  return added ? added->out : "";
}

void LoneEdge::reload() {
  ::kill(child_->pid(), SIGHUP);
}

std::string LoneEdge::log() const {
  std::ifstream text(file("log"));
  return {std::istreambuf_iterator<char>(text), {}};
}

std::string LoneEdge::request(const std::string& line, const std::string& key, const std::string& body) {
  std::string text = line + " HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer " + key + "\r\n";
  if (line.starts_with("POST"))
    text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

}  // namespace perkline::test
