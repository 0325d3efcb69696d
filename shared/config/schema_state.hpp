#pragma once

#include "shared/config/schema.hpp"

namespace perkline::config {

/// What a description is told to: the reader of a map, or the printer. The calls are Schema's.
struct Schema::State {
  virtual ~State() = default;
  virtual void text(std::string_view key, std::string& value, const TextRule& rule) = 0;
  virtual void secret(std::string_view key, std::string& value, const TextRule& rule) = 0;
  virtual void file(std::string_view key, std::string& path) = 0;
  virtual void integer(std::string_view key, std::int64_t& value, std::int64_t low, std::int64_t high) = 0;
  virtual void number(std::string_view key, double& value, double low, double high) = 0;
  virtual void flag(std::string_view key, bool& value) = 0;
  virtual void document(std::string_view key, std::string& path, const Describe& describe) = 0;
  virtual void texts(std::string_view key, std::vector<std::string>& values, const WrongText& wrong) = 0;
  virtual void section(std::string_view key, const Describe& describe) = 0;
  virtual void sections(std::string_view key, const std::function<std::size_t()>& size,
                        const std::function<void(std::size_t)>& resize,
                        const std::function<void(Schema&, std::size_t)>& describe) = 0;
  virtual void integers_by_name(std::string_view key,
                                std::vector<std::pair<std::string, std::int64_t>>& values, std::int64_t low,
                                std::int64_t high) = 0;
  virtual void texts_by_name(std::string_view key,
                             std::vector<std::pair<std::string, std::string>>& values) = 0;
  virtual void fault(std::string_view key, std::string reason) = 0;
  virtual bool reading() const = 0;
};

/// As short as reads back the same.
std::string shortest(double number);

}  // namespace perkline::config
