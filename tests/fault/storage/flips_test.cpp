#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "bench/fleet/child.hpp"
#include "edge/journal/journal_rocks.hpp"
#include "edge/journal/lease_holder.hpp"
#include "edge/journal/outbox.hpp"
#include "edge/journal/restored.hpp"
#include "edge/session/session_store.hpp"
#include "shared/core/random.hpp"
#include "shared/ops/log.hpp"
#include "tests/fault/storage/shop.hpp"
#include "tests/integration/paths.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::test {
namespace {

namespace fs = std::filesystem;
using edge::journal::Family;

constexpr std::size_t sales = 300;

std::size_t number_in(const char* variable, std::size_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<std::size_t>(std::atol(text));
}
/// A short round by default; PERKLINE_FLIPS asks for more, PERKLINE_FLIPS_SEED for others.
std::size_t flips_wanted() {
  return number_in("PERKLINE_FLIPS", 90);
}
std::uint64_t seed() {
  return number_in("PERKLINE_FLIPS_SEED", 1);
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Some bytes of one of the journal's files, by its path within the folder.
struct Span {
  fs::path file;
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
};
/// A kind of places, of which each has its share of the flips.
struct Kind {
  std::string name;
  unsigned share = 0;  ///< Of a hundred.
  std::vector<Span> spans = {};
};
struct Flip {
  fs::path file;
  std::uint64_t offset = 0;
  unsigned bit = 0;
  std::string text() const {
    return file.string() + ", byte " + std::to_string(offset) + ", bit " + std::to_string(bit);
  }
};

/// What became of a journal with one bit flipped.
enum class Verdict : std::uint8_t {
  refused,     ///< It stays closed, and says so.
  recovered,   ///< It was opened up to the damage, says so, and is kept from settling anything.
  unreadable,  ///< It opens, and reading what is damaged is an error.
  harmless,    ///< Every record is as it was.
  silent,      ///< None of these.
};
constexpr std::array verdict_names{"refused", "recovered", "unreadable", "harmless", "SILENT"};

struct Examined {
  Verdict verdict = Verdict::silent;
  std::string why = {};
};

class FlippedBits : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new TempDir();
    shop_ = new Shop(make_shop(dir_->path() / "shop", sales));
  }
  static void TearDownTestSuite() {
    delete shop_;
    delete dir_;
  }
  void SetUp() override { ops::set_log_level(ops::Level::error); }

  static std::vector<Kind> kinds();
  static std::vector<Span> headers_of(const fs::path& file);
  /// As many as are wanted of `kind`, evenly over its places, each somewhere in its stretch.
  static std::vector<Flip> flips_of(const Kind& kind, std::size_t count, Rng& rng);
  static fs::path flipped_copy(const Flip& flip);
  static Examined examine(const fs::path& folder);
  static Examined examine_recovered(const edge::journal::Journal& journal, Content content);
  static void expect_real(const Flip& flip, Verdict verdict);

  static inline TempDir* dir_ = nullptr;
  static inline Shop* shop_ = nullptr;
};

/// The headers of a log's records: a few bytes in each, and all that a reader goes by.
std::vector<Span> FlippedBits::headers_of(const fs::path& file) {
  constexpr std::uint64_t block = 32 * 1024;
  constexpr std::uint64_t header = 7;
  const std::string log = content(shop_->folder / file);
  std::vector<Span> headers;
  for (std::uint64_t at = 0; at + header <= log.size();) {
    if (block - at % block < header) {
      at += block - at % block;
      continue;
    }
    headers.push_back({.file = file, .begin = at, .bytes = header});
    at += header + static_cast<std::uint8_t>(log[at + 4]) + 256U * static_cast<std::uint8_t>(log[at + 5]);
  }
  return headers;
}

std::vector<Kind> FlippedBits::kinds() {
  Kind log{.name = "WAL", .share = 22};
  Kind log_headers{.name = "WAL record headers", .share = 20};
  Kind table{.name = "SST", .share = 20};
  Kind table_end{.name = "SST index, properties, footer", .share = 14};
  Kind manifest{.name = "MANIFEST", .share = 6};
  Kind manifest_headers{.name = "MANIFEST record headers", .share = 6};
  Kind current{.name = "CURRENT", .share = 4};
  Kind options{.name = "OPTIONS", .share = 2};
  Kind identity{.name = "IDENTITY", .share = 1};
  Kind mark{.name = "high_water", .share = 5};
  mark.spans.push_back({.file = "high_water", .bytes = fs::file_size(shop_->folder / "high_water")});
  std::set<fs::path> files;
  for (const auto& file : fs::directory_iterator(shop_->folder / "db"))
    files.insert("db" / file.path().filename());
  for (const fs::path& file : files) {
    const std::string name = file.filename();
    const Span all{.file = file, .bytes = fs::file_size(shop_->folder / file)};
    const auto add = [&](Kind& kind) { kind.spans.push_back(all); };
    const auto add_headers = [&](Kind& kind) {
      const auto headers = headers_of(file);
      kind.spans.insert(kind.spans.end(), headers.begin(), headers.end());
    };
    if (file.extension() == ".log") add(log), add_headers(log_headers);
    if (file.extension() == ".sst") {
      add(table);
      const std::uint64_t end = std::min<std::uint64_t>(1500, all.bytes);
      table_end.spans.push_back({.file = file, .begin = all.bytes - end, .bytes = end});
    }
    if (name.starts_with("MANIFEST")) add(manifest), add_headers(manifest_headers);
    if (name == "CURRENT") add(current);
    if (name.starts_with("OPTIONS")) add(options);
    if (name == "IDENTITY") add(identity);
  }
  return {log, log_headers, table, table_end, manifest, manifest_headers, current, options, identity, mark};
}

std::vector<Flip> FlippedBits::flips_of(const Kind& kind, std::size_t count, Rng& rng) {
  std::uint64_t bytes = 0;
  for (const Span& span : kind.spans) bytes += span.bytes;
  std::vector<Flip> flips;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t begin = bytes * i / count;
    std::uint64_t at = begin + rng.below(std::max<std::uint64_t>(1, bytes * (i + 1) / count - begin));
    auto span = kind.spans.begin();
    for (; at >= span->bytes; ++span) at -= span->bytes;
    flips.push_back(
        {.file = span->file, .offset = span->begin + at, .bit = static_cast<unsigned>(rng.below(8))});
  }
  return flips;
}

/// Tables are never written again: those that stay as they are need no copy.
fs::path FlippedBits::flipped_copy(const Flip& flip) {
  const fs::path copy = dir_->path() / "flipped";
  fs::remove_all(copy);
  fs::create_directories(copy / "db");
  for (const auto& entry : fs::recursive_directory_iterator(shop_->folder)) {
    if (!entry.is_regular_file()) continue;
    const fs::path file = fs::relative(entry.path(), shop_->folder);
    if (file.extension() == ".sst" && file != flip.file) {
      fs::create_hard_link(entry.path(), copy / file);
    } else {
      fs::copy_file(entry.path(), copy / file);
    }
  }
  std::fstream file(copy / flip.file, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(flip.offset));
  const char byte = static_cast<char>(file.get() ^ (1 << flip.bit));
  file.seekp(static_cast<std::streamoff>(flip.offset));
  file.put(byte);
  PERKLINE_ASSERT(file.good());
  return copy;
}

/// As the daemon does it at its start; then all of it is read.
Examined FlippedBits::examine(const fs::path& folder) {
  net::Reactor reactor;
  std::atomic<int> told = 0;
  auto journal = edge::journal::JournalRocks::open(
      reactor, {.folder = folder, .on_error = [&](std::string_view) { ++told; }});
  if (!journal) return {Verdict::refused, journal.error().detail};
  auto outbox = edge::journal::Outbox::open(**journal, StoreId("store-1"));
  if (!outbox) return {Verdict::refused, outbox.error().detail};
  edge::session::SessionStore store(**journal, **outbox);
  if (const auto counted = store.count(); !counted) return {Verdict::refused, counted.error().detail};
  auto found = content_of(**journal);
  if (!found) return {told > 0 ? Verdict::unreadable : Verdict::silent, found.error().detail};
  if (fs::exists(folder / "db.damaged")) return examine_recovered(**journal, std::move(*found));
  return {*found == shop_->content ? Verdict::harmless : Verdict::silent, "its content is another one"};
}

/// It must be what the shop once was, with all that the mark vouches for, and know that it is behind.
Examined FlippedBits::examine_recovered(const edge::journal::Journal& journal, Content found) {
  const auto restored = edge::journal::read_restored(journal);
  if (!restored || !*restored) return {Verdict::silent, "is not marked as restored"};
  const auto disowned = edge::journal::is_disowned(journal);
  if (!disowned || !*disowned) return {Verdict::silent, "still draws from its leases"};
  for (const std::string_view mark :
       {edge::journal::restored_key, edge::journal::last_restore_key, edge::journal::disowned_key}) {
    found.erase({Family::meta, std::string(mark)});
  }
  const bool known = std::ranges::find(shop_->states, print_of(found)) != shop_->states.end();
  return {known ? Verdict::recovered : Verdict::silent, "it was recovered as what it never was"};
}

/// The real daemon, and `verify`: whatever is damaged, one of them says so.
void FlippedBits::expect_real(const Flip& flip, Verdict verdict) {
  const fs::path folder = flipped_copy(flip);
  const std::string config = dir_->file("edge.yaml");
  std::ofstream(config) << "store_id: store-1\n"
                        << "data_dir: " << folder.string() << "\n"
                        << "api: { listen: \"127.0.0.1:0\" }\n"
                           "ops: { listen: \"127.0.0.1:0\" }\n"
                           "pdi: { url: \"http://127.0.0.1:9\", client_id: a, client_secret: b }\n";
  const std::string program = bin_dir() + "/perkline-edge";
  const auto verified = bench::run_command(program, {"verify", "--config", config});
  ASSERT_TRUE(verified);
  const fs::path log = dir_->path() / "serve.log";
  fs::remove(log);
  auto daemon = bench::Child::start(program, {"serve", "--config", config}, log);
  ASSERT_TRUE(daemon);
  const auto is_ready = [&] { return content(log).find(R"("message":"ready")") != std::string::npos; };
  ASSERT_TRUE(eventually([&] { return is_ready() || !daemon->running(); })) << flip.text();
  const bool ready = is_ready();
  if (daemon->running()) daemon->kill();
  const std::string said = content(log);
  const bool told = verified->status != 0 || !ready || said.find(R"("level":"error")") != std::string::npos;
  if (verdict == Verdict::harmless) {
    EXPECT_TRUE(ready) << flip.text() << "\n" << said;
  } else {
    EXPECT_TRUE(told) << flip.text() << "\n" << said << verified->out;
  }
  if (!ready) EXPECT_NE(said, "") << flip.text();
}

TEST_F(FlippedBits, AreToldOrHarmlessAndNeverASilentLoss) {
  const std::size_t wanted = flips_wanted();
  const std::size_t real_every = std::max<std::size_t>(20, wanted / 100);
  SeededRng rng(seed());
  std::size_t done = 0;
  std::printf("%-30s %6s", "bits flipped in", "flips");
  for (const char* name : verdict_names) std::printf(" %10s", name);
  std::printf("\n");
  for (const Kind& kind : kinds()) {
    ASSERT_FALSE(kind.spans.empty()) << kind.name;
    std::array<std::size_t, verdict_names.size()> verdicts{};
    const auto flips = flips_of(kind, std::max<std::size_t>(1, wanted * kind.share / 100), rng);
    for (const Flip& flip : flips) {
      const Examined examined = examine(flipped_copy(flip));
      ++verdicts[static_cast<std::size_t>(examined.verdict)];
      EXPECT_NE(examined.verdict, Verdict::silent)
          << kind.name << ": " << flip.text() << ": " << examined.why;
      if (examined.verdict == Verdict::refused) EXPECT_NE(examined.why, "") << flip.text();
      if (++done % real_every == 0) expect_real(flip, examined.verdict);
    }
    std::printf("%-30s %6zu", kind.name.c_str(), flips.size());
    for (const std::size_t count : verdicts) std::printf(" %10zu", count);
    std::printf("\n");
  }
}

TEST_F(FlippedBits, NoneFlippedTheJournalIsWholeAndIsOfSeveralLogsAndTables) {
  std::map<std::string, int> files;
  for (const auto& file : fs::directory_iterator(shop_->folder / "db")) ++files[file.path().extension()];
  EXPECT_GE(files[".log"], 3);
  EXPECT_GE(files[".sst"], 8);
  std::set<unsigned char> statuses;
  for (const auto& [place, value] : shop_->content) {
    if (place.first == Family::due) statuses.insert(static_cast<unsigned char>(value.at(0)));
  }
  EXPECT_TRUE(statuses.contains(static_cast<unsigned char>(edge::session::Status::queued)));
  EXPECT_TRUE(statuses.contains(static_cast<unsigned char>(edge::session::Status::in_doubt)));
  const fs::path copy = dir_->path() / "copy";
  fs::copy(shop_->folder, copy, fs::copy_options::recursive);
  const Examined examined = examine(copy);
  EXPECT_EQ(examined.verdict, Verdict::harmless) << examined.why;
}

}  // namespace
}  // namespace perkline::test
