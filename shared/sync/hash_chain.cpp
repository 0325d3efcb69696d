#include "shared/sync/hash_chain.hpp"

#include <memory>
#include <string>

#include <openssl/evp.h>

#include "shared/core/assert.hpp"

namespace perkline::sync {

Digest sha256(std::string_view bytes) {
  // Fetched once: OpenSSL 3.0 looks its provider up anew for every implicit fetch.
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  PERKLINE_ASSERT(algorithm != nullptr);
  Digest digest;
  unsigned length = 0;
  PERKLINE_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, algorithm, nullptr) == 1);
  PERKLINE_ASSERT(length == digest.size());
  return digest;
}

Digest chain_start(const StoreId& store, std::uint64_t epoch) {
  std::string bytes = "perkline-sync-1" + store.str();
  append_u64(bytes, epoch);
  return sha256(bytes);
}

Digest chain_next(const Digest& previous, std::string_view event_bytes) {
  std::string bytes(as_chars(previous));
  append_u32(bytes, static_cast<std::uint32_t>(event_bytes.size()));
  bytes += event_bytes;
  return sha256(bytes);
}

Digest member_hash(const CustomerId& customer) {
  return sha256(customer.str());
}

}  // namespace perkline::sync
