#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <zmq.h>

#include "shared/core/result.hpp"

/// What the two ends of the link share. ZeroMQ sockets belong to one thread each; other threads leave work in
/// a Mailbox.
namespace perkline::net::zmq {

/// The process's one context: with CURVE, a second one crashes at exit (libzmq 4.3.4). It is never
/// terminated.
void* context();

class Socket {
 public:
  explicit Socket(int type);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void* handle() const { return handle_; }
  void set(int option, int value);
  void set(int option, std::string_view value);
  /// The options both ends have (hazards of libzmq 4.3.4: heartbeats are off, and messages unbounded, by
  /// default).
  void set_common();

 private:
  void* handle_;
};

/// One part of a message. Move-only, as it may be large.
class Part {
 public:
  Part() { zmq_msg_init(&message_); }
  ~Part() { zmq_msg_close(&message_); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  /// False when nothing is there.
  bool receive(void* socket) { return zmq_msg_recv(&message_, socket, ZMQ_DONTWAIT) >= 0; }
  bool more() const { return zmq_msg_more(&message_) != 0; }
  std::string text() { return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)}; }
  /// A property of the connection it came over; nullopt: none.
  std::optional<std::string> property(const char* name);

 private:
  zmq_msg_t message_;
};

/// All parts of the next message; empty when none is there.
std::vector<std::string> receive_all(void* socket);
/// Without waiting; false when it cannot be handed over.
bool send(void* socket, std::string_view part, bool more);

/// Wakes a thread out of zmq_poll.
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

}  // namespace perkline::net::zmq
