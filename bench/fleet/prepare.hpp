#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/result.hpp"

/// What a daemon needs before it can start.
namespace perkline::bench {

/// 48 hex digits, another every time.
std::string random_secret();
/// Only the owner may read it. Errors: io_failed.
Result<void> write_private(const std::filesystem::path& path, std::string_view text);
/// Runs a command that must succeed and gives its output. Errors: io_failed, with what it said.
Result<std::string> must(const std::filesystem::path& program, std::vector<std::string> arguments);
/// A certificate for 127.0.0.1 and localhost, signed by itself, good for two days; PEM, as the key.
/// Errors: io_failed.
Result<void> make_certificate(const std::filesystem::path& certificate, const std::filesystem::path& key);

}  // namespace perkline::bench
