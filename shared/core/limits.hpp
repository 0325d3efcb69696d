#pragma once

#include <chrono>
#include <cstddef>

/// Every bound of the system that is no configuration, in one place, so that they can be held against each
/// other.
namespace perkline::limits {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;

// HTTP, both daemons (contract.md §5, §6).
inline constexpr std::size_t http_head_bytes_max = 16 * kib;
inline constexpr std::size_t till_body_bytes_max = 256 * kib;
inline constexpr std::size_t hub_body_bytes_max = 1 * mib;
inline constexpr seconds http_head_timeout{10};
inline constexpr seconds http_body_timeout{30};
inline constexpr seconds http_idle_timeout{60};
inline constexpr seconds http_write_timeout{30};
inline constexpr std::size_t lingering_close_bytes_max = 1 * mib;
inline constexpr seconds lingering_close_timeout{2};
inline constexpr seconds drain_timeout{10};
inline constexpr std::size_t hub_connections_max = 16 * kib;
/// What the kernel takes of answers that are not read, a connection (it keeps as much again for itself).
inline constexpr std::size_t http_send_buffer_bytes = 64 * kib;
/// Of a body that counts for nothing below.
inline constexpr std::size_t http_small_body_bytes = 16 * kib;
/// What all requests together may hold of larger bodies.
inline constexpr std::size_t http_large_bodies_bytes_max = 256 * mib;
static_assert(http_large_bodies_bytes_max >= 100 * hub_body_bytes_max, "a hundred of the largest at once");
inline constexpr std::size_t http_refusals_max = 64;  ///< Connections told at a time that there is no room.

// WebSockets: a server's alone speaks, in small frames.
inline constexpr std::size_t web_socket_message_bytes_max = 4 * kib;  ///< Of a peer's.
inline constexpr std::size_t web_socket_queue_max = 16;               ///< Frames on their way to a peer.
inline constexpr seconds web_socket_idle_timeout{
    60};  ///< Without a sign of life; asked for one after half of it.
inline constexpr seconds web_socket_write_timeout{
    10};  ///< For one frame: a peer that does not read is dropped.

// JSON.
inline constexpr std::size_t json_depth_max = 32;
/// Of a request's body: each takes some 80 bytes and 30 ns, and while one body is read nobody else is served.
inline constexpr std::size_t json_request_values_max = 100'000;

// Texts in requests.
inline constexpr std::size_t id_bytes_max = 64;
inline constexpr std::size_t text_bytes_max = 256;
inline constexpr std::size_t basket_items_max = 500;

// What a receipt tells (edge/standin/receipt.hpp).
inline constexpr std::size_t receipt_lines_max = 32;
inline constexpr std::size_t receipt_line_bytes_max = 256;  ///< Longer ones are cut.
inline constexpr std::size_t receipt_template_bytes_max = 512;
static_assert(receipt_lines_max * receipt_line_bytes_max <= 8 * kib,
              "a receipt is a small part of an answer");

// Rewards rules.
inline constexpr std::size_t reward_tiers_max = 64;
inline constexpr std::size_t reward_categories_max = 500;
inline constexpr std::size_t reward_days_max = 400;

// Sessions.
inline constexpr seconds session_queue_wait{2};
inline constexpr std::size_t returns_per_sale_max = 2 * basket_items_max;  ///< They lie in the sale's record.

// PDI.
inline constexpr std::size_t pdi_answer_bytes_max = 1 * mib;
inline constexpr seconds token_wait{5};

// Journal.
inline constexpr std::size_t journal_queue_max = 16 * kib;  ///< Batches waiting for the journal's thread.
inline constexpr std::size_t till_connections_max = 8 * kib;
static_assert(2 * till_connections_max <= journal_queue_max,
              "each till's call and as much again may commit at once");

// Sync (sync.md).
inline constexpr std::size_t sync_batch_events_max = 512;
inline constexpr std::size_t sync_batch_bytes_max = 1 * mib;
inline constexpr std::size_t sync_frame_bytes_max = 4 * mib;
inline constexpr std::size_t sync_window_batches = 8;
/// Of a SaleQuery and its answer.
inline constexpr std::size_t sync_query_sessions_max = 256;
inline constexpr seconds sync_silence_max{15};
inline constexpr seconds sync_status_every{10};
static_assert(2 * sync_batch_bytes_max <= sync_frame_bytes_max, "a full batch and its envelope fit a frame");
static_assert(till_body_bytes_max < sync_batch_bytes_max, "one sale's event fits a batch");

// Configuration files.
inline constexpr std::size_t config_file_bytes_max = 256 * kib;

}  // namespace perkline::limits
