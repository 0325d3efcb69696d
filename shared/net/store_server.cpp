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
constexpr std::size_t key_digits = 64;
constexpr int frames_per_store_max = 2 * limits::sync_window_batches;
/// The library takes ZMQ_ZAP_ENFORCE_DOMAIN; its headers name it only among the drafts.
constexpr ::zmq::sockopt::integral_option<93, int, true> zap_enforce_domain;

struct Shared {
  explicit Shared(Reactor& given) : reactor(given) {}
  Reactor& reactor;
  std::shared_ptr<zeromq::Gate> gate = std::make_shared<zeromq::Gate>();
  zeromq::Mailbox<StoreServer::Incoming> incoming{incoming_max};
  zeromq::Mailbox<StoreServer::Incoming> outgoing{outgoing_max};
  zeromq::Wake wake;
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
std::optional<StoreServer::Incoming> next_frame(::zmq::socket_t& socket, zeromq::Gate& gate, Places& places,
                                                bool& any) {
  const auto routing_id = zeromq::receive_part(socket);
  any = routing_id.has_value();
  if (!any || !routing_id->more()) return std::nullopt;
  const auto payload = zeromq::receive_part(socket);
  if (!payload) return std::nullopt;
  // After a poll the first part lacks its User-Id (libzmq 4.3.4), and the routing id is whatever the peer
  // says: only the payload's User-Id counts, and the routing id has to be one of that store's.
  const auto user = zeromq::property(*payload, "User-Id");
  const auto store = user ? zeromq::store_of_user(gate.directory, *user) : std::nullopt;
  const bool single = !payload->more();
  for (bool more = !single; more;) {
    const auto rest = zeromq::receive_part(socket);
    more = rest && rest->more();
  }
  std::string from = routing_id->to_string();
  if (!single || !store || !zeromq::is_routing_id_of(*store, from)) {
    gate.refuse();
    return std::nullopt;
  }
  places[*store] = {.routing_id = std::move(from), .user = *user};
  return StoreServer::Incoming{
      .store = *store, .frame = payload->to_string(), .key = user->substr(0, key_digits)};
}

void take_in(::zmq::socket_t& socket, const std::shared_ptr<Shared>& shared, Places& places) {
  bool grew = false;
  for (bool any = true; any && !shared->incoming.full();) {
    if (auto frame = next_frame(socket, *shared->gate, places, any))
      grew = shared->incoming.push(std::move(*frame)) || grew;
  }
  if (grew) shared->reactor.post([shared] { shared->arrived.notify(); });
}

/// A store that has gone, is not let in any more, or takes nothing, gets nothing: it will say Hello again.
void give_out(::zmq::socket_t& socket, const StoreServer::Incoming& reply, const zeromq::Gate& gate,
              Places& places) {
  const auto place = places.find(reply.store);
  if (place == places.end()) return;
  if (!zeromq::store_of_user(gate.directory, place->second.user)) {
    places.erase(place);
    return;
  }
  if (zeromq::send(socket, place->second.routing_id, true)) zeromq::send(socket, reply.frame, false);
}

void serve(::zmq::socket_t& socket, const std::shared_ptr<Shared>& shared) {
  Places places;
  while (!shared->stopping) {
    // While the reactor is behind, frames wait in the sockets, and then at the stores.
    const short read = shared->incoming.full() ? short{0} : short{ZMQ_POLLIN};
    std::array<::zmq::pollitem_t, 2> items{
        {{socket.handle(), 0, read, 0}, {nullptr, shared->wake.descriptor(), ZMQ_POLLIN, 0}}};
    zeromq::wait(items);
    if (items[1].revents != 0) shared->wake.clear();
    while (auto reply = shared->outgoing.pop()) give_out(socket, *reply, *shared->gate, places);
    take_in(socket, shared, places);
  }
}

class RouterServer final : public StoreServer {
 public:
  RouterServer(Reactor& reactor, HubServerOptions options, KeyDirectory directory)
      : options_(std::move(options)), shared_(std::make_shared<Shared>(reactor)) {
    shared_->gate->directory = std::move(directory);
    shared_->gate->on_refusal = std::move(options_.on_refusal);
  }
  ~RouterServer() override {
    shared_->stopping = true;
    shared_->wake.notify();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start() override {
    auto secret_key = zeromq::key_bytes(options_.secret_key);
    if (!secret_key) return failure(secret_key);
    static std::atomic<unsigned> count{0};
    const std::string domain = "perkline-" + std::to_string(count++);
    guard_ = zeromq::guard_domain(domain, shared_->gate);

    auto socket = zeromq::make_socket(::zmq::socket_type::router);
    namespace option = ::zmq::sockopt;
    socket.set(option::curve_server, true);
    socket.set(option::curve_secretkey, *secret_key);
    socket.set(option::zap_domain, domain);
    socket.set(zap_enforce_domain, 1);
    socket.set(option::router_mandatory, true);
    socket.set(option::router_handover, true);
    socket.set(option::sndhwm, frames_per_store_max);
    socket.set(option::rcvhwm, frames_per_store_max);
    try {
      socket.bind(options_.listen);
    } catch (const ::zmq::error_t&) {
      return fail(Errc::io_failed, options_.listen + " cannot be bound");
    }
    endpoint_ = socket.get(option::last_endpoint);
    thread_ = std::thread([shared = shared_, owned = std::move(socket)]() mutable { serve(owned, shared); });
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
