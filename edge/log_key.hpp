#pragma once

#include <string>

namespace perkline::edge {

/// Logs name customers by hashes (ops::hashed) under a key of this store's own, in `data_dir/log_key` (0600,
/// 64 hex digits): reads it, or makes it. Where neither can be done the store sells all the same, its hashes
/// being those of this process alone, and the log says so. By who holds the data, before anything is hashed.
void use_log_key(const std::string& data_dir);

}  // namespace perkline::edge
