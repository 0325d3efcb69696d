#include "edge/cli_ask.hpp"

#include <sys/socket.h>

#include <fmt/format.h>
#include <httplib.h>

#include "edge/cli_text.hpp"
#include "edge/commands.hpp"
#include "edge/control.hpp"
#include "shared/json/value.hpp"

namespace perkline::edge {
namespace {

Errc code_of(int status) {
  switch (status) {
    case 400:
      return Errc::validation_failed;
    case 404:
      return Errc::not_found;
    case 409:
      return Errc::session_state;
    default:
      return Errc::io_failed;
  }
}

/// What a problem says is wrong.
Error error_of(int status, const std::string& problem) {
  Error error{.code = code_of(status), .detail = "the daemon refuses"};
  const auto document = json::parse(problem);
  if (!document) return error;
  const auto text = [](const json::Value& value, std::string_view name) {
    const json::Value* member = value.find(name);
    return member == nullptr ? std::string() : std::string(member->text());
  };
  if (document->root().find("detail") != nullptr) error.detail = text(document->root(), "detail");
  if (const json::Value* faults = document->root().find("errors")) {
    for (const json::Value& fault : faults->items())
      error.faults.push_back({.field = text(fault, "field"), .message = text(fault, "message")});
  }
  return error;
}

}  // namespace

Result<std::string> ask_daemon(const EdgeConfig& config, const Ask& ask) {
  httplib::Client client(control_socket(config.data_dir));
  client.set_address_family(AF_UNIX);
  client.set_connection_timeout(2);
  client.set_read_timeout(ask.patience);
  const httplib::Headers headers{{"Host", "localhost"}};
  const auto answer = ask.body.empty() ? client.Get(ask.path, headers)
                                       : client.Post(ask.path, headers, ask.body, "application/json");
  if (!answer) {
    const bool none = answer.error() == httplib::Error::Connection;
    return fail(none ? Errc::connection_failed : Errc::io_failed,
                "the daemon does not answer on its control socket");
  }
  if (answer->status != 200) return fail(error_of(answer->status, answer->body));
  return answer->body;
}

int show(const Result<std::string>& answer, bool as_json) {
  if (!answer) return report(answer.error());
  if (as_json) {
    fmt::print("{}\n", *answer);
    return exit_ok;
  }
  auto document = json::parse(*answer);
  if (!document) return report(document.error());
  fmt::print("{}", as_text(document->root()));
  return exit_ok;
}

}  // namespace perkline::edge
