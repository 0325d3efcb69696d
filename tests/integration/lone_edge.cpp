#include "tests/integration/lone_edge.hpp"

#include <csignal>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/integration/paths.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

const std::string program = bin_dir() + "/perkline-edge";

/// A whole number of a log line: `"apiPort":7070`.
std::uint16_t number_in(const std::string& log, const std::string& name) {
  const std::size_t at = log.find('"' + name + "\":");
  return at == std::string::npos ? std::uint16_t{0}
                                 : static_cast<std::uint16_t>(std::stoi(log.substr(at + name.size() + 3)));
}

}  // namespace

LoneEdge::LoneEdge(std::string api, std::string more) {
  configure(api, more);
  key_ = add_terminal("till-1");
  auto child = bench::Child::start(program, {"serve", "--config", file("edge.yaml")}, file("log"));
  EXPECT_TRUE(child);
  if (!child) return;
  child_.emplace(std::move(*child));
  EXPECT_TRUE(eventually([&] { return log().find(R"("message":"ready")") != std::string::npos; })) << log();
  port_ = number_in(log(), "apiPort");
  ops_port_ = number_in(log(), "opsPort");
}

void LoneEdge::configure(const std::string& api, const std::string& more) {
  std::ofstream(file("edge.yaml"))
      << "store_id: lone\n"
      << "data_dir: " << file("data") << "\n"
      << "api: { listen: \"127.0.0.1:0\", terminals_file: " << file("terminals") << (api.empty() ? "" : ", ")
      << api << " }\n"
      << "ops: { listen: \"127.0.0.1:0\" }\n"
      << "pdi: { url: \"https://127.0.0.1:9\", client_id: a, client_secret: b }\n"
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
