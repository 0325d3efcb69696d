# Writes migrations/*.sql into one C++ source: cmake -D OUT=… -D "FILES=…;…" -P embed_migrations.cmake
set(entries "")
set(expected 1)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME_WE)
  if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+$")
    message(FATAL_ERROR "${file}: a migration is named NNNN_name.sql")
  endif()
  string(REGEX REPLACE "^0+" "" number "${CMAKE_MATCH_1}")
  if(NOT number EQUAL expected)
    message(FATAL_ERROR "${file}: migrations are numbered 1, 2, 3, …; ${expected} was to come")
  endif()
  math(EXPR expected "${expected} + 1")
  # As hex digits, since CMake would take brackets and semicolons of the text for its own.
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" text "${hex}")
  string(APPEND entries "    {${number}, \"${name}\", \"${text}\"},\n")
endforeach()
file(WRITE "${OUT}" "// Made from hub/db/migrations by embed_migrations.cmake.
#include \"hub/db/migrate.hpp\"

namespace perkline::hub::db {
namespace {

constexpr Migration migrations[] = {
${entries}};

}  // namespace

std::span<const Migration> embedded_migrations() { return migrations; }

}  // namespace perkline::hub::db
")
