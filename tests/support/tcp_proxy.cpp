#include "tests/support/tcp_proxy.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"

namespace perkline::test {
namespace {

using Kind = Toxic::Kind;

/// Beyond it nothing more is read, as a slow line would have it.
constexpr std::size_t waiting_bytes_max = limits::mib;
constexpr int connections_waiting_max = 128;
constexpr int idle_ms = 1000;

MonoTime now_of() {
  return std::chrono::steady_clock::now();
}

sockaddr_in address_of(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int bound(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  PERKLINE_ASSERT(fd >= 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  const sockaddr_in address = address_of(port);
  PERKLINE_ASSERT(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

/// -1: not, within `patience_ms`.
int connected(std::uint16_t port, int patience_ms) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  PERKLINE_ASSERT(fd >= 0);
  const sockaddr_in address = address_of(port);
  (void)::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  pollfd ready{fd, POLLOUT, 0};
  int error = ETIMEDOUT;
  socklen_t length = sizeof error;
  if (::poll(&ready, 1, patience_ms) == 1) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == 0) return fd;
  ::close(fd);
  return -1;
}

void at_once(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void reset(int fd) {
  const linger none{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  ::close(fd);
}

bool is_hostile(Kind kind) {
  return kind == Kind::reset || kind == Kind::refuse || kind == Kind::deaf;
}

}  // namespace

TcpProxy::TcpProxy(std::uint16_t server)
    : keeper_(bound(0)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), server_(server) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  PERKLINE_ASSERT(::getsockname(keeper_, reinterpret_cast<sockaddr*>(&address), &length) == 0 && wake_ >= 0);
  port_ = ntohs(address.sin_port);
  listen(connections_waiting_max);
  thread_ = std::thread([this] { run(); });
}

TcpProxy::~TcpProxy() {
  stopping_ = true;
  wake();
  thread_.join();
  const std::scoped_lock lock(mutex_);
  (void)close_all();
  stop_listening();
  ::close(keeper_);
  ::close(wake_);
}

void TcpProxy::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

void TcpProxy::set(Toxic toxic) {
  std::vector<std::uint16_t> reset;
  {
    const std::scoped_lock lock(mutex_);
    reset = take_over(toxic);
    wake();
  }
  await_ends(reset);
}

void TcpProxy::lead_to(std::uint16_t server) {
  {
    const std::scoped_lock lock(mutex_);
    server_ = server;
  }
  cut();
}

void TcpProxy::cut() {
  std::vector<std::uint16_t> reset;
  {
    const std::scoped_lock lock(mutex_);
    reset = close_all();
    wake();
  }
  await_ends(reset);
}

void TcpProxy::say_again(const std::string& words) {
  const std::scoped_lock lock(mutex_);
  for (Connection& connection : connections_) {
    connection.up.waiting.push_back({now_of(), words});
    connection.up.waiting_bytes += words.size();
  }
  wake();
}

void TcpProxy::record() {
  const std::scoped_lock lock(mutex_);
  recording_ = true;
}

std::vector<TcpProxy::Recording> TcpProxy::recordings() const {
  const std::scoped_lock lock(mutex_);
  return recordings_;
}

void TcpProxy::listen(int backlog) {
  listener_ = bound(port_);
  PERKLINE_ASSERT(::listen(listener_, backlog) == 0);
}

void TcpProxy::stop_listening() {
  for (const int filler : fillers_) ::close(filler);
  fillers_.clear();
  if (listener_ >= 0) ::close(listener_);
  listener_ = -1;
}

std::vector<std::uint16_t> TcpProxy::close_all() {
  std::vector<std::uint16_t> clients;
  for (const Connection& connection : connections_) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    if (::getpeername(connection.up.from, reinterpret_cast<sockaddr*>(&address), &length) == 0)
      clients.push_back(ntohs(address.sin_port));
    reset(connection.up.from);
    reset(connection.up.to);
  }
  connections_.clear();
  return clients;
}

/// On a busy machine a reset is a while on its way, also on loopback.
void TcpProxy::await_ends(const std::vector<std::uint16_t>& clients) const {
  const auto stands = [this](std::uint16_t client) {
    std::array<char, 32> ends{};
    std::snprintf(ends.data(), ends.size(), "0100007F:%04X 0100007F:%04X 01", client, port_);
    std::ifstream table("/proc/net/tcp");
    for (std::string line; std::getline(table, line);) {
      if (line.find(ends.data()) != std::string::npos) return true;
    }
    return false;
  };
  const MonoTime give_up = now_of() + seconds{5};
  for (const std::uint16_t client : clients) {
    while (stands(client) && now_of() < give_up) std::this_thread::yield();
  }
}

std::vector<std::uint16_t> TcpProxy::take_over(Toxic toxic) {
  const bool listened = toxic_.kind != Kind::refuse && toxic_.kind != Kind::deaf;
  const bool listens = toxic.kind != Kind::refuse && toxic.kind != Kind::deaf;
  toxic_ = toxic;
  auto clients = is_hostile(toxic.kind) ? close_all() : std::vector<std::uint16_t>();
  if (listened && listens) return clients;
  stop_listening();
  if (listens) listen(connections_waiting_max);
  if (toxic.kind != Kind::deaf) return clients;
  // Who is not accepted fills the queue; whoever knocks then is not even heard.
  listen(0);
  constexpr int heard_ms = 50;
  for (int fd = connected(port_, heard_ms); fd >= 0; fd = connected(port_, heard_ms)) fillers_.push_back(fd);
  return clients;
}

bool TcpProxy::passes() const {
  return toxic_.kind != Kind::black_hole;
}

bool TcpProxy::wants_read(const Pipe& pipe) const {
  return passes() && !pipe.read_ended && pipe.waiting_bytes < waiting_bytes_max;
}

bool TcpProxy::wants_write(const Pipe& pipe, MonoTime now) const {
  if (!passes() || pipe.waiting.empty() || pipe.write_ended) return false;
  return pipe.waiting.front().due <= now && (toxic_.kind != Kind::drip || pipe.next_drip <= now);
}

/// Until something is to be passed on; in milliseconds.
int TcpProxy::patience(MonoTime now) const {
  MonoTime next = now + Millis{idle_ms};
  for (const Connection& connection : connections_) {
    for (const Pipe* pipe : {&connection.up, &connection.down}) {
      if (pipe->waiting.empty() || !passes()) continue;
      const MonoTime due = pipe->waiting.front().due;
      next = std::min(next, toxic_.kind == Kind::drip ? std::max(due, pipe->next_drip) : due);
    }
  }
  return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<Millis>(next - now).count()));
}

void TcpProxy::run() {
  std::vector<pollfd> watched;
  while (!stopping_) {
    int wait_ms = 0;
    watched.assign(1, {wake_, POLLIN, 0});
    {
      const std::scoped_lock lock(mutex_);
      const MonoTime now = now_of();
      wait_ms = patience(now);
      if (listener_ >= 0 && toxic_.kind != Kind::deaf) watched.push_back({listener_, POLLIN, 0});
      for (const Connection& connection : connections_) {
        for (const Pipe* pipe : {&connection.up, &connection.down}) {
          if (wants_read(*pipe)) watched.push_back({pipe->from, POLLIN, 0});
          if (wants_write(*pipe, now)) watched.push_back({pipe->to, POLLOUT, 0});
        }
      }
    }
    ::poll(watched.data(), watched.size(), wait_ms);
    std::uint64_t woken = 0;
    (void)!::read(wake_, &woken, sizeof woken);
    const std::scoped_lock lock(mutex_);
    if (listener_ >= 0 && toxic_.kind != Kind::deaf) accept_one();
    look_after(now_of());
  }
}

/// Whoever waits at the door.
void TcpProxy::accept_one() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) return;
  ++accepted_;
  if (is_hostile(toxic_.kind)) return reset(client);
  constexpr int connect_ms = 1000;
  const int server = connected(server_, connect_ms);
  if (server < 0) return reset(client);
  at_once(client);
  at_once(server);
  if (recording_) recordings_.emplace_back();
  connections_.push_back({.up = {.from = client, .to = server, .waiting = {}},
                          .down = {.from = server, .to = client, .waiting = {}},
                          .recording = recording_ ? recordings_.size() - 1 : not_recorded});
}

void TcpProxy::look_after(MonoTime now) {
  for (auto at = connections_.begin(); at != connections_.end();) {
    for (Pipe* pipe : {&at->up, &at->down}) {
      if (wants_read(*pipe)) read(*at, *pipe, now);
      if (wants_write(*pipe, now)) write(*at, *pipe, now);
      if (pipe->read_ended && pipe->waiting.empty() && !pipe->write_ended) {
        pipe->write_ended = true;
        ::shutdown(pipe->to, SHUT_WR);
      }
    }
    if (toxic_.kind == Kind::half_close && !at->up.write_ended) {
      at->up.write_ended = true;
      ::shutdown(at->up.to, SHUT_WR);
    }
    const bool over = at->up.read_ended && at->down.read_ended && at->down.waiting.empty();
    if (at->broken) {
      reset(at->up.from);
      reset(at->up.to);
    } else if (over) {
      ::close(at->up.from);
      ::close(at->up.to);
    }
    at = at->broken || over ? connections_.erase(at) : std::next(at);
  }
}

void TcpProxy::read(Connection& connection, Pipe& pipe, MonoTime now) {
  std::array<char, 16 * 1024> buffer{};
  const ssize_t got = ::read(pipe.from, buffer.data(), buffer.size());
  if (got < 0) {
    connection.broken = connection.broken || (errno != EAGAIN && errno != EINTR);
    return;
  }
  if (got == 0) {
    pipe.read_ended = true;
    return;
  }
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  if (connection.recording != not_recorded) {
    Recording& recording = recordings_[connection.recording];
    (&pipe == &connection.up ? recording.up : recording.down).append(bytes);
  }
  if (pipe.write_ended) return;  // Half closed: it goes nowhere.
  const Millis late = toxic_.kind == Kind::delay ? toxic_.time : Millis{0};
  pipe.waiting.push_back({now + late, std::string(bytes)});
  if (toxic_.kind == Kind::garble) pipe.waiting.back().bytes.back() ^= 1;
  pipe.waiting_bytes += bytes.size();
}

void TcpProxy::write(Connection& connection, Pipe& pipe, MonoTime now) {
  Piece& piece = pipe.waiting.front();
  const bool drips = toxic_.kind == Kind::drip;
  const std::size_t size = drips ? std::min(toxic_.bytes, piece.bytes.size()) : piece.bytes.size();
  const ssize_t sent = ::send(pipe.to, piece.bytes.data(), size, MSG_NOSIGNAL);
  if (sent < 0) {
    connection.broken = connection.broken || (errno != EAGAIN && errno != EINTR);
    return;
  }
  pipe.waiting_bytes -= static_cast<std::size_t>(sent);
  piece.bytes.erase(0, static_cast<std::size_t>(sent));
  if (piece.bytes.empty()) pipe.waiting.pop_front();
  if (drips) pipe.next_drip = now + toxic_.time;
}

}  // namespace perkline::test
