#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

#include <boost/asio/this_coro.hpp>

#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/net/deadline.hpp"
#include "shared/net/link.hpp"
#include "shared/net/signal.hpp"
#include "shared/net/zap.hpp"
#include "shared/net/zmq_socket.hpp"

namespace perkline::net {
namespace {

namespace asio = boost::asio;

/// Two windows of batches, and what is said between them.
constexpr std::size_t frames_waiting_max = 64;

struct Keys {
  std::string public_key;
  std::string secret_key;
  std::string hub_public_key;
};

/// What the reactor's side and the socket's thread share.
struct Shared {
  explicit Shared(Reactor& given) : reactor(given) {}
  Reactor& reactor;
  zeromq::Mailbox<std::string> outgoing{frames_waiting_max};
  zeromq::Mailbox<std::string> incoming{frames_waiting_max};
  zeromq::Wake wake;
  std::atomic<bool> stopping{false};
  std::atomic<bool> reconnect{false};
  std::atomic<LinkState> state{LinkState::connecting};
  Signal arrived;  ///< The reactor's.

  Keys keys() {
    const std::scoped_lock lock(mutex);
    return keys_now;
  }
  std::mutex mutex;  ///< For what follows.
  Keys keys_now = {};
};

/// The socket and what it tells of its connection. Lives on its thread.
class Connection {
 public:
  Connection(const StoreLinkOptions& options, const Keys& keys, const std::string& endpoint)
      : socket_(zeromq::make_socket(::zmq::socket_type::dealer)),
        monitor_(zeromq::make_socket(::zmq::socket_type::pair)) {
    namespace option = ::zmq::sockopt;
    socket_.set(option::routing_id, zeromq::make_routing_id(options.store));
    socket_.set(option::curve_publickey, keys.public_key);
    socket_.set(option::curve_secretkey, keys.secret_key);
    socket_.set(option::curve_serverkey, keys.hub_public_key);
    socket_.set(option::reconnect_ivl, 500);
    socket_.set(option::reconnect_ivl_max, 30'000);
    // Only a connection that stands gets frames. Until then they wait in our queue, which has a bound of
    // ours.
    socket_.set(option::immediate, true);
    socket_.set(option::sndhwm, static_cast<int>(frames_waiting_max));
    socket_.set(option::rcvhwm, static_cast<int>(frames_waiting_max));
    static std::atomic<unsigned> count{0};
    const std::string address = "inproc://perkline-store-link-" + std::to_string(count++);
    // Not ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: libzmq 4.3.4 tells it also of every later frame that cannot be
    // decrypted, loses by that the error of the frame (errno), and then keeps the connection, deaf.
    PERKLINE_ASSERT(zmq_socket_monitor(socket_.handle(), address.c_str(),
                                       ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                           ZMQ_EVENT_DISCONNECTED) == 0);
    monitor_.connect(address);
    socket_.connect(endpoint);
  }
  ~Connection() { zmq_socket_monitor(socket_.handle(), nullptr, 0); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  ::zmq::socket_t& socket() { return socket_; }
  ::zmq::socket_t& monitor() { return monitor_; }

  /// The state after the next event; nullopt: no event, or one that changes nothing.
  std::optional<LinkState> next_state(LinkState now) {
    const auto parts = zeromq::receive_all(monitor_);
    if (parts.empty() || parts.front().size() < sizeof(std::uint16_t)) return std::nullopt;
    std::uint16_t event = 0;
    std::memcpy(&event, parts.front().data(), sizeof event);
    switch (event) {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        return LinkState::connected;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return LinkState::refused;
      // Being refused ends in a disconnect too, and stays what is known.
      case ZMQ_EVENT_DISCONNECTED:
        return now == LinkState::refused ? now : LinkState::connecting;
      default:
        return std::nullopt;
    }
  }

 private:
  ::zmq::socket_t socket_;
  ::zmq::socket_t monitor_;
};

void take_in(Connection& connection, const std::shared_ptr<Shared>& shared) {
  bool any = false;
  while (!shared->incoming.full()) {
    auto parts = zeromq::receive_all(connection.socket());
    if (parts.empty()) break;
    if (parts.size() == 1) any = shared->incoming.push(std::move(parts.front())) || any;
  }
  if (any) shared->reactor.post([shared] { shared->arrived.notify(); });
}

/// One connection's life: until the link stops or is to go to the next endpoint.
void serve(Connection& connection, const std::shared_ptr<Shared>& shared) {
  std::optional<std::string> next;  // from the queue, for the socket to take
  while (!shared->stopping && !shared->reconnect.exchange(false)) {
    // While the reactor is behind, frames wait in the socket, and then at the hub.
    const short read = shared->incoming.full() ? short{0} : short{ZMQ_POLLIN};
    if (!next) next = shared->outgoing.pop();
    const short write = next ? short{ZMQ_POLLOUT} : short{0};
    std::array<::zmq::pollitem_t, 3> items{
        {{connection.socket().handle(), 0, static_cast<short>(read | write), 0},
         {nullptr, shared->wake.descriptor(), ZMQ_POLLIN, 0},
         {connection.monitor().handle(), 0, ZMQ_POLLIN, 0}}};
    zeromq::wait(items);
    if (items[1].revents != 0) shared->wake.clear();
    if (items[2].revents != 0) {
      if (const auto state = connection.next_state(shared->state)) shared->state = *state;
    }
    while (next && zeromq::send(connection.socket(), *next, false)) next = shared->outgoing.pop();
    take_in(connection, shared);
  }
}

class StoreLink final : public HubLink {
 public:
  StoreLink(Reactor& reactor, StoreLinkOptions options, Keys keys)
      : shared_(std::make_shared<Shared>(reactor)) {
    shared_->keys_now = std::move(keys);
    thread_ = std::thread([shared = shared_, options = std::move(options)] {
      for (std::size_t turn = 0; !shared->stopping; ++turn) {
        Connection connection(options, shared->keys(), options.endpoints[turn % options.endpoints.size()]);
        serve(connection, shared);
        shared->state = LinkState::connecting;
      }
    });
  }
  ~StoreLink() override {
    shared_->stopping = true;
    shared_->wake.notify();
    thread_.join();
  }

  Result<void> send(std::string frame) override {
    if (!shared_->outgoing.push(std::move(frame))) return fail(Errc::overloaded, "the link's queue is full");
    shared_->wake.notify();
    return {};
  }

  Task<Result<std::string>> receive(MonoTime deadline) override {
    while (true) {
      if (auto frame = shared_->incoming.pop()) {
        shared_->wake.notify();  // there is room again
        co_return std::move(*frame);
      }
      const auto waited = co_await with_deadline(shared_->reactor.clock(), deadline, arrival(shared_));
      if (!waited) co_return fail(Errc::timed_out, "no frame from the hub");
      if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
        co_return fail(Errc::cancelled, "no frame from the hub");
    }
  }

  void reconnect() override {
    shared_->outgoing.clear();
    shared_->incoming.clear();
    shared_->reconnect = true;
    shared_->wake.notify();
  }

  LinkState state() const override { return shared_->state; }

  void use_keys(CurveKeys keys) override {
    auto public_key = zeromq::key_bytes(keys.public_key);
    auto secret_key = zeromq::key_bytes(keys.secret_key);
    PERKLINE_ASSERT(public_key && secret_key);
    {
      const std::scoped_lock lock(shared_->mutex);
      shared_->keys_now.public_key = std::move(*public_key);
      shared_->keys_now.secret_key = std::move(*secret_key);
    }
    reconnect();
  }

 private:
  static Task<Result<void>> arrival(std::shared_ptr<Shared> shared) {
    co_await shared->arrived.wait();
    co_return Result<void>{};
  }

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HubLink>> make_store_link(Reactor& reactor, StoreLinkOptions options) {
  if (options.endpoints.empty() || options.store.empty())
    return fail(Errc::validation_failed, "a link needs an endpoint and a store");
  auto public_hex = public_key_of(options.secret_key);
  if (!public_hex) return failure(public_hex);
  auto public_key = zeromq::key_bytes(*public_hex);
  auto secret_key = zeromq::key_bytes(options.secret_key);
  auto hub_key = zeromq::key_bytes(options.hub_public_key);
  if (!public_key || !secret_key || !hub_key)
    return fail(Errc::validation_failed, "a key is 64 lower-case hex digits");
  Keys keys{.public_key = std::move(*public_key),
            .secret_key = std::move(*secret_key),
            .hub_public_key = std::move(*hub_key)};
  return std::make_unique<StoreLink>(reactor, std::move(options), std::move(keys));
}

}  // namespace perkline::net
