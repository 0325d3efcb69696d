#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"

namespace perkline::hub::db {

/// Something that always holds in sound books.
struct Rule {
  std::string_view sql;   ///< Gives the names of those that break it, at most the first hundred.
  std::string_view what;  ///< They are, with a blank behind it.
  std::string_view says;  ///< What is wrong with each, with a blank before it.
};

/// Who breaks any of these, for people. Errors: the database's.
Result<std::vector<std::string>> find_mismatches(Transaction& transaction, std::span<const Rule> rules);

}  // namespace perkline::hub::db
