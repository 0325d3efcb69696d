#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "shared/core/clock.hpp"

namespace perkline::test {

/// What becomes of what passes a TcpProxy.
struct Toxic {
  enum class Kind : std::uint8_t {
    none,
    delay,       ///< All of it comes `time` later.
    drip,        ///< `bytes` at a time, `time` apart.
    reset,       ///< Open connections are reset, and new ones as soon as they are there.
    half_close,  ///< The server is told that the client says no more; what it says still passes.
    black_hole,  ///< Nothing passes; connections stay, and new ones get no further.
    garble,      ///< Of whatever is read together the last byte comes as another.
    refuse,      ///< Open connections are reset, and nobody listens.
    deaf,        ///< Open connections are reset, and nobody answers a connect.
  };
  Kind kind = Kind::none;
  Millis time{0};
  std::size_t bytes = 1;
};

/// A line between two processes on loopback that fails as it is told, at run time. It listens on a free port,
/// which stays its own also while nobody is to listen there. A thread of its own. Any thread.
class TcpProxy {
 public:
  /// `server`: a port of 127.0.0.1. Nobody need listen there yet.
  explicit TcpProxy(std::uint16_t server);
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;
  ~TcpProxy();

  std::uint16_t port() const { return port_; }
  /// For what is under way too; returns when it is so. Clients have seen the end of a connection that was
  /// reset.
  void set(Toxic toxic);
  /// New connections go there, and open ones are reset.
  void lead_to(std::uint16_t server);
  /// Resets the open connections; new ones are welcome.
  void cut();

  std::size_t accepted() const { return accepted_; }
  /// On every open connection, as if the client had said it.
  void say_again(const std::string& words);

  /// What one connection has carried, as it was read.
  struct Recording {
    std::string up;    ///< From the client.
    std::string down;  ///< From the server.
  };
  /// Of the connections made from now on.
  void record();
  std::vector<Recording> recordings() const;

 private:
  struct Piece {
    MonoTime due;
    std::string bytes;
  };
  /// One direction.
  struct Pipe {
    int from;
    int to;
    std::deque<Piece> waiting;
    std::size_t waiting_bytes = 0;
    MonoTime next_drip{};
    bool read_ended = false;
    bool write_ended = false;
  };
  struct Connection {
    Pipe up;
    Pipe down;
    std::size_t recording;
    bool broken = false;
  };
  static constexpr std::size_t not_recorded = static_cast<std::size_t>(-1);

  void run();
  void look_after(MonoTime now);
  int patience(MonoTime now) const;
  void accept_one();
  std::vector<std::uint16_t> take_over(Toxic toxic);
  void listen(int backlog);
  void stop_listening();
  /// The clients' ports.
  std::vector<std::uint16_t> close_all();
  void await_ends(const std::vector<std::uint16_t>& clients) const;
  bool passes() const;
  bool wants_read(const Pipe& pipe) const;
  bool wants_write(const Pipe& pipe, MonoTime now) const;
  void read(Connection& connection, Pipe& pipe, MonoTime now);
  void write(Connection& connection, Pipe& pipe, MonoTime now);
  void wake();

  std::uint16_t port_ = 0;
  int keeper_ = -1;  ///< Bound, so that the port is nobody else's; never listens.
  int listener_ = -1;
  int wake_ = -1;
  std::vector<int> fillers_;  ///< They fill the queue of a deaf listener.

  mutable std::mutex mutex_;  ///< For all that follows.
  std::uint16_t server_;
  Toxic toxic_;
  std::list<Connection> connections_;
  bool recording_ = false;
  std::vector<Recording> recordings_;
  std::atomic<std::size_t> accepted_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace perkline::test
