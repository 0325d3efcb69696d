#include "hub/points/cause.hpp"

#include <algorithm>

namespace perkline::hub::points {
namespace {

constexpr std::size_t random_at = 8;  ///< RFC 9562: stamp, version and rand_a stand before it.
constexpr std::uint8_t variant_bits = 0x80;
constexpr std::uint8_t variant_mask = 0x3f;

/// SplitMix64 (Steele, Lea, Flood 2014): every bit of the input moves every bit of the output.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111eb;
  return value ^ (value >> 31U);
}

}  // namespace

Uuid derived_id(const Uuid& from, std::uint64_t number) {
  std::uint64_t seed = number;
  for (const std::uint8_t byte : from.bytes) seed = mix(seed ^ byte);
  Uuid made = from;
  for (std::size_t i = random_at; i < made.bytes.size(); ++i) {
    made.bytes.at(i) = static_cast<std::uint8_t>(seed);
    seed >>= 8U;
  }
  made.bytes.at(random_at) =
      static_cast<std::uint8_t>((made.bytes.at(random_at) & variant_mask) | variant_bits);
  return made;
}

}  // namespace perkline::hub::points
