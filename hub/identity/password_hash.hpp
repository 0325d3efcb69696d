#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "shared/core/result.hpp"

namespace perkline::hub::identity {

/// What argon2id fills, kept from one hash to the next. A library left to itself maps and unmaps it for each,
/// libsodium with all its pages in one call: the lock of the process's address space is held for 20 ms then,
/// and every thread that maps, unmaps or grows its heap meanwhile waits. Of one thread at a time.
class HashMemory {
 public:
  HashMemory() = default;
  HashMemory(const HashMemory&) = delete;
  HashMemory& operator=(const HashMemory&) = delete;
  ~HashMemory() { release(); }

  /// At least `size` bytes, at the beginning of a page, until the next call or release. Pages come when they
  /// are first written. nullptr: there are none to be had.
  std::uint8_t* take(std::size_t size);
  /// Gives all of it back to the system.
  void release();
  /// What is held; zeros between hashes.
  std::span<const std::uint8_t> bytes() const { return {bytes_, size_}; }

 private:
  std::uint8_t* bytes_ = nullptr;
  std::size_t size_ = 0;
};

/// How dear a guess is made.
struct HashCost {
  std::uint32_t passes = 2;
  std::size_t memory_bytes = std::size_t{64} << 20;
  /// What libsodium calls interactive: less than 0.1 s on one core.
  static constexpr HashCost interactive() { return {}; }
};

/// Argon2id (RFC 9106, version 0x13, one lane) with a random salt of its own, in the PHC string format.
/// Blocks for as long as HashCost says; any thread. `kept` is wiped; nullptr: memory of this call's own.
/// Errors: overloaded (no memory to be had).
Result<std::string> hash_password(std::string_view password, HashCost cost, HashMemory* kept = nullptr);

/// Whether `hash` is of `password`; takes as long as the hashing did. False for what is no such hash, takes
/// more than 1 GiB or 64 passes, or when there is no memory. `kept`: as above.
bool verify_password(std::string_view hash, std::string_view password, HashMemory* kept = nullptr);

}  // namespace perkline::hub::identity
