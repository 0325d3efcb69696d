#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "tests/support/raw_http.hpp"

namespace perkline::test {

/// A server that does to each connection, one after another, exactly what its script says, and then closes
/// it.
class ScriptedPeer {
 public:
  explicit ScriptedPeer(std::function<void(RawHttp&)> script);
  ~ScriptedPeer();
  std::uint16_t port() const { return port_; }
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int accepted() const { return accepted_; }

 private:
  int listener_;
  std::uint16_t port_ = 0;
  std::function<void(RawHttp&)> script_;
  std::atomic<int> accepted_ = 0;
  std::thread thread_;
};

/// For scripts: answers one request with `bytes`.
std::function<void(RawHttp&)> answering(std::string bytes);

}  // namespace perkline::test
