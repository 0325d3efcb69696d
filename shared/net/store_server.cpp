#include <array>
#include <thread>
#include <unordered_map>

#include <boost/asio/this_coro.hpp>

#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/link.hpp"
#include "shared/net/signal.hpp"
#include "shared/net/zap.hpp"
#include "shared/net/zmq_socket.hpp"

namespace perkline::net {
namespace {

namespace asio = boost::asio;

/// Between the socket and the reactor; what is over it waits in the sockets, and then at the stores.
constexpr std::size_t incoming_max = 128;
constexpr std::size_t outgoing_max = 8192;
/// Two windows of batches, a connection and direction.
constexpr int frames_per_store_max = 2 * limits::sync_window_batches;
/// The library takes ZMQ_ZAP_ENFORCE_DOMAIN; its header names it only among the drafts.
constexpr int zap_enforce_domain = 93;

struct Shared {
  explicit Shared(Reactor& given) : reactor(given) {}
  Reactor& reactor;
  std::shared_ptr<zmq::Gate> gate = std::make_shared<zmq::Gate>();
  zmq::Mailbox<StoreServer::Incoming> incoming{incoming_max};
  zmq::Mailbox<StoreServer::Incoming> outgoing{outgoing_max};
  zmq::Wake wake;
  std::atomic<bool> stopping{false};
  Signal arrived;
};

/// Where each store was last heard: its connection's routing id, and the User-Id it was let in with.
struct Place {
  std::string routing_id;
  std::string user;
};
/// As many as there are stores with a key.
using Places = std::unordered_map<StoreId, Place>;

/// The next frame, if it is from whom it says; nullopt when it is not. False in `any`: nothing was there.
std::optional<StoreServer::Incoming> next_frame(void* socket, zmq::Gate& gate, Places& places, bool& any) {
  zmq::Part routing_id;
  any = routing_id.receive(socket);
  if (!any || !routing_id.more()) return std::nullopt;
  zmq::Part payload;
  if (!payload.receive(socket)) return std::nullopt;
  // After a poll the first part lacks its User-Id (libzmq 4.3.4), and the routing id is whatever the peer
  // says: only the payload's User-Id counts, and the routing id has to be one of that store's.
  const auto user = payload.property("User-Id");
  const auto store = user ? zmq::store_of_user(gate.directory, *user) : std::nullopt;
  const bool single = !payload.more();
  for (bool more = !single; more;) {
    zmq::Part rest;
    more = rest.receive(socket) && rest.more();
  }
  std::string from = routing_id.text();
  if (!single || !store || !zmq::is_routing_id_of(*store, from)) {
    ++gate.refused;
    return std::nullopt;
  }
  places[*store] = {.routing_id = std::move(from), .user = *user};
  return StoreServer::Incoming{.store = *store, .frame = payload.text()};
}

void take_in(void* socket, const std::shared_ptr<Shared>& shared, Places& places) {
  bool grew = false;
  for (bool any = true; any && !shared->incoming.full();) {
    if (auto frame = next_frame(socket, *shared->gate, places, any))
      grew = shared->incoming.push(std::move(*frame)) || grew;
  }
  if (grew) shared->reactor.post([shared] { shared->arrived.notify(); });
}

/// A store that has gone, is not let in any more, or takes nothing, gets nothing: it will say Hello again.
void give_out(void* socket, const StoreServer::Incoming& reply, const zmq::Gate& gate, Places& places) {
  const auto place = places.find(reply.store);
  if (place == places.end()) return;
  if (!zmq::store_of_user(gate.directory, place->second.user)) {
    places.erase(place);
    return;
  }
  if (zmq::send(socket, place->second.routing_id, true)) zmq::send(socket, reply.frame, false);
}

void serve(zmq::Socket& socket, const std::shared_ptr<Shared>& shared) {
  Places places;
  while (!shared->stopping) {
    // While the reactor is behind, frames wait in the sockets, and then at the stores.
    const short read = shared->incoming.full() ? short{0} : short{ZMQ_POLLIN};
    std::array<zmq_pollitem_t, 2> items{
        {{socket.handle(), 0, read, 0}, {nullptr, shared->wake.descriptor(), ZMQ_POLLIN, 0}}};
    zmq_poll(items.data(), static_cast<int>(items.size()), -1);
    if (items[1].revents != 0) shared->wake.clear();
    while (auto reply = shared->outgoing.pop()) give_out(socket.handle(), *reply, *shared->gate, places);
    take_in(socket.handle(), shared, places);
  }
}

class RouterServer final : public StoreServer {
 public:
  RouterServer(Reactor& reactor, HubServerOptions options, KeyDirectory directory)
      : options_(std::move(options)), shared_(std::make_shared<Shared>(reactor)) {
    shared_->gate->directory = std::move(directory);
  }
  ~RouterServer() override {
    shared_->stopping = true;
    shared_->wake.notify();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start() override {
    auto secret_key = zmq::key_bytes(options_.secret_key);
    if (!secret_key) return failure(secret_key);
    static std::atomic<unsigned> count{0};
    const std::string domain = "perkline-" + std::to_string(count++);
    guard_ = zmq::guard_domain(domain, shared_->gate);

    auto socket = std::make_unique<zmq::Socket>(ZMQ_ROUTER);
    socket->set_common();
    socket->set(ZMQ_CURVE_SERVER, 1);
    socket->set(ZMQ_CURVE_SECRETKEY, *secret_key);
    socket->set(ZMQ_ZAP_DOMAIN, domain);
    socket->set(zap_enforce_domain, 1);
    socket->set(ZMQ_ROUTER_MANDATORY, 1);
    socket->set(ZMQ_ROUTER_HANDOVER, 1);
    socket->set(ZMQ_SNDHWM, frames_per_store_max);
    socket->set(ZMQ_RCVHWM, frames_per_store_max);
    if (zmq_bind(socket->handle(), options_.listen.c_str()) != 0)
      return fail(Errc::io_failed, options_.listen + " cannot be bound");
    std::array<char, 256> bound{};
    std::size_t size = bound.size();
    PERKLINE_ASSERT(zmq_getsockopt(socket->handle(), ZMQ_LAST_ENDPOINT, bound.data(), &size) == 0);
    endpoint_ = bound.data();
    thread_ = std::thread([shared = shared_, owned = std::move(socket)] { serve(*owned, shared); });
    return {};
  }

  std::string endpoint() const override { return endpoint_; }

  Task<Result<Incoming>> receive() override {
    while (true) {
      if (auto frame = shared_->incoming.pop()) {
        shared_->wake.notify();  // there is room again
        co_return std::move(*frame);
      }
      co_await shared_->arrived.wait();
      if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
        co_return fail(Errc::cancelled, "no frame of any store");
    }
  }

  void send(StoreId store, std::string frame) override {
    shared_->outgoing.push({.store = std::move(store), .frame = std::move(frame)});
    shared_->wake.notify();
  }

  std::uint64_t refused() const override { return shared_->gate->refused; }

 private:
  HubServerOptions options_;
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<void> guard_;
  std::string endpoint_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<StoreServer> make_store_server(Reactor& reactor, HubServerOptions options,
                                               KeyDirectory directory) {
  return std::make_unique<RouterServer>(reactor, std::move(options), std::move(directory));
}

}  // namespace perkline::net
