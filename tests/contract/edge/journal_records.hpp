#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>

#include "edge/journal/high_water.hpp"
#include "tests/contract/edge/journal_host.hpp"

/// What journals of these tests hold, their marks and files.
namespace perkline::edge::journal {

inline Batch one(Family family, std::string key, std::string value) {
  Batch batch;
  batch.put(family, std::move(key), std::move(value));
  return batch;
}

inline std::string sequence_key(std::uint64_t sequence) {
  std::string key;
  append_u64(key, sequence);
  return key;
}

/// As the outbox writes it: the chain's hash (here made up), then the event.
inline Batch event(std::uint64_t sequence) {
  return one(Family::outbox, sequence_key(sequence),
             std::string(32, static_cast<char>(sequence)) + "event " + std::to_string(sequence));
}

inline HighWater mark_at(std::uint64_t sequence) {
  HighWater mark{.sequence = sequence, .hash = {}};
  mark.hash.fill(static_cast<std::uint8_t>(sequence));
  return mark;
}

/// The outbox's part of the mark in a journal's folder.
inline HighWater outbox_mark(const std::filesystem::path& folder) {
  auto mark = read_high_water(folder / "high_water").value().value();
  mark.writes = 0;
  return mark;
}

inline std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace perkline::edge::journal
