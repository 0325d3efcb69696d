#pragma once

#include <string>

#include "edge/config.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/result.hpp"

/// How subcommands speak with a running daemon and with who called them.
namespace perkline::edge {

/// A call to the running daemon; with a body it is a POST.
struct Ask {
  std::string path;
  std::string body = {};
  seconds patience{5};
};

/// The daemon's answer. Errors: connection_failed (no daemon runs), validation_failed, not_found,
/// session_state, io_failed, each with what the daemon says is wrong.
Result<std::string> ask_daemon(const EdgeConfig& config, const Ask& ask);

/// Prints a JSON answer, as it is or as text for people (cli_text.hpp); or what went wrong. The exit code.
int show(const Result<std::string>& answer, bool as_json);

}  // namespace perkline::edge
