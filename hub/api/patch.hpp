#pragma once

#include <initializer_list>
#include <string_view>

#include "shared/json/fields.hpp"

namespace perkline::hub::api {

/// In a change a member that is absent stays as it is. Null is another thing to say: a fault of each of
/// `names`, which mean nothing by it.
inline void refuse_nulls(json::Fields& fields, const json::Value& root,
                         std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const json::Value* found = root.find(name);
    if (found != nullptr && found->is(json::Value::Kind::null)) fields.fault(name, "must not be null");
  }
}

}  // namespace perkline::hub::api
