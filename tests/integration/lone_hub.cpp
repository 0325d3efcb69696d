#include "tests/integration/lone_hub.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/integration/paths.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

const std::string program = bin_dir() + "/perkline-hub";
const std::string password = "a password of twelve";

}  // namespace

LoneHub::LoneHub(const std::string& api, const std::string& more, std::string ca_file,
                 std::string database_url)
    : ca_file_(std::move(ca_file)), database_url_(std::move(database_url)) {
  if (database_url_.empty()) database_url_ = "sqlite:" + file("hub.db");
  std::ofstream(file("hub.yaml")) << "api: { listen: \"127.0.0.1:0\"" << (api.empty() ? "" : ", ") << api
                                  << " }\n"
                                  << "ops: { listen: \"127.0.0.1:0\" }\n"
                                  << "sync: { listen: \"tcp://127.0.0.1:0\", secret_key_file: "
                                  << file("hub.key") << " }\n"
                                  << "database: { url: \"" << database_url_ << "\" }\n"
                                  << more;
  std::ofstream(file("password")) << password << "\n";
  EXPECT_EQ(command({"keygen", "--out", file("hub.key")}).status, 0);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"migrate"},
        {"admin", "create", "--email", "admin@example.com", "--password-file", file("password")}}) {
    const auto done = run(arguments);
    // Of several on one database the first has made the admin.
    EXPECT_TRUE(done.status == 0 || done.err.contains("is taken")) << done.err;
  }
  start();
}

void LoneHub::start() {
  std::ofstream(file("log"), std::ios::trunc);
  auto child = bench::Child::start(program, {"serve", "--config", file("hub.yaml")}, file("log"));
  EXPECT_TRUE(child);
  if (!child) return;
  child_.emplace(std::move(*child));
  EXPECT_TRUE(eventually([&] { return log().contains(R"("message":"ready")"); })) << log();
  const std::string text = log();
  const auto port = [&text](const std::string& name) {
    const std::size_t at = text.find(name);
    return static_cast<std::uint16_t>(at == std::string::npos ? 0 : std::stoi(text.substr(at + name.size())));
  };
  port_ = port(R"("api":)");
  ops_port_ = port(R"("ops":)");
}

std::string LoneHub::metrics() const {
  const auto told =
      bench::call({.origin = "http://127.0.0.1:" + std::to_string(ops_port_), .path = "/metrics"});
  return told ? told->body : "";
}

bench::CommandOutput LoneHub::run(std::vector<std::string> arguments) const {
  arguments.insert(arguments.end(), {"--config", file("hub.yaml")});
  return command(std::move(arguments));
}

bench::CommandOutput LoneHub::command(std::vector<std::string> arguments) const {
  auto done = bench::run_command(program, arguments);
  return done ? std::move(*done) : bench::CommandOutput{.status = -1, .out = {}, .err = "not run"};
}

std::string LoneHub::url() const {
  return (ca_file_.empty() ? "http" : "https") + std::string("://127.0.0.1:") + std::to_string(port_);
}

bench::WebAnswer LoneHub::call(const Call& call) const {
  auto answer = bench::call({.method = call.method,
                             .origin = url(),
                             .path = call.path,
                             .body = call.body,
                             .bearer = call.bearer,
                             .ca_file = ca_file_,
                             .headers = call.headers});
  EXPECT_TRUE(answer) << call.method << ' ' << call.path;
  return answer.value_or(bench::WebAnswer{});
}

std::string LoneHub::admin() const {
  const auto in = call({.method = "POST",
                        .path = "/api/v1/auth/login",
                        .body = R"({"login":"admin@example.com","password":")" + password + "\"}"});
  EXPECT_EQ(in.status, 200) << in.body;
  return text_at(in, "accessToken");
}

std::string LoneHub::member(const std::string& name) const {
  const auto in = call({.method = "POST",
                        .path = "/api/v1/auth/register",
                        .body = R"({"email":")" + name + R"(@example.com","password":")" + password + "\"}"});
  EXPECT_EQ(in.status, 201) << in.body;
  return text_at(in, "accessToken");
}

std::string LoneHub::log() const {
  std::ifstream text(file("log"));
  return {std::istreambuf_iterator<char>(text), {}};
}

}  // namespace perkline::test
