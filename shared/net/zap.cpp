#include "shared/net/zap.hpp"

#include <map>
#include <thread>

#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/limits.hpp"
#include "shared/core/random.hpp"
#include "shared/net/zmq_socket.hpp"

namespace perkline::net::zeromq {
namespace {

constexpr std::size_t request_parts = 7;
constexpr std::size_t key_digits = 64;
constexpr char routing_id_mark = '.';
constexpr std::size_t routing_id_digits = 32;
static_assert(limits::id_bytes_max + 1 + routing_id_digits <= 255, "what ZeroMQ takes");

/// Answers for all servers of the process, on a thread that ends with the process.
class ZapHandler {
 public:
  static ZapHandler& only() {
    static ZapHandler* const handler = new ZapHandler();
    return *handler;
  }

  void add(const std::string& domain, std::shared_ptr<Gate> gate) {
    const std::scoped_lock lock(mutex_);
    gates_[domain] = std::move(gate);
  }
  void remove(const std::string& domain) {
    const std::scoped_lock lock(mutex_);
    gates_.erase(domain);
  }

 private:
  ZapHandler() {
    socket_.bind("inproc://zeromq.zap.01");
    std::thread([this] { serve(); }).detach();
  }

  void serve() {
    while (true) {
      ::zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
      wait({&item, 1});
      const auto request = receive_all(socket_);
      if (request.empty()) continue;
      const std::string user = request.size() == request_parts ? admitted(request) : std::string();
      send(socket_, "1.0", true);
      send(socket_, request.size() > 1 ? request[1] : "", true);
      send(socket_, user.empty() ? "400" : "200", true);
      send(socket_, user.empty() ? "unknown key" : "OK", true);
      send(socket_, user, true);
      send(socket_, "", false);
    }
  }

  /// The User-Id of whoever asks; empty: refused. Parts: version, request id, domain, address, routing id,
  /// mechanism, key.
  std::string admitted(const std::vector<std::string>& request) {
    // Held while the directory is asked: once a domain is removed, nobody asks its directory any more.
    const std::scoped_lock lock(mutex_);
    const auto found = gates_.find(request[2]);
    if (found == gates_.end()) return {};
    Gate& gate = *found->second;
    const std::string public_key = to_hex(request[6]);
    const auto store = request[5] == "CURVE" ? gate.directory(public_key) : std::nullopt;
    if (!store) {
      gate.refuse();
      return {};
    }
    return user_id(public_key, *store);
  }

  ::zmq::socket_t socket_{context(), ::zmq::socket_type::rep};
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Gate>> gates_;
};

}  // namespace

std::shared_ptr<void> guard_domain(const std::string& domain, std::shared_ptr<Gate> gate) {
  ZapHandler::only().add(domain, std::move(gate));
  return {nullptr, [domain](void*) { ZapHandler::only().remove(domain); }};
}

std::string user_id(const std::string& public_key, const StoreId& store) {
  return public_key + store.str();
}

std::string make_routing_id(const StoreId& store) {
  SystemRng rng;
  std::string bytes;
  append_u64(bytes, rng.next());
  append_u64(bytes, rng.next());
  return store.str() + routing_id_mark + to_hex(bytes);
}

bool is_routing_id_of(const StoreId& store, std::string_view routing_id) {
  return routing_id.size() == store.str().size() + 1 + routing_id_digits &&
         routing_id.starts_with(store.str()) && routing_id[store.str().size()] == routing_id_mark;
}

std::optional<StoreId> store_of_user(const KeyDirectory& directory, const std::string& user) {
  if (user.size() <= key_digits) return std::nullopt;
  auto store = directory(user.substr(0, key_digits));
  if (!store || store->str() != user.substr(key_digits)) return std::nullopt;
  return store;
}

}  // namespace perkline::net::zeromq
