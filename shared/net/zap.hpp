#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "shared/net/link.hpp"

namespace perkline::net::zeromq {

/// Who decides which keys one server lets in, and how many were refused. What is refused is told on the
/// link's threads.
struct Gate {
  KeyDirectory directory;
  std::function<void()> on_refusal;
  std::atomic<std::uint64_t> refused{0};

  void refuse() {
    ++refused;
    if (on_refusal) on_refusal();
  }
};

/// Lets keys in for the server of that domain as long as the returned handle lives. The process has one
/// handler, since ZeroMQ asks at one fixed address (ZMTP's ZAP 1.0, RFC 27). The User-Id of an admitted
/// connection is user_id's text.
std::shared_ptr<void> guard_domain(const std::string& domain, std::shared_ptr<Gate> gate);

/// Key and store as one User-Id, so that each frame can be held against the directory again.
std::string user_id(const std::string& public_key, const StoreId& store);
/// What a store's connection calls itself: the store and a number nobody can guess. With the store alone any
/// other store could take its name at the router, and with it what the hub says to it, although not speak for
/// it.
std::string make_routing_id(const StoreId& store);
bool is_routing_id_of(const StoreId& store, std::string_view routing_id);

/// The store, if the directory still lets that key in as that store.
std::optional<StoreId> store_of_user(const KeyDirectory& directory, const std::string& user);

}  // namespace perkline::net::zeromq
