#include "hub/ingest/server.hpp"

#include "shared/net/reactor.hpp"

namespace perkline::hub::ingest {

Server::Server(net::StoreServer& link, Ingest& ingest, net::AsyncClock& clock)
    : link_(link), ingest_(ingest), turns_(clock) {}

Task<void> Server::run() {
  while (true) {
    auto incoming = co_await link_.receive();
    if (!incoming) co_return;
    co_await net::spawn_child(answer(std::move(incoming->store), std::move(incoming->frame)));
  }
}

Task<void> Server::answer(StoreId store, std::string frame) {
  // A store may have a window of batches here at once; each waits for its turn.
  const auto turn = co_await turns_.acquire(store.str(), MonoTime::max());
  if (!turn) co_return;
  auto reply = co_await ingest_.handle(store, std::move(frame));
  if (reply) link_.send(std::move(store), std::move(*reply));
}

}  // namespace perkline::hub::ingest
