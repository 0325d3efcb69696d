#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "tests/simulation/misbehaviour.hpp"
#include "tests/support/fake_pdi.hpp"

/// The table of what every misbehaviour of PDI's comes to (matrix.txt).
namespace perkline::test {

using simulation::Misbehaviour;
using simulation::misbehaviour_count;

enum class BreakerIs : std::uint8_t { closed, open, half_open };
inline constexpr std::size_t breaker_state_count = 3;

/// As matrix.txt writes them: `reset_before`, `404`; `calculate`; `half_open`.
std::string written(Misbehaviour kind);
std::string_view written(FakePdi::Call endpoint);
std::string_view written(BreakerIs state);

/// What a cell comes to; the columns of matrix.txt.
struct Cell {
  std::size_t tries = 0;
  std::size_t seen = 0;
  std::string till;
  std::string breaker;
  std::string token;
  std::string queue;
  std::string end;
};

class Matrix {
 public:
  /// Throws std::runtime_error, with the line, where the table says what it cannot.
  explicit Matrix(const std::string& path);

  /// How many lines speak of that cell; one is right.
  std::size_t lines_for(Misbehaviour kind, FakePdi::Call endpoint, BreakerIs state) const;
  /// The cell, of which one line at least speaks.
  const Cell& at(Misbehaviour kind, FakePdi::Call endpoint, BreakerIs state) const;

 private:
  using Sets = std::map<std::string, std::vector<Misbehaviour>, std::less<>>;
  void read_line(std::string_view line, Sets& sets);
  void read_cells(std::string_view line, const Sets& sets);

  using Place = std::tuple<Misbehaviour, FakePdi::Call, BreakerIs>;
  std::multimap<Place, Cell> cells_;
};

/// The one in the sources.
const Matrix& matrix();

}  // namespace perkline::test
