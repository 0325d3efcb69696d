#include "edge/cli_ask.hpp"

#include <sys/socket.h>

#include <fmt/format.h>
#include <httplib.h>

#include "edge/commands.hpp"
#include "edge/control.hpp"
#include "shared/json/value.hpp"

namespace perkline::edge {
namespace {

/// A problem's `detail`, which says what is wrong.
std::string detail_of(const std::string& problem) {
  const auto document = json::parse(problem);
  const json::Value* detail = document ? document->root().find("detail") : nullptr;
  return detail == nullptr ? "the daemon refuses" : std::string(detail->text());
}

std::string text_of(const json::Value& value) {
  switch (value.kind()) {
    case json::Value::Kind::null:
      return "-";
    case json::Value::Kind::boolean:
      return value.boolean() ? "yes" : "no";
    case json::Value::Kind::number:
    case json::Value::Kind::string:
      return std::string(value.text());
    case json::Value::Kind::array:
    case json::Value::Kind::object:
      break;
  }
  return {};
}

/// `key: value` lines; what is nested is named by its path.
void print_lines(const json::Value& value, const std::string& path) {
  for (const json::Member& member : value.members()) {
    print_lines(member.value,
                path.empty() ? std::string(member.name) : path + '.' + std::string(member.name));
  }
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    print_lines(value.items()[i], path + '[' + std::to_string(i) + ']');
  }
  const bool nested = value.is(json::Value::Kind::object) || value.is(json::Value::Kind::array);
  if (!nested) fmt::print("{}: {}\n", path, text_of(value));
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
  if (answer->status == 400) return fail(Errc::validation_failed, detail_of(answer->body));
  if (answer->status == 404) return fail(Errc::not_found, detail_of(answer->body));
  if (answer->status == 409) return fail(Errc::session_state, detail_of(answer->body));
  if (answer->status != 200) return fail(Errc::io_failed, detail_of(answer->body));
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
  print_lines(document->root(), "");
  return exit_ok;
}

}  // namespace perkline::edge
