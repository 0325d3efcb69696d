#include "tests/support/smtp_server.hpp"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

namespace perkline::test {
namespace {

const std::string source = PERKLINE_SOURCE_DIR;

std::string folder() {
  const char* told = std::getenv("PERKLINE_SMTP");
  return told != nullptr ? told : source + "/build/smtp";
}

}  // namespace

std::string SmtpServer::missing() {
  if (bench::MailServer::is_in(folder())) return "";
  // Where people do not look at what was skipped.
  if (std::getenv("CI") != nullptr) ADD_FAILURE() << "npm's smtp-server is not in " << folder();
  return "needs npm's smtp-server in " + folder() + ": ./run test installs it";
}

SmtpServer::SmtpServer(std::string mode, std::string login, TestCertificates::Files certificate)
    : mode_(std::move(mode)), login_(std::move(login)), certificate_(std::move(certificate)) {
  start();
}

void SmtpServer::start() {
  // Node finds packages beside the script.
  std::filesystem::copy_file(source + "/tests/support/smtp/server.mjs", folder() + "/server.mjs",
                             std::filesystem::copy_options::update_existing);
  auto server = bench::MailServer::start({.npm_dir = folder(),
                                          .port = port(),
                                          .mails_file = folder_.file("mails"),
                                          .log_file = folder_.file("log"),
                                          .mode = mode_,
                                          .login = login_,
                                          .cert_file = certificate_.cert_file,
                                          .key_file = certificate_.key_file});
  EXPECT_TRUE(server) << server.error().detail;
  if (server) server_.emplace(std::move(*server));
}

}  // namespace perkline::test
