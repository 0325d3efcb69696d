#pragma once

#include <string>
#include <string_view>

#include "shared/core/result.hpp"

namespace perkline::hub::api {

/// openapi.yaml as it was when this binary was built.
std::string_view openapi_yaml();

/// A YAML document as JSON, scalars by YAML 1.2's core schema (quoted ones are strings). For our own
/// documents only. Errors: validation_failed for what is no YAML.
Result<std::string> yaml_to_json(std::string_view yaml);

}  // namespace perkline::hub::api
