#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/fleet/child.hpp"
#include "bench/fleet/web.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {

/// A real hub by itself, on SQLite unless told otherwise and on ports of its own choice, with one admin.
class LoneHub {
 public:
  /// `api`: more keys of that section, `cors_origins: [ … ]`; `more`: more lines. `ca_file`: where it serves
  /// TLS. `database_url`: empty for SQLite in its folder.
  explicit LoneHub(const std::string& api = {}, const std::string& more = {}, std::string ca_file = {},
                   std::string database_url = {});

  /// Again, after its end; on another port.
  void start();
  std::uint16_t port() const { return port_; }
  std::string url() const;
  /// What the ops port tells.
  std::string metrics() const;
  /// One of perkline-hub's subcommands, with `--config`.
  bench::CommandOutput run(std::vector<std::string> arguments) const;
  struct Call {
    std::string method = "GET";
    std::string path = {};
    std::string body = {};    ///< JSON.
    std::string bearer = {};  ///< Empty: no Authorization.
    std::map<std::string, std::string> headers = {};
  };
  bench::WebAnswer call(const Call& call) const;
  /// The admin's access token.
  std::string admin() const;
  /// A new member's.
  std::string member(const std::string& name) const;
  const std::string& database_url() const { return database_url_; }
  std::string log() const;
  std::string file(const std::string& name) const { return folder_.file(name); }
  bench::Child& child() { return *child_; }

 private:
  bench::CommandOutput command(std::vector<std::string> arguments) const;

  TempDir folder_;
  std::string ca_file_;
  std::string database_url_;
  std::optional<bench::Child> child_;
  std::uint16_t port_ = 0;
  std::uint16_t ops_port_ = 0;
};

}  // namespace perkline::test
