#pragma once

#include <string>

#include "shared/json/value.hpp"

namespace perkline::edge {

/// A command's answer for people: a list (what has `items`) as a table under its names, behind a `key: value`
/// line for each of its other members; all else as such lines, what is nested named by its path. Pure.
std::string as_text(const json::Value& answer);

}  // namespace perkline::edge
