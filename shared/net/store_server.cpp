#include <array>
#include <thread>

#include "shared/core/assert.hpp"
#include "shared/net/link.hpp"
#include "shared/net/signal.hpp"
#include "shared/net/zap.hpp"
#include "shared/net/zmq_socket.hpp"

namespace perkline::net {
namespace {

constexpr std::size_t incoming_max = 512;
constexpr std::size_t outgoing_max = 8192;
constexpr int frames_per_store_max = 64;
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

/// The next frame, if it is from whom it says; nullopt when it is not. False in `any`: nothing was there.
std::optional<StoreServer::Incoming> next_frame(void* socket, zmq::Gate& gate, bool& any) {
  zmq::Part routing_id;
  any = routing_id.receive(socket);
  if (!any || !routing_id.more()) return std::nullopt;
  zmq::Part payload;
  if (!payload.receive(socket)) return std::nullopt;
  // After a poll the first part lacks its User-Id (libzmq 4.3.4), and the routing id is whatever the peer
  // says: only the payload's User-Id counts, and the routing id has to be that store's.
  const auto user = payload.property("User-Id");
  const auto store = user ? zmq::store_of_user(gate.directory, *user) : std::nullopt;
  const bool single = !payload.more();
  for (bool more = !single; more;) {
    zmq::Part rest;
    more = rest.receive(socket) && rest.more();
  }
  if (!single || !store || store->str() != routing_id.text()) {
    ++gate.refused;
    return std::nullopt;
  }
  return StoreServer::Incoming{.store = *store, .frame = payload.text()};
}

void take_in(void* socket, const std::shared_ptr<Shared>& shared) {
  bool grew = false;
  for (bool any = true; any && !shared->incoming.full();) {
    if (auto frame = next_frame(socket, *shared->gate, any))
      grew = shared->incoming.push(std::move(*frame)) || grew;
  }
  if (grew) shared->reactor.post([shared] { shared->arrived.notify(); });
}

void serve(zmq::Socket& socket, const std::shared_ptr<Shared>& shared) {
  while (!shared->stopping) {
    // While the reactor is behind, frames wait in the sockets, and then at the stores.
    const short read = shared->incoming.full() ? short{0} : short{ZMQ_POLLIN};
    std::array<zmq_pollitem_t, 2> items{
        {{socket.handle(), 0, read, 0}, {nullptr, shared->wake.descriptor(), ZMQ_POLLIN, 0}}};
    zmq_poll(items.data(), static_cast<int>(items.size()), -1);
    if (items[1].revents != 0) shared->wake.clear();
    while (auto reply = shared->outgoing.pop()) {
      // A store that has gone, or takes nothing, gets nothing: it will say Hello again.
      if (zmq::send(socket.handle(), reply->store.str(), true))
        zmq::send(socket.handle(), reply->frame, false);
    }
    take_in(socket.handle(), shared);
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
