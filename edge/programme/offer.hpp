#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/loyalty/promotion.hpp"
#include "shared/loyalty/wheel.hpp"
#include "shared/sync/catalogue.hpp"

/// What the hub's catalogue offers this store's members. Pure.
namespace perkline::edge::programme {

struct Prize {
  std::string id;
  std::string name;
  std::string type;  ///< As the hub names it: a store needs to know no type.
  std::int64_t tickets = 0;
  std::optional<std::int64_t> points = std::nullopt;  ///< Its own; nullopt: what the programme gives.
  bool one_time = false;                              ///< Once a member, of all stores and the web.
  bool stocked = false;                               ///< There are only so many: a unit of a lease each.
  Digest terms{};                                     ///< Of the item that said so (sync.proto, SpinDrawn).
};

struct Promotion {
  Uuid id;
  std::string title;
  std::string description;
  std::string type;
  Money amount;
  loyalty::PromotionTerm term;
  Digest terms{};  ///< As a prize's.
};

struct Seed {
  std::chrono::sys_days day;
  Digest commitment{};
  loyalty::ServerSeed secret;
  loyalty::MemberKey member_key{};  ///< What draws with it name their members by.
};

/// Units of a stocked prize that the holder may give away: the ordinals from 1 to `units`.
struct Lease {
  std::string id;
  std::string prize;
  std::uint32_t units = 0;
  Uuid holder;
  WallTime return_after;  ///< When what is left of it is to be given back.
};

struct Offer {
  /// An item that could not be read.
  struct Unusable {
    std::uint32_t kind = 0;
    std::string id;
    std::string key;  ///< Of the value at fault; empty: it is no JSON object.
    std::string reason;
  };
  std::map<std::string, Prize> prizes;
  std::map<Uuid, Promotion> promotions;
  std::map<std::chrono::sys_days, Seed> seeds;
  std::map<std::string, Lease> leases;
  std::vector<Unusable> unusable;  ///< Left out: this version may be too old for them.
};

Offer offer_in(const sync::Catalogue& catalogue);

}  // namespace perkline::edge::programme
