#include "shared/config/schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "shared/config/schema_state.hpp"

namespace perkline::config {

void Schema::text(std::string_view key, std::string& value, TextRule rule) {
  state_.text(key, value, rule);
}
void Schema::secret(std::string_view key, std::string& value, TextRule rule) {
  state_.secret(key, value, rule);
}
void Schema::file(std::string_view key, std::string& path) {
  state_.file(key, path);
}
void Schema::flag(std::string_view key, bool& value) {
  state_.flag(key, value);
}
void Schema::document(std::string_view key, std::string& path, const Describe& describe) {
  state_.document(key, path, describe);
}
void Schema::texts(std::string_view key, std::vector<std::string>& values, const WrongText& wrong) {
  state_.texts(key, values, wrong);
}
void Schema::section(std::string_view key, const Describe& describe) {
  state_.section(key, describe);
}
void Schema::fault(std::string_view key, std::string reason) {
  state_.fault(key, std::move(reason));
}
bool Schema::reading() const {
  return state_.reading();
}

void Schema::integer(std::string_view key, std::int64_t& value, std::int64_t low, std::int64_t high) {
  state_.integer(key, value, low, high);
}

void Schema::number(std::string_view key, double& value, double low, double high) {
  state_.number(key, value, low, high);
}

void Schema::sections(std::string_view key, std::function<std::size_t()> size,
                      std::function<void(std::size_t)> resize,
                      const std::function<void(Schema&, std::size_t)>& describe) {
  state_.sections(key, size, resize, describe);
}

void Schema::integers_by_name(std::string_view key, std::vector<std::pair<std::string, std::int64_t>>& values,
                              std::int64_t low, std::int64_t high) {
  state_.integers_by_name(key, values, low, high);
}

void Schema::texts_by_name(std::string_view key, std::vector<std::pair<std::string, std::string>>& values) {
  state_.texts_by_name(key, values);
}

std::string shortest(double number) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr};
}

std::string fault_lines(const std::string& path, const Error& error) {
  std::string lines;
  const auto add = [&](std::string line) {
    // A key comes from the file and may hold anything; a fault is one line all the same.
    std::ranges::replace_if(
        line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
    lines += line + '\n';
  };
  for (const FieldFault& fault : error.faults) {
    const std::string& file = fault.file.empty() ? path : fault.file;
    add(file + ": " + (fault.field.empty() ? "" : fault.field + ": ") + fault.message);
  }
  if (error.faults.empty()) add(path + ": " + error.detail);
  return lines;
}

}  // namespace perkline::config
