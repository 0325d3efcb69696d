#include "hub/log_key.hpp"

#include "hub/identity/secret.hpp"

namespace perkline::hub {

Result<std::string> load_or_make_log_key(db::Transaction& transaction, Rng& rng) {
  return identity::load_or_make_secret(transaction, "log_key", rng);
}

}  // namespace perkline::hub
