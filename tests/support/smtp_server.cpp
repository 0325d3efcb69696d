#include "tests/support/smtp_server.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "shared/json/value.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

const std::string source = PERKLINE_SOURCE_DIR;

std::string folder() {
  const char* told = std::getenv("PERKLINE_SMTP");
  return told != nullptr ? told : source + "/build/smtp";
}

}  // namespace

std::string SmtpServer::missing() {
  if (std::filesystem::exists(folder() + "/node_modules/smtp-server")) return "";
  return "needs npm's smtp-server in " + folder() + ": ./run test installs it";
}

SmtpServer::SmtpServer(std::string mode, std::string login)
    : mode_(std::move(mode)), login_(std::move(login)) {
  start();
}

void SmtpServer::start() {
  // Node finds packages beside the script.
  const std::string script = folder() + "/server.mjs";
  std::filesystem::copy_file(source + "/tests/support/smtp/server.mjs", script,
                             std::filesystem::copy_options::update_existing);
  auto child = bench::Child::start(
      "/usr/bin/env", {"node", script, std::to_string(port()), folder_.file("mails"), mode_, login_},
      folder_.file("log"));
  EXPECT_TRUE(child);
  if (!child) return;
  child_.emplace(std::move(*child));
  EXPECT_TRUE(eventually([this] { return is_listening(port()); }));
}

std::vector<SmtpServer::Taken> SmtpServer::taken() const {
  std::vector<Taken> found;
  std::ifstream lines(folder_.file("mails"));
  for (std::string line; std::getline(lines, line);) {
    const auto mail = json::parse(line);
    // A line that is being written.
    if (!mail) break;
    const json::Value& root = mail->root();
    found.push_back({.from = std::string(root.find("from")->text()),
                     .to = std::string(root.find("to")->items()[0].text()),
                     .raw = std::string(root.find("raw")->text()),
                     .secure = root.find("secure")->boolean(),
                     .user = std::string(root.find("user")->text())});
  }
  return found;
}

std::string SmtpServer::Taken::header(const std::string& name) const {
  const std::string head = "\r\n" + raw.substr(0, raw.find("\r\n\r\n") + 2);
  std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  at += name.size() + 4;
  std::string value;
  while (true) {
    const std::size_t end = head.find("\r\n", at);
    value += head.substr(at, end - at);
    if (end == std::string::npos || end + 2 >= head.size() || head[end + 2] != ' ') return value;
    at = end + 2;
  }
}

std::string SmtpServer::Taken::body() const {
  const std::size_t end = raw.find("\r\n\r\n");
  return end == std::string::npos ? "" : raw.substr(end + 4);
}

}  // namespace perkline::test
