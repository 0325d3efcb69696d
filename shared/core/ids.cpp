#include "shared/core/ids.hpp"

#include <algorithm>

#include "shared/core/bytes.hpp"

namespace perkline {
namespace {

constexpr std::size_t text_length = 36;
constexpr std::array<std::size_t, 4> dashes{8, 13, 18, 23};

}  // namespace

std::string Uuid::str() const {
  std::string text = to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  text.reserve(text_length);
  for (const std::size_t dash : dashes) text.insert(dash, 1, '-');
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != text_length) return std::nullopt;
  std::string hex;
  hex.reserve(text_length);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = std::ranges::find(dashes, i) != dashes.end();
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) hex.push_back(text[i]);
  }
  const auto bytes = from_hex(hex);
  if (!bytes) return std::nullopt;
  Uuid uuid;
  std::copy(bytes->begin(), bytes->end(), uuid.bytes.begin());
  return uuid;
}

Uuid UuidMaker::next() {
  const auto now =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, clock_.wall_now().time_since_epoch().count()));
  if (now > last_millis_) {
    last_millis_ = now;
    tail_ = rng_.next() >>
            3;  // its top bit stays clear, so that counting up within the millisecond never overflows
  } else {
    tail_ += 1 + (rng_.next() & 0xffff);
  }
  const std::uint64_t low = rng_.next();

  Uuid uuid;
  for (std::size_t i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(last_millis_ >> (40 - 8 * i));
  // Behind the time: version, 12 bits of the tail, variant, its other 50 bits, 12 bits of randomness.
  uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | (tail_ >> 58 & 0x0f));
  uuid.bytes[7] = static_cast<std::uint8_t>(tail_ >> 50);
  uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (tail_ >> 44 & 0x3f));
  for (std::size_t i = 9; i < 14; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(tail_ >> (36 - 8 * (i - 9)));
  uuid.bytes[14] = static_cast<std::uint8_t>((tail_ << 4 & 0xf0) | (low >> 8 & 0x0f));
  uuid.bytes[15] = static_cast<std::uint8_t>(low);
  return uuid;
}

bool is_session_id(std::string_view text) {
  return text.starts_with("sess_") && parse_uuid(text.substr(5)).has_value();
}

bool is_return_id(std::string_view text) {
  return text.starts_with("ret_") && parse_uuid(text.substr(4)).has_value();
}

}  // namespace perkline
