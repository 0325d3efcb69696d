#include "hub/ingest/server.hpp"

#include "shared/core/limits.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::hub::ingest {
namespace {

/// A window of batches, and as much again for Hello, Status and a window sent anew.
constexpr std::size_t waiting_max = 2 * limits::sync_window_batches;

/// Of one store: as many tills may wait at once.
constexpr std::size_t asks_max = 64;

}  // namespace

Task<void> Server::run() {
  while (true) {
    auto incoming = co_await link_.receive();
    if (!incoming) co_return;
    if (sync::is_ask(incoming->frame)) {
      co_await net::spawn_child(answer(std::move(*incoming)));
      continue;
    }
    const auto [place, idle] = waiting_.try_emplace(incoming->store);
    if (place->second.size() >= waiting_max) {
      ingest_.note_dropped("overrun");
      continue;
    }
    StoreId store = incoming->store;
    place->second.push_back(std::move(*incoming));
    if (idle) co_await net::spawn_child(serve(std::move(store)));
  }
}

Task<void> Server::answer(net::StoreServer::Incoming asked) {
  if (asked_[asked.store] >= asks_max) {
    ingest_.note_dropped("overrun");
    co_return;
  }
  ++asked_[asked.store];
  auto reply = co_await ingest_.handle(asked.store, std::move(asked.frame), std::move(asked.key));
  if (reply) link_.send(asked.store, std::move(*reply));
  if (const auto place = asked_.find(asked.store); --place->second == 0) asked_.erase(place);
}

Task<void> Server::serve(StoreId store) {
  while (true) {
    // Looked up anew each time: other stores come and go meanwhile.
    const auto place = waiting_.find(store);
    if (place->second.empty()) {
      waiting_.erase(place);
      co_return;
    }
    net::StoreServer::Incoming next = std::move(place->second.front());
    place->second.pop_front();
    auto reply = co_await ingest_.handle(store, std::move(next.frame), std::move(next.key));
    if (reply) link_.send(store, std::move(*reply));
  }
}

}  // namespace perkline::hub::ingest
