#pragma once

#include <string_view>

namespace perkline {

/// Whether `text` may be a store's id: 1 to 64 of [A-Za-z0-9._-].
bool is_store_id(std::string_view text);

}  // namespace perkline
