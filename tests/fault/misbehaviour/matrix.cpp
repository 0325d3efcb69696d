#include "tests/fault/misbehaviour/matrix.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/fault/misbehaviour/paths.hpp"

namespace perkline::test {
namespace {

constexpr std::array<std::string_view, FakePdi::call_count> endpoint_names{"identify", "calculate",
                                                                           "finalize", "status", "token"};
constexpr std::array<std::string_view, breaker_state_count> state_names{"closed", "open", "half_open"};

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream words{std::string(text)};
  std::vector<std::string> all;
  for (std::string word; words >> word;) all.push_back(word);
  return all;
}

std::vector<std::string_view> columns_of(std::string_view line) {
  std::vector<std::string_view> all;
  while (true) {
    const std::size_t bar = line.find('|');
    all.push_back(line.substr(0, bar));
    if (bar == std::string_view::npos) return all;
    line.remove_prefix(bar + 1);
  }
}

template <class T, std::size_t N>
T named(const std::array<std::string_view, N>& names, const std::string& name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) throw std::runtime_error("what is " + name + '?');
  return static_cast<T>(found - names.begin());
}

/// One of a column's words, of which there is one alone.
std::string word_of(std::string_view column, std::initializer_list<std::string_view> known) {
  const auto words = words_of(column);
  if (words.size() != 1 || std::ranges::find(known, words[0]) == known.end())
    throw std::runtime_error("what is" + std::string(column) + '?');
  return words[0];
}

}  // namespace

std::string written(Misbehaviour kind) {
  std::string text(simulation::name_of(kind));
  std::ranges::replace(text, ' ', '_');
  return text;
}
std::string_view written(FakePdi::Call endpoint) {
  return endpoint_names[static_cast<std::size_t>(endpoint)];
}
std::string_view written(BreakerIs state) {
  return state_names[static_cast<std::size_t>(state)];
}

Matrix::Matrix(const std::string& path) {
  Sets sets;
  for (std::size_t i = 0; i < misbehaviour_count; ++i) {
    const auto kind = static_cast<Misbehaviour>(i);
    sets[written(kind)] = {kind};
  }
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  for (std::string line; std::getline(file, line);) {
    try {
      if (!line.empty() && !line.starts_with('#')) read_line(line, sets);
    } catch (const std::exception& wrong) {
      throw std::runtime_error(std::string(wrong.what()) + " in: " + line);
    }
  }
}

void Matrix::read_line(std::string_view line, Sets& sets) {
  if (!line.starts_with("set ")) return read_cells(line, sets);
  const auto words = words_of(line);
  std::vector<Misbehaviour> all;
  for (std::size_t i = 3; i < words.size(); ++i) {
    const auto& members = sets.at(words[i]);
    all.insert(all.end(), members.begin(), members.end());
  }
  sets[words.at(1)] = std::move(all);
}

void Matrix::read_cells(std::string_view line, const Sets& sets) {
  const auto columns = columns_of(line);
  if (columns.size() != 8) throw std::runtime_error("not eight columns");
  auto endpoints = words_of(columns[0]);
  const auto state = named<BreakerIs>(state_names, endpoints.back());
  endpoints.pop_back();
  const auto counts = words_of(columns[2]);
  const auto till = words_of(columns[3]);
  const Cell cell{.tries = std::stoul(counts.at(0)),
                  .seen = std::stoul(counts.at(1)),
                  .till = till.at(0) + ' ' + till.at(1),
                  .breaker = word_of(columns[4], {"failure", "success", "ignored", "none"}),
                  .token = word_of(columns[5], {"kept", "refreshed", "none", "new"}),
                  .queue = word_of(columns[6], {"nothing", "queued", "in_doubt", "review"}),
                  .end = word_of(columns[7], {"finalized", "review", "resold", "refused", "on"})};
  for (const std::string& endpoint : endpoints) {
    for (const std::string& set : words_of(columns[1])) {
      for (const Misbehaviour kind : sets.at(set))
        cells_.emplace(Place{kind, named<FakePdi::Call>(endpoint_names, endpoint), state}, cell);
    }
  }
}

std::size_t Matrix::lines_for(Misbehaviour kind, FakePdi::Call endpoint, BreakerIs state) const {
  return cells_.count({kind, endpoint, state});
}

const Cell& Matrix::at(Misbehaviour kind, FakePdi::Call endpoint, BreakerIs state) const {
  const auto found = cells_.find({kind, endpoint, state});
  if (found == cells_.end()) throw std::runtime_error("no line speaks of " + written(kind));
  return found->second;
}

const Matrix& matrix() {
  static const Matrix table(matrix_file());
  return table;
}

}  // namespace perkline::test
