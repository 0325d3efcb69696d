#include "hub/identity/password_hash.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <sys/mman.h>
#include <vector>

#include <argon2.h>
#include <sodium.h>

#include "shared/core/assert.hpp"

namespace perkline::hub::identity {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t salt_bytes = 16;
constexpr std::size_t tag_bytes = 32;
constexpr std::uint32_t memory_kib_max = 1U << 20;
constexpr std::uint32_t passes_max = 64;
constexpr int base64_variant = sodium_base64_VARIANT_ORIGINAL_NO_PADDING;

/// libargon2 asks for memory without saying for whom.
thread_local HashMemory* memory_of_this_thread = nullptr;

int give_memory(std::uint8_t** to, std::size_t size) {
  *to = memory_of_this_thread->take(size);
  return *to == nullptr ? ARGON2_MEMORY_ALLOCATION_ERROR : ARGON2_OK;
}

/// libargon2 has wiped it (FLAG_clear_internal_memory).
void keep_memory(std::uint8_t*, std::size_t) {}

struct Parameters {
  std::uint32_t passes = 0;
  std::uint32_t memory_kib = 0;
  std::uint32_t lanes = 1;  ///< One thread works through all.
};

/// False: no memory, or parameters, a salt or a tag that the RFC does not know.
bool fill_tag(std::string_view password, const Parameters& cost, std::span<const std::uint8_t> salt,
              HashMemory& memory, std::span<std::uint8_t> tag) {
  memory_of_this_thread = &memory;
  argon2_context context{};
  context.out = tag.data();
  context.outlen = static_cast<std::uint32_t>(tag.size());
  // Both are only read: without a flag nothing of the caller's is wiped.
  context.pwd = reinterpret_cast<std::uint8_t*>(const_cast<char*>(password.data()));
  context.pwdlen = static_cast<std::uint32_t>(password.size());
  context.salt = const_cast<std::uint8_t*>(salt.data());
  context.saltlen = static_cast<std::uint32_t>(salt.size());
  context.t_cost = cost.passes;
  context.m_cost = cost.memory_kib;
  context.lanes = cost.lanes;
  context.threads = 1;
  context.version = ARGON2_VERSION_13;
  context.allocate_cbk = give_memory;
  context.free_cbk = keep_memory;
  context.flags = ARGON2_DEFAULT_FLAGS;
  const int result = argon2id_ctx(&context);
  memory_of_this_thread = nullptr;
  return result == ARGON2_OK;
}

std::string base64(std::span<const std::uint8_t> bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), base64_variant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), base64_variant);
  text.pop_back();  // Its final zero.
  return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
  Bytes bytes(text.size());
  std::size_t length = 0;
  if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &length, nullptr,
                        base64_variant) != 0)
    return std::nullopt;
  bytes.resize(length);
  return bytes;
}

/// A PHC string from its beginning on.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool skip(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  bool number(std::uint32_t& value) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{}) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }
  /// Up to the next `$` or the end.
  std::string_view field() {
    const std::string_view found = rest_.substr(0, rest_.find('$'));
    rest_.remove_prefix(found.size());
    return found;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

struct Parsed {
  Parameters cost = {};
  Bytes salt = {};
  Bytes tag = {};
};

std::optional<Parsed> parse(std::string_view hash) {
  Parsed parsed;
  Reader reader(hash);
  if (!reader.skip("$argon2id$v=19$m=") || !reader.number(parsed.cost.memory_kib) || !reader.skip(",t=") ||
      !reader.number(parsed.cost.passes) || !reader.skip(",p=") || !reader.number(parsed.cost.lanes) ||
      !reader.skip("$"))
    return std::nullopt;
  auto salt = from_base64(reader.field());
  if (!salt || !reader.skip("$")) return std::nullopt;
  auto tag = from_base64(reader.field());
  if (!tag || !reader.at_end()) return std::nullopt;
  if (parsed.cost.memory_kib > memory_kib_max || parsed.cost.passes > passes_max) return std::nullopt;
  parsed.salt = std::move(*salt);
  parsed.tag = std::move(*tag);
  return parsed;
}

}  // namespace

std::uint8_t* HashMemory::take(std::size_t size) {
  if (size <= size_) return bytes_;
  release();
  void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  bytes_ = static_cast<std::uint8_t*>(mapped);
  size_ = size;
  return bytes_;
}

void HashMemory::release() {
  if (bytes_ != nullptr) ::munmap(bytes_, size_);
  bytes_ = nullptr;
  size_ = 0;
}

Result<std::string> hash_password(std::string_view password, HashCost cost, HashMemory* kept) {
  PERKLINE_ASSERT(sodium_init() >= 0);
  HashMemory own;
  std::array<std::uint8_t, salt_bytes> salt{};
  randombytes_buf(salt.data(), salt.size());
  std::array<std::uint8_t, tag_bytes> tag{};
  const Parameters parameters{.passes = cost.passes,
                              .memory_kib = static_cast<std::uint32_t>(cost.memory_bytes >> 10)};
  if (!fill_tag(password, parameters, salt, kept != nullptr ? *kept : own, tag))
    return fail(Errc::overloaded, "no memory to hash a password");
  return "$argon2id$v=19$m=" + std::to_string(parameters.memory_kib) +
         ",t=" + std::to_string(parameters.passes) + ",p=" + std::to_string(parameters.lanes) + '$' +
         base64(salt) + '$' + base64(tag);
}

bool verify_password(std::string_view hash, std::string_view password, HashMemory* kept) {
  PERKLINE_ASSERT(sodium_init() >= 0);
  const auto parsed = parse(hash);
  if (!parsed) return false;
  HashMemory own;
  Bytes tag(parsed->tag.size());
  return fill_tag(password, parsed->cost, parsed->salt, kept != nullptr ? *kept : own, tag) &&
         sodium_memcmp(tag.data(), parsed->tag.data(), tag.size()) == 0;
}

}  // namespace perkline::hub::identity
