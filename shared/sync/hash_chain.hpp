#pragma once

#include <cstdint>
#include <string_view>

#include "shared/core/bytes.hpp"
#include "shared/core/ids.hpp"

/// The chain that lets store and hub see that they speak of the same history (sync.md).
namespace perkline::sync {

/// h0 = SHA-256("perkline-sync-1" ‖ store ‖ epoch as u64 big-endian).
Digest chain_start(const StoreId& store, std::uint64_t epoch);
/// hn = SHA-256(hn-1 ‖ length as u32 big-endian ‖ bytes).
Digest chain_next(const Digest& previous, std::string_view event_bytes);

Digest sha256(std::string_view bytes);

/// SHA-256 of the customer id: how store and hub name a member where the id itself need not be known.
Digest member_hash(const CustomerId& customer);

}  // namespace perkline::sync
