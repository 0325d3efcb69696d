#pragma once

#include <optional>
#include <string>

/// Where the build has put things, and where the sources lie. In a file of their own, so that no other one
/// depends on where that is.
namespace perkline::test {

/// The folder in whose node_modules an npm package is: what the environment's `variable` says, or where
/// `./run test` puts it, build/`name`. nullopt: it is not there.
std::optional<std::string> npm_folder(const char* variable, const std::string& name,
                                      const std::string& package);

std::string bin_dir();
/// What the environment's PERKLINE_NGINX says, where `./run test` unpacks one, or the machine's own.
std::string nginx_program();
std::string clock_shift_library();
std::string source_dir();

}  // namespace perkline::test
