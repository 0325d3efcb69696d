#pragma once

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "shared/json/value.hpp"

namespace perkline::test {

/// The keys of an event's data by hub/events/README.md, and whether each is always there.
using EventKeys = std::map<std::string, bool>;

/// The README's table, by the events' types.
inline const std::map<std::string, EventKeys>& event_table() {
  static const std::map<std::string, EventKeys> table = [] {
    std::map<std::string, EventKeys> rows;
    std::ifstream file(PERKLINE_SOURCE_DIR "/hub/events/README.md");
    static const std::regex row(R"(\| ([A-Z_, ]+) \| [^|]* \| `([^`]*)`.*\|)");
    static const std::regex word(R"(\w+\??)");
    for (std::string line; std::getline(file, line);) {
      std::smatch found;
      if (!std::regex_match(line, found, row)) continue;
      EventKeys keys;
      const std::string list = found[2];
      for (std::sregex_iterator each(list.begin(), list.end(), word); each != std::sregex_iterator();
           ++each) {
        std::string key = each->str();
        const bool always = key.back() != '?';
        if (!always) key.pop_back();
        keys.emplace(std::move(key), always);
      }
      const std::string types = found[1];
      for (std::sregex_iterator each(types.begin(), types.end(), word); each != std::sregex_iterator();
           ++each)
        EXPECT_TRUE(rows.emplace(each->str(), keys).second) << each->str() << " is there twice";
    }
    return rows;
  }();
  return table;
}

/// That an event's data have the keys that the table says, and no others.
inline void expect_documented(const std::string& type, const std::string& data) {
  const auto row = event_table().find(type);
  ASSERT_NE(row, event_table().end()) << type;
  const auto document = json::parse(data);
  ASSERT_TRUE(document) << data;
  for (const json::Member& member : document->root().members())
    EXPECT_TRUE(row->second.contains(std::string(member.name))) << type << " has " << member.name;
  for (const auto& [key, always] : row->second) {
    if (always) EXPECT_NE(document->root().find(key), nullptr) << type << " lacks " << key << ": " << data;
  }
}

/// Of every event that a hub under test has told of; `Hub`: ServedHub.
template <class Hub>
void expect_all_documented(Hub& hub) {
  for (const std::string& event : hub.column("SELECT type || ' ' || data FROM event_outbox"))
    expect_documented(event.substr(0, event.find(' ')), event.substr(event.find(' ') + 1));
}

}  // namespace perkline::test
