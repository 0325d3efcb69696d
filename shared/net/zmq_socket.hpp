#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <zmq.hpp>

#include "shared/core/result.hpp"

/// What the two ends of the link share. ZeroMQ sockets belong to one thread each; other threads leave work in
/// a Mailbox.
namespace perkline::net::zeromq {

/// The process's one context: with CURVE, a second one crashes at exit (libzmq 4.3.4). It is never
/// terminated.
::zmq::context_t& context();

/// With the options both ends have (by default messages are unbounded, and a peer whose machine has gone is
/// never missed).
::zmq::socket_t make_socket(::zmq::socket_type type);

/// The next part, without waiting; nullopt when nothing is there.
std::optional<::zmq::message_t> receive_part(::zmq::socket_t& socket);
/// All parts of the next message; empty when none is there.
std::vector<std::string> receive_all(::zmq::socket_t& socket);
/// Without waiting; false when it cannot be handed over.
bool send(::zmq::socket_t& socket, std::string_view part, bool more);
/// A property of the connection that the part came over; nullopt: none.
std::optional<std::string> property(const ::zmq::message_t& part, const char* name);
/// Waits without end until one of them is ready, or a signal interrupts.
void wait(std::span<::zmq::pollitem_t> items);

/// Wakes a thread out of wait().
class Wake {
 public:
  Wake();
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  int descriptor() const { return descriptor_; }
  void notify() const;
  void clear() const;

 private:
  int descriptor_;
};

/// A bounded queue between threads.
template <class T>
class Mailbox {
 public:
  explicit Mailbox(std::size_t count_max) : count_max_(count_max) {}
  bool push(T item) {
    const std::scoped_lock lock(mutex_);
    if (items_.size() >= count_max_) return false;
    items_.push_back(std::move(item));
    return true;
  }
  std::optional<T> pop() {
    const std::scoped_lock lock(mutex_);
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }
  bool full() const {
    const std::scoped_lock lock(mutex_);
    return items_.size() >= count_max_;
  }
  void clear() {
    const std::scoped_lock lock(mutex_);
    items_.clear();
  }

 private:
  std::size_t count_max_;
  mutable std::mutex mutex_;
  std::deque<T> items_;
};

/// 32 bytes out of 64 lower-case hex digits.
Result<std::string> key_bytes(std::string_view hex);

}  // namespace perkline::net::zeromq
