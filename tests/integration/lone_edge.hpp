#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/fleet/child.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/raw_http.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {

struct LoneEdgeOptions {
  std::string api = {};   ///< More keys of that section: `rate_per_terminal_s: 5, max_connections: 2`.
  std::string more = {};  ///< More lines.
  /// Of PDI's section; nobody has ever seen the one it names by default.
  std::string pdi = R"(url: "https://127.0.0.1:9", client_id: a, client_secret: b)";
  std::vector<std::string> environment = {};  ///< `NAME=value`, in addition.
};

/// A real edge on ports of its own choice that has no hub, and no PDI unless it is told of one: the stand-in
/// answers. A till of its own knows its key.
class LoneEdge {
 public:
  explicit LoneEdge(LoneEdgeOptions options);
  explicit LoneEdge(std::string api = {}, std::string more = {})
      : LoneEdge(LoneEdgeOptions{.api = std::move(api), .more = std::move(more)}) {}

  /// Adds a terminal and gives its key.
  std::string add_terminal(const std::string& name);
  /// Writes the configuration anew; for reload().
  void configure(const std::string& api, const std::string& more = {});
  void reload();
  /// Kills it and starts it again, on other ports.
  void restart();

  std::uint16_t port() const { return port_; }
  std::string ops_url() const { return "http://127.0.0.1:" + std::to_string(ops_port_); }
  const std::string& key() const { return key_; }
  Till till() const { return {"http://127.0.0.1:" + std::to_string(port_), key_}; }
  std::string file(const std::string& name) const { return folder_.file(name); }
  std::string log() const;
  /// Its exit status.
  int terminate() { return child_->terminate(); }

  /// A request of the till with `key`, with a body where it is a POST.
  static std::string request(const std::string& line, const std::string& key, const std::string& body = {});

 private:
  void start();

  TempDir folder_;
  LoneEdgeOptions options_;
  std::string key_;
  std::optional<bench::Child> child_;
  std::uint16_t port_ = 0;
  std::uint16_t ops_port_ = 0;
};

}  // namespace perkline::test
