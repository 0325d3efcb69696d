# Makes the page at /api-docs part of the binary: cmake -D SOURCE=<this folder> -D WORK=<a folder of the build> -D NPM=<npm>
# -D OUT=<C++ file> -D STAMP=<file> -P embed_docs.cmake
# swagger-ui-dist comes from npm, as the lock file pins it; none of its packages' scripts is run. Without npm, or without
# its registry, the build goes on: OUT says why there is no page, and STAMP is left out so that the next build tries again.
set(reason "")
file(MAKE_DIRECTORY "${WORK}")
file(COPY "${SOURCE}/package.json" "${SOURCE}/package-lock.json" DESTINATION "${WORK}")
if(NOT NPM)
  set(reason "npm was not found")
else()
  execute_process(
    COMMAND "${NPM}" ci --ignore-scripts --no-audit --no-fund --silent
            --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=20000
    WORKING_DIRECTORY "${WORK}" TIMEOUT 180 RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    set(reason "npm could not fetch swagger-ui-dist")
  endif()
endif()

set(dist "${WORK}/node_modules/swagger-ui-dist")
set(files
  "index.html|text/html|${SOURCE}/index.html"
  "start.js|text/javascript|${SOURCE}/start.js"
  "swagger-ui-bundle.js|text/javascript|${dist}/swagger-ui-bundle.js"
  "swagger-ui.css|text/css|${dist}/swagger-ui.css"
  "favicon-32x32.png|image/png|${dist}/favicon-32x32.png"
  "LICENSE.txt|text/plain|${dist}/LICENSE"
  "NOTICE.txt|text/plain|${dist}/NOTICE")

set(symbols "")
set(rows "")
set(number 0)
if(reason STREQUAL "")
  foreach(file IN LISTS files)
    string(REPLACE "|" ";" parts "${file}")
    list(GET parts 0 name)
    list(GET parts 1 type)
    list(GET parts 2 path)
    math(EXPR number "${number} + 1")
    string(APPEND symbols "asm(R\"(
  .section .rodata
  perkline_docs_${number}: .incbin \"${path}\"
  perkline_docs_${number}_end: .byte 0
  .global perkline_docs_${number}, perkline_docs_${number}_end
  .text
)\");
extern \"C\" const char perkline_docs_${number}[], perkline_docs_${number}_end[];
")
    string(APPEND rows "      {\"${name}\", \"${type}\", {perkline_docs_${number}, perkline_docs_${number}_end}},\n")
  endforeach()
else()
  message(WARNING "the page at /api-docs is left out: ${reason}")
endif()

set(text "// Made by embed_docs.cmake.
#include \"hub/api/docs_page.hpp\"

${symbols}
namespace perkline::hub::api {

DocsPage docs_page() {
  return {.files = {
${rows}  },
          .absent_because = \"${reason}\"};
}

}  // namespace perkline::hub::api
")
file(WRITE "${OUT}" "${text}")
if(reason STREQUAL "")
  file(TOUCH "${STAMP}")
endif()
