#pragma once

#include <string>
#include <vector>

namespace perkline::hub::billing {

/// Appends one line by RFC 4180: cells with a comma, a quote or a line's end are quoted, lines end with CRLF.
/// A cell that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`, a tab or a carriage
/// return, and is no plain number) gets a `'` before it (OWASP, "CSV Injection"). Pure.
void append_csv_line(std::string& out, const std::vector<std::string>& cells);

}  // namespace perkline::hub::billing
