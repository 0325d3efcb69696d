#pragma once

#include "shared/core/limits.hpp"

/// Bounds of what the hub sends down to stores (sync.md, "Down"); apart from limits.hpp, as few need them.
namespace perkline::limits {

inline constexpr std::size_t catalogue_items_max = 4096;
inline constexpr std::size_t catalogue_body_bytes_max = 256 * kib;
inline constexpr std::size_t catalogue_bytes_max = 2 * mib;  ///< Of all items' ids and bodies.
inline constexpr std::size_t sync_members_max = 512;         ///< In a MemberDelta.
inline constexpr std::size_t sync_erasures_max = 64;         ///< In an EraseMember.
inline constexpr std::size_t sync_promotions_max = 64;       ///< Of one member.
inline constexpr std::size_t sync_prizes_max = 1000;         ///< In one draw.
inline constexpr std::size_t client_seed_bytes_max = 64;
inline constexpr std::size_t claim_text_bytes_max = 512;
inline constexpr milliseconds spin_reserve_wait{500};  ///< A till's spin for the hub's word, as the next two.
inline constexpr milliseconds member_answer_wait{500};
inline constexpr seconds claim_answer_wait{2};
inline constexpr seconds sync_down_again{10};  ///< What a store has not confirmed by then is sent anew.
static_assert(catalogue_bytes_max + 128 * catalogue_items_max <= sync_frame_bytes_max,
              "a whole catalogue fits a frame");
static_assert(sync_members_max * (text_bytes_max + 2 * id_bytes_max + 128 + 18 * sync_promotions_max) <=
                  sync_frame_bytes_max,
              "a full MemberDelta fits a frame");
static_assert(sync_prizes_max * (id_bytes_max + 16) <= sync_batch_bytes_max / 8,
              "a draw's event is a small part of a batch");
static_assert(config_file_bytes_max <= catalogue_body_bytes_max, "a chain's rules fit an item");

}  // namespace perkline::limits
