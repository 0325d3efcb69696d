#include "bench/fleet/mail_server.hpp"

#include <fstream>
#include <thread>
#include <utility>

#include "shared/json/value.hpp"

namespace perkline::bench {
namespace {

constexpr std::chrono::seconds start_patience{20};

/// Its first line.
bool says_ready(const std::filesystem::path& log, std::streamoff from) {
  std::ifstream file(log);
  file.seekg(from);
  std::string line;
  while (std::getline(file, line)) {
    if (line == "ready") return true;
  }
  return false;
}

}  // namespace

bool MailServer::is_in(const std::filesystem::path& npm_dir) {
  return std::filesystem::exists(npm_dir / "node_modules" / "smtp-server");
}

Result<MailServer> MailServer::start(Options options) {
  std::error_code none;
  const auto logged = std::filesystem::file_size(options.log_file, none);
  auto child = Child::start(
      "/usr/bin/env",
      {"node", (options.npm_dir / "server.mjs").string(), std::to_string(options.port),
       options.mails_file.string(), options.mode, options.login, options.cert_file, options.key_file},
      options.log_file);
  if (!child) return failure(child);
  const auto give_up = std::chrono::steady_clock::now() + start_patience;
  while (!says_ready(options.log_file, none ? 0 : static_cast<std::streamoff>(logged))) {
    if (!child->running() || std::chrono::steady_clock::now() > give_up)
      return fail(Errc::io_failed, "the mail server does not start: see " + options.log_file.string());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return MailServer(std::move(options), std::move(*child));
}

std::vector<Mail> MailServer::taken() const {
  return mails_in(options_.mails_file);
}

std::vector<Mail> mails_in(const std::filesystem::path& file) {
  std::vector<Mail> found;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const auto mail = json::parse(line);
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

std::string Mail::header(const std::string& name) const {
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

std::string Mail::body() const {
  const std::size_t end = raw.find("\r\n\r\n");
  return end == std::string::npos ? "" : raw.substr(end + 4);
}

}  // namespace perkline::bench
